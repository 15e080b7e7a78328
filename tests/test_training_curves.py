import numpy as np
import pytest
from figure_checks import check_figure

from nfs_keras.report.training_curves import (
    plot_gate_movement,
    plot_learning_curves,
    plot_search_curves,
    probability_shares,
)

FALLING = np.linspace(0.9, 0.1, 15)


def test_losses_are_legible():
    curves = {"baseline": np.geomspace(5, 1, 80), "search": [4.0, 2.0]}
    check_figure(plot_learning_curves(curves))


def test_epochs_without_a_value_are_left_out():
    figure = plot_learning_curves({"search": [np.nan, 2.0, np.nan, 1.0]})
    (line,) = figure.axes[0].lines
    np.testing.assert_array_equal(line.get_xdata(), [2, 4])
    np.testing.assert_array_equal(line.get_ydata(), [2, 1])


def test_a_curve_of_one_epoch_is_plotted():
    check_figure(plot_learning_curves({"search": [1.0]}, "Loss"))


def test_the_course_is_legible():
    check_figure(plot_search_curves(FALLING, FALLING, FALLING))


def test_a_panel_for_each_curve_given():
    figure = plot_search_curves(open_fraction=FALLING)
    (axes,) = figure.axes
    assert axes.get_ylabel() == "Open fraction"
    np.testing.assert_array_equal(axes.lines[0].get_xdata(), np.arange(1, 16))


def test_nothing_to_plot_is_refused():
    with pytest.raises(ValueError, match="needs something to plot"):
        plot_search_curves()


def test_the_movement_of_gates_is_legible():
    rng = np.random.default_rng(0)
    gates = {
        "stage1/channel": rng.normal(size=(30, 2, 64)),
        "stage1/spatial": rng.normal(size=(30, 2, 8, 4)),
        "stage2/channel": rng.normal(size=(30, 2, 64)),
    }
    figure = plot_gate_movement(gates)
    check_figure(figure)
    assert len(figure.axes) == 3


def test_one_gate_alone_is_plotted():
    check_figure(plot_gate_movement({"stage1/channel": np.ones((1, 2, 8))}))


def test_every_epoch_shares_out_all_of_its_gates():
    logits = np.random.default_rng(0).normal(0, 30, (7, 2, 5, 3))
    shares = probability_shares(logits)
    np.testing.assert_allclose(shares.sum(axis=0), np.ones(7))


def test_open_gates_stand_at_the_top_and_closed_ones_at_the_bottom():
    shares = probability_shares(np.array([[-1000.0], [1000.0]]))
    assert shares[0, 0] == 1 and shares[-1, 1] == 1


def test_many_gates_are_legible():
    logits = np.random.default_rng(0).normal(size=(30, 2, 64))
    gates = {f"stage{k}_block4_inner1_channel": logits for k in range(32)}
    figure = plot_gate_movement(gates)
    check_figure(figure)
    assert len(figure.axes) == 32
