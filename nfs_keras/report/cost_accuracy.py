"""What accuracy costs: baseline, searched and compacted in one picture."""

from nfs_keras.report.style import (
    INK,
    drawn,
    extra,
    literal,
    mark,
    new_figure,
)

FILLS = ("full", "none", "left", "bottom")


@drawn
def plot_cost_accuracy(
    names, costs, accuracies, cost="GFLOPs per picture", accuracy="mAP (%)"
):
    """Draws accuracy over cost, one point per network and direction.

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
            axes.plot(*point, **point_look(position, fill))
    axes.set(xlabel=cost, ylabel=accuracy)
    axes.set_xlim(0, 1.12 * max(costs))
    axes.margins(y=0.15)
    explain(figure, names, accuracies, 1 if long else 2)
    return figure


def point_look(position, fill):
    """Gives marker, colour and filling of one point."""
    look = mark(position)
    return {
        "marker": look["marker"],
        "color": look["color"],
        "linestyle": "none",
        "fillstyle": fill,
        "markersize": 9,
        "markeredgewidth": 1.8,
    }


def explain(figure, names, directions, ncols):
    """Adds a legend: markers name networks, fillings name directions."""
    line = extra("matplotlib.lines").Line2D
    looks = [point_look(position, "full") for position in range(len(names))]
    handles = [line([], [], **look) for look in looks]
    for fill, _ in zip(FILLS, directions, strict=False):
        look = {**point_look(0, fill), "color": INK}
        handles.append(line([], [], **look))
    figure.legend(
        handles,
        [literal(name) for name in (*names, *directions)],
        loc="outside lower center",
        ncols=ncols,
        handletextpad=0.2,
    )
