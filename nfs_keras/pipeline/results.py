"""What a run found, in a few lines for a terminal."""

from nfs_keras.modalities import DIRECTIONS
from nfs_keras.report.formats import decimal, duration, short
from nfs_keras.report.run import SYNTHETIC
from nfs_keras.text_tables import format_table

FIGURES = {"rank1": "R-1", "mean_ap": "mAP"}
SHORT = {"visible_to_infrared": "V->I", "infrared_to_visible": "I->V"}


def format_results(rows, synthetic=False):
    """Tabulates the networks of a run, and states what the search gained.

    Args:
        rows: List of dicts, the rows of `metrics.json`.
        synthetic: Whether the test people are synthetic, which is then said.

    Returns:
        String of several lines. Figures are percent; speed is images per
        second on the machine of the run, training is processor time.
    """
    directions = [d for d in DIRECTIONS if d in rows[0]]
    parts = [tabulate(rows, directions)]
    by_name = {row["name"]: row for row in rows}
    if {"baseline", "compacted"} <= set(by_name):
        parts.append(describe_gain(by_name, directions))
    if synthetic:
        parts.append(SYNTHETIC)
    return "\n".join(parts)


def tabulate(rows, directions):
    """Lays out scores and costs, a line for each network."""
    titles = [
        f"{title} {SHORT[direction]}"
        for direction in directions
        for title in FIGURES.values()
    ]
    head = ["", *titles, "operations", "images/s", "training"]
    lines = [
        [
            row["name"],
            *(decimal(row[d][f]) for d in directions for f in FIGURES),
            short(row["flops"]),
            f"{row['images_per_second']:,.0f}",
            duration(row.get("cpu_seconds")),
        ]
        for row in rows
    ]
    return format_table([head, *lines])


def describe_gain(rows, directions):
    """States what the search gained or lost, and at what cost."""
    baseline, compacted = rows["baseline"], rows["compacted"]
    gains = {
        title: [compacted[d][figure] - baseline[d][figure] for d in directions]
        for figure, title in FIGURES.items()
    }
    changes = "; ".join(
        f"{title} {', '.join(f'{gain:+.1f}' for gain in found)}"
        for title, found in gains.items()
    )
    saved = 1 - compacted["flops"] / baseline["flops"]
    lines = [
        f"Searched and compacted against the baseline: {changes}; "
        f"{saved:.0%} fewer operations."
    ]
    if baseline.get("cpu_seconds") and compacted.get("cpu_seconds"):
        lines.append(
            "Processor time of training: "
            f"{duration(baseline['cpu_seconds'])} the baseline, "
            f"{duration(compacted['cpu_seconds'])} the search, its gates' "
            "steps included."
        )
    return "\n".join([*lines, *describe_chance(baseline, directions)])


def describe_chance(row, directions):
    """Says how far chance alone moves R-1, as far as that is known."""
    if "deviation" in row[directions[0]]:
        widest = max(row[d]["deviation"]["rank1"] for d in directions)
        return [f"From trial to trial R-1 deviates by {widest:.1f}."]
    if "intervals" not in row[directions[0]]:
        return []
    intervals = [row[d]["intervals"]["rank1"] for d in directions]
    widest = max(high - low for low, high in intervals) / 2
    return [
        f"With other test people R-1 could be {widest:.1f} off, and another "
        "seed moves it too: trust a gain that several seeds show."
    ]
