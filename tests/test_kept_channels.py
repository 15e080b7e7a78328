import numpy as np
from figure_checks import check_figure

from nfs_keras.report.kept_channels import channel_fates, plot_kept_channels


def test_every_channel_has_one_fate():
    kept = [[1, 1, 0, 0, 1], [1, 0, 1, 0, 1]]
    assert channel_fates(kept) == {
        "both": 2,
        "visible only": 1,
        "infrared only": 1,
        "neither": 1,
    }


def test_fates_add_up_to_all_channels():
    kept = np.random.default_rng(0).integers(0, 2, (2, 97))
    assert sum(channel_fates(kept).values()) == 97


def test_exchanging_modalities_exchanges_their_fates():
    kept = np.random.default_rng(0).integers(0, 2, (2, 97))
    fates, exchanged = channel_fates(kept), channel_fates(kept[::-1])
    assert fates["visible only"] == exchanged["infrared only"]
    assert fates["both"] == exchanged["both"]


def test_the_figure_is_legible():
    rng = np.random.default_rng(0)
    sizes = {f"stage{k}": 64 * 2**k for k in range(1, 5)}
    kept = {cell: rng.random((2, n)) < 0.7 for cell, n in sizes.items()}
    check_figure(plot_kept_channels(kept, "kept"))


def test_a_bar_is_as_long_as_the_axis():
    figure = plot_kept_channels({"stage1": [[1, 0, 1], [1, 1, 0]]})
    bars = figure.axes[0].patches
    assert np.isclose(sum(bar.get_width() for bar in bars), 100)


def test_a_cell_that_keeps_all_is_drawn():
    check_figure(plot_kept_channels({"stage1": np.ones((2, 8))}))
