"""What a run found, in a few lines for a terminal."""

from nfs_keras.report.formats import decimal, short
from nfs_keras.report.run import SYNTHETIC

DIRECTIONS = ("visible_to_infrared", "infrared_to_visible")
FIGURES = {"rank1": "R-1", "mean_ap": "mAP"}


def tell_results(rows, synthetic=False):
    """Tabulates the networks of a run, and says what the search brought.

    Args:
        rows: List of dicts, the rows of `metrics.json`.
        synthetic: Whether the test people are drawn, which is then said.

    Returns:
        String of several lines. Figures are percent; speed is pictures per
        second on the machine of the run.
    """
    directions = [d for d in DIRECTIONS if d in rows[0]]
    parts = [tabulate(rows, directions)]
    by_name = {row["name"]: row for row in rows}
    if {"baseline", "searched"} <= set(by_name):
        parts.append(tell_gain(by_name, directions))
    if synthetic:
        parts.append(SYNTHETIC)
    return "\n".join(parts)


def tabulate(rows, directions):
    """Lays out scores and costs, a line for each network."""
    spans = [" " * 10, *(f"{spaced(d):>21}" for d in directions)]
    titles = f"{'R-1':>13}{'mAP':>8}" * len(directions)
    lines = ["".join(spans), f"{'':10}{titles}{'FLOPs':>10}{'pictures/s':>12}"]
    for row in rows:
        scores = [
            f"{decimal(row[d]['rank1']):>13}{decimal(row[d]['mean_ap']):>8}"
            for d in directions
        ]
        cost = f"{short(row['flops']):>10}{row['images_per_second']:>12,.0f}"
        lines.append(f"{row['name']:10}{''.join(scores)}{cost}")
    return "\n".join(lines)


def tell_gain(rows, directions):
    """Says what the search gained or lost, and how far chance could go."""
    baseline, searched = rows["baseline"], rows["searched"]
    gains = {
        figure: [searched[d][figure] - baseline[d][figure] for d in directions]
        for figure in FIGURES
    }
    every = sum(gains.values(), [])
    words = "gained in some figures and lost in others"
    if not any(every):
        words = "changed no figure"
    elif min(every) > 0:
        words = "gained in all figures"
    elif max(every) < 0:
        words = "lost in all figures"
    told = "; ".join(
        f"{title} {', '.join(f'{gain:+.1f}' for gain in gains[figure])}"
        for figure, title in FIGURES.items()
    )
    return f"The search {words}: {told}.{tell_chance(baseline, directions)}"


def tell_chance(row, directions):
    """Says how far chance alone moves R-1, as far as that is known."""
    if "deviation" in row[directions[0]]:
        widest = max(row[d]["deviation"]["rank1"] for d in directions)
        return f" From trial to trial R-1 deviates by {widest:.1f}."
    if "intervals" not in row[directions[0]]:
        return ""
    intervals = [row[d]["intervals"]["rank1"] for d in directions]
    widest = max(high - low for low, high in intervals) / 2
    return (
        f" With other test people R-1 could be {widest:.1f} off, and another "
        "seed moves it too: trust a gain that several seeds show."
    )


def spaced(direction):
    return direction.replace("_", " ")
