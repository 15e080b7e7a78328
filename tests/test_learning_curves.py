import numpy as np
from figure_checks import check_figure

from nfs_keras.report.learning_curves import plot_learning_curves


def test_the_figure_is_legible():
    curves = {"baseline": np.geomspace(5, 1, 80), "search": [4.0, 2.0]}
    check_figure(plot_learning_curves(curves))


def test_epochs_without_a_value_are_left_out():
    figure = plot_learning_curves({"search": [np.nan, 2.0, np.nan, 1.0]})
    (line,) = figure.axes[0].lines
    np.testing.assert_array_equal(line.get_xdata(), [2, 4])
    np.testing.assert_array_equal(line.get_ydata(), [2, 1])


def test_a_curve_of_one_epoch_is_drawn():
    check_figure(plot_learning_curves({"search": [1.0]}, "Loss"))
