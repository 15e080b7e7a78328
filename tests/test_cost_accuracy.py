from figure_checks import check_figure

from nfs_keras.report.cost_accuracy import plot_cost_accuracy

ACCURACIES = {
    "visible to infrared": [45.0, 54.0, 54.0],
    "infrared to visible": [42.0, 51.0, 51.0],
}


def test_the_figure_is_legible():
    names = ["baseline", "searched", "compacted"]
    check_figure(plot_cost_accuracy(names, [6.8, 6.8, 4.1], ACCURACIES))


def test_long_names_are_legible():
    names = [f"a run with a very long name, number {k}" for k in range(3)]
    check_figure(plot_cost_accuracy(names, [6.8, 6.8, 4.1], ACCURACIES))


def test_every_network_is_a_point_in_each_direction():
    figure = plot_cost_accuracy(["a", "b", "c"], [3, 2, 1], ACCURACIES)
    points = [tuple(line.get_xydata()[0]) for line in figure.axes[0].lines]
    assert points == [(3, 45), (2, 54), (1, 54), (3, 42), (2, 51), (1, 51)]


def test_networks_differ_in_marker_and_directions_in_filling():
    figure = plot_cost_accuracy(["a", "b", "c"], [3, 2, 1], ACCURACIES)
    lines = figure.axes[0].lines
    looks = {(x.get_marker(), x.get_fillstyle()) for x in lines}
    assert len(looks) == 6
