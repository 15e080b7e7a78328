"""Accuracy: CMC curves, and accuracy against cost."""

import numpy as np

from nfs_keras.modalities import DIRECTIONS
from nfs_keras.report.blocks import chart
from nfs_keras.report.style import (
    INK,
    add_legend,
    curve_style,
    new_figure,
    report_import,
    short_label,
    styled,
)

NINETY_FIVE = 1.96  # standard normal deviate of a 95 % interval
FILLS = ("full", "none", "left", "bottom")


@styled
def plot_cmc(curves, bands=None, title=None, max_rank=20):
    """Plots how often a true match is among the first k answers.

    Args:
        curves: Dict of name to an array of fractions in [0, 1]: `(ranks,)`
            for one trial, `(trials, ranks)` for several. The first is rank 1.
        bands: Dict of name to two arrays `(ranks,)` in [0, 1]: the lower and
            the upper edge of a confidence band. Names may be absent; several
            trials have a band of their own, one standard deviation wide to
            either side of their mean.
        title: String above the axes.
        max_rank: Int. Last rank that is shown.

    Returns:
        A `matplotlib.figure.Figure`.
    """
    figure, ((axes,),) = new_figure(3.2)
    ticks = [1, *range(5, max_rank + 1, 5)]
    bands = {**trial_bands(curves), **(bands or {})}
    for position, (name, curve) in enumerate(curves.items()):
        style = curve_style(position)
        mean = 100 * np.atleast_2d(curve)[:, :max_rank].mean(axis=0)
        ranks = np.arange(1, len(mean) + 1)
        if name in bands:
            edges = [100 * np.asarray(x)[: len(mean)] for x in bands[name]]
            color = style["color"]
            axes.fill_between(ranks, *edges, color=color, alpha=0.18, lw=0)
        marked = [rank - 1 for rank in ticks if rank <= len(ranks)]
        axes.plot(ranks, mean, markevery=marked, **style)
    axes.set(xlabel="Rank k", ylabel="Queries matched by rank k (%)")
    axes.set_title(title)
    axes.set_xticks(ticks)
    low, high = axes.get_ylim()
    axes.set_ylim(max(0, low), min(101, high))
    add_legend(axes, curves, loc="lower right")
    return figure


def trial_bands(curves):
    """Finds mean minus and plus one deviation of curves of several trials."""
    bands = {}
    for name, curve in curves.items():
        if np.ndim(curve) == 2 and len(curve) > 1:
            mean, spread = np.mean(curve, axis=0), np.std(curve, axis=0, ddof=1)
            bands[name] = np.clip([mean - spread, mean + spread], 0, 1)
    return bands


def score_interval(share, num):
    """Estimates the 95 % interval of a share from `num` independent samples.

    Args:
        share: Float array in [0, 1].
        num: Positive int. For a CMC curve that is the number of people, not
            of queries: the queries of one person succeed and fail together.

    Returns:
        Two arrays shaped like `share`: the lower and the upper edge.

    Reference: Wilson, "Probable Inference, the Law of Succession, and
    Statistical Inference", JASA, 1927.
    """
    share = np.asarray(share, float)
    z2 = NINETY_FIVE**2 / num
    center = (share + z2 / 2) / (1 + z2)
    spread = np.sqrt(share * (1 - share) * z2 + z2**2 / 4) / (1 + z2)
    return center - spread, center + spread


@styled
def plot_cost_accuracy(
    names, costs, accuracies, cost="GFLOPs per image", accuracy="mAP (%)"
):
    """Plots accuracy over cost, one point per network and direction.

    Args:
        names: List of strings, one per network.
        costs: List of floats, one per network.
        accuracies: Dict of direction to a list of floats, one per network.
        cost: String under the horizontal axis.
        accuracy: String beside the vertical axis.

    Returns:
        A `matplotlib.figure.Figure`. Up and to the left is better. The marker
        names the network, its filling the direction.
    """
    long = max(map(len, names)) > 18
    lines = len(names) + len(accuracies) if long else len(names)
    figure, ((axes,),) = new_figure(2.7 + 0.2 * lines)
    for fill, values in zip(FILLS, accuracies.values(), strict=False):
        for position, point in enumerate(zip(costs, values, strict=True)):
            axes.plot(*point, **point_style(position, fill))
    axes.set(xlabel=cost, ylabel=accuracy)
    axes.set_xlim(0, 1.12 * max(costs))
    axes.margins(y=0.15)
    add_point_legend(figure, names, accuracies, 1 if long else 2)
    return figure


def point_style(position, fill):
    """Gives marker, colour and filling of one point."""
    style = curve_style(position)
    return {
        "marker": style["marker"],
        "color": style["color"],
        "linestyle": "none",
        "fillstyle": fill,
        "markersize": 9,
        "markeredgewidth": 1.8,
    }


def add_point_legend(figure, names, directions, ncols):
    """Adds a legend: markers name networks, fillings name directions."""
    line = report_import("matplotlib.lines").Line2D
    styles = [point_style(position, "full") for position in range(len(names))]
    for fill, _ in zip(FILLS, directions, strict=False):
        styles.append({**point_style(0, fill), "color": INK})
    figure.legend(
        [line([], [], **style) for style in styles],
        [short_label(name) for name in (*names, *directions)],
        loc="outside lower center",
        ncols=ncols,
        handletextpad=0.2,
    )


def cmc_charts(named):
    """Yields the CMC curves of every direction that has some.

    Args:
        named: Dict of name to a pair: a row of `metrics.json`, and the
            number of people that it was tested on, or `None`.
    """
    for direction in DIRECTIONS:
        curves, bands, titles = {}, {}, set()
        for name, (row, num_people) in named.items():
            scores = row.get(direction) or {}
            if scores.get("cmc"):
                curves[name] = scores["cmc"]
                titles.add(scores.get("title", spaced(direction)))
                bands[name] = cmc_band(scores, num_people)
        if not curves:
            continue
        title = titles.pop() if len(titles) == 1 else spaced(direction)
        bands = {k: band for k, band in bands.items() if band is not None}
        ends = [f"{k} {100 * x[0]:.1f} % at rank 1" for k, x in curves.items()]
        yield chart(
            plot_cmc(curves, bands, title),
            f"CMC curves, {title}: {'; '.join(ends)}.",
            "CMC with 95 % intervals over people."
            if bands
            else "CMC; intervals are unknown, as is the number of people.",
        )


def cmc_band(scores, num_people):
    """Gives the band of a curve: the recorded one, an estimate, or `None`.

    The estimate counts people as independent samples: it is rather too wide.
    """
    recorded = scores.get("intervals") or {}
    ranks = [f"rank{k + 1}" for k in range(len(scores["cmc"]))]
    if all(rank in recorded for rank in ranks[:20]):
        known = [recorded[rank] for rank in ranks if rank in recorded]
        return np.transpose(known) / 100
    if num_people:
        return score_interval(scores["cmc"], num_people)
    return None


def cost_charts(rows):
    """Yields accuracy over cost, if there are networks that have both."""
    rows = [row for row in rows if row.get("flops")]
    accuracies = {
        spaced(direction): [
            (row.get(direction) or {}).get("mean_ap", np.nan) for row in rows
        ]
        for direction in DIRECTIONS
        if any(row.get(direction) for row in rows)
    }
    if not accuracies:
        return
    names = [row["name"] for row in rows]
    giga = max(row["flops"] for row in rows) >= 1e9
    scale, unit = (1e9, "GFLOPs") if giga else (1e6, "MFLOPs")
    costs = [row["flops"] / scale for row in rows]
    points = [
        f"{name} {cost:.3g} {unit} and {value:.1f} % mAP {direction}"
        for direction, values in accuracies.items()
        for name, cost, value in zip(names, costs, values, strict=True)
    ]
    figure = plot_cost_accuracy(names, costs, accuracies, f"{unit} per image")
    alt = f"Accuracy over cost: {'; '.join(points)}."
    yield chart(figure, alt, "Cost against accuracy: up and left is better.")


def spaced(direction):
    """Writes `visible_to_infrared` as words."""
    return direction.replace("_", " ")
