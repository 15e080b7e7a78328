import numpy as np
import pytest
from figure_checks import check_figure

from nfs_keras.report.accuracy import (
    plot_cmc,
    plot_cost_accuracy,
    score_interval,
    trial_bands,
)

CURVE = np.linspace(0.4, 0.9, 30)
ACCURACIES = {
    "visible to infrared": [45.0, 54.0, 54.0],
    "infrared to visible": [42.0, 51.0, 51.0],
}


def test_cmc_curves_are_legible():
    curves = {"baseline": CURVE, "searched": CURVE**0.5}
    bands = {"baseline": score_interval(CURVE, 206)}
    check_figure(plot_cmc(curves, bands, "visible to infrared"))


def test_only_the_first_ranks_are_plotted():
    figure = plot_cmc({"ours": CURVE}, max_rank=10)
    (line,) = figure.axes[0].lines
    np.testing.assert_array_equal(line.get_xdata(), np.arange(1, 11))
    np.testing.assert_allclose(line.get_ydata(), 100 * CURVE[:10])


def test_a_curve_shorter_than_the_axis_is_plotted_whole():
    figure = plot_cmc({"ours": CURVE[:3]})
    assert len(figure.axes[0].lines[0].get_xdata()) == 3


def test_several_trials_are_plotted_as_their_mean():
    figure = plot_cmc({"ours": np.stack([CURVE - 0.1, CURVE + 0.1])})
    line = figure.axes[0].lines[0]
    np.testing.assert_allclose(line.get_ydata(), 100 * CURVE[:20])


def test_the_band_of_trials_is_their_deviation():
    low, high = trial_bands({"ours": [CURVE - 0.1, CURVE, CURVE + 0.1]})["ours"]
    np.testing.assert_allclose(low, CURVE - 0.1)
    np.testing.assert_allclose(high, np.minimum(CURVE + 0.1, 1))


def test_one_trial_has_no_band_of_its_own():
    assert trial_bands({"ours": CURVE, "theirs": [CURVE]}) == {}


def test_the_interval_solves_the_equation_that_defines_it():
    # Wilson's edges are the shares p from which the one seen is 1.96 of p's
    # own standard deviations away.
    for edge in score_interval(CURVE, 50):
        deviation = np.sqrt(edge * (1 - edge) / 50)
        np.testing.assert_allclose(np.abs(CURVE - edge), 1.96 * deviation)


def test_the_interval_stays_within_zero_and_one():
    low, high = score_interval(np.array([0.0, 1.0]), 10)
    assert np.all(low >= 0) and np.all(high <= 1) and np.all(low < high)


def test_names_are_shown_as_they_are():
    names = ["_hidden", "$x$ and $", "a" * 100]
    figure = plot_cmc(dict.fromkeys(names, CURVE))
    check_figure(figure)
    words = [text.get_text() for text in figure.axes[0].legend_.texts]
    assert words[:2] == ["_hidden", r"\$x\$ and \$"]
    assert len(words[2]) < 40


@pytest.mark.parametrize(
    "names",
    [
        ["baseline", "searched", "compacted"],
        [f"a run with a very long name, number {k}" for k in range(3)],
    ],
    ids=["short", "long"],
)
def test_costs_are_legible(names):
    check_figure(plot_cost_accuracy(names, [6.8, 6.8, 4.1], ACCURACIES))


def test_networks_are_points_that_differ_in_marker_and_in_filling():
    """The marker is the network's, the filling the direction's."""
    figure = plot_cost_accuracy(["a", "b", "c"], [3, 2, 1], ACCURACIES)
    lines = figure.axes[0].lines
    points = [tuple(line.get_xydata()[0]) for line in lines]
    assert points == [(3, 45), (2, 54), (1, 54), (3, 42), (2, 51), (1, 51)]
    looks = {(x.get_marker(), x.get_fillstyle()) for x in lines}
    assert len(looks) == 6
