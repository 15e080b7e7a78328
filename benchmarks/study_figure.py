"""Draws the differences of the study, with their intervals."""

from benchmarks.study_numbers import difference
from nfs_keras.report.style import INK, drawn, mark, new_figure

METRICS = {"rank1": "R-1", "mean_ap": "mAP"}


@drawn
def plot_differences(rows, names, rivals):
    """Draws what rows score above their rivals.

    Args:
        rows: Dict of row to a dict of seed to a line.
        names: List of rows to draw, from top to bottom.
        rivals: List of rows that each is compared with.

    Returns:
        A `matplotlib.figure.Figure`.
    """
    figure, (panels,) = new_figure(
        1.3 + 0.36 * len(names), columns=2, width=8.4, sharey=True
    )
    for axes, (metric, title) in zip(panels, METRICS.items(), strict=True):
        for position, rival in enumerate(rivals):
            height = 0.12 * (2 * position - len(rivals) + 1)
            draw_rival(axes, rows, names, rival, metric, position, height)
        axes.axvline(0, color=INK, linewidth=0.8)
        axes.set(xlabel=f"points of {title}, mean of both directions")
        axes.set_yticks(range(len(names)), names)
    panels[0].invert_yaxis()
    figure.legend(
        panels[0].lines[: len(rivals)],
        [f"above {rival}" for rival in rivals],
        loc="outside lower center",
        ncols=len(rivals),
    )
    return figure


def draw_rival(axes, rows, names, rival, metric, position, height):
    """Draws one comparison of every row: a mark, and its interval."""
    found = {
        place: difference(rows[name], rows[rival], metric)
        for place, name in enumerate(names)
        if name != rival
    }
    found = {place: each for place, each in found.items() if each}
    look = {**mark(position), "linestyle": "none"}
    heights = [place + height for place in found]
    axes.plot([each.mean for each in found.values()], heights, **look)
    for y, each in zip(heights, found.values(), strict=True):
        if each.half is not None:
            axes.hlines(y, each.low, each.high, color=look["color"])
