import numpy as np
from figure_checks import check_figure

from nfs_keras.report.kept_features import (
    count_kept_channels,
    fit_height,
    overlay,
    plot_kept_channels,
    plot_kept_pixels,
)

IMAGE = np.uint8(np.random.default_rng(0).integers(0, 256, (128, 64, 3)))


def test_every_channel_counts_once():
    kept = [[1, 1, 0, 0, 1], [1, 0, 1, 0, 1]]
    assert count_kept_channels(kept) == {
        "both": 2,
        "visible only": 1,
        "infrared only": 1,
        "neither": 1,
    }


def test_counts_add_up_to_all_channels():
    kept = np.random.default_rng(0).integers(0, 2, (2, 97))
    assert sum(count_kept_channels(kept).values()) == 97


def test_exchanging_modalities_exchanges_their_counts():
    kept = np.random.default_rng(0).integers(0, 2, (2, 97))
    counts, exchanged = (
        count_kept_channels(kept),
        count_kept_channels(kept[::-1]),
    )
    assert counts["visible only"] == exchanged["infrared only"]
    assert counts["both"] == exchanged["both"]


def test_kept_channels_are_legible():
    rng = np.random.default_rng(0)
    sizes = {f"stage{k}": 64 * 2**k for k in range(1, 5)}
    kept = {cell: rng.random((2, n)) < 0.7 for cell, n in sizes.items()}
    check_figure(plot_kept_channels(kept, "kept"))


def test_a_bar_is_as_long_as_the_axis():
    figure = plot_kept_channels({"stage1": [[1, 0, 1], [1, 1, 0]]})
    bars = figure.axes[0].patches
    assert np.isclose(sum(bar.get_width() for bar in bars), 100)


def test_a_cell_that_keeps_all_is_plotted():
    check_figure(plot_kept_channels({"stage1": np.ones((2, 8))}))


def test_kept_pixels_are_legible():
    rng = np.random.default_rng(0)
    heat = {f"stage{k}": rng.random((2, 18, 9)) for k in range(1, 5)}
    kept = {cell: x > 0.7 for cell, x in heat.items()}
    images = {"visible": IMAGE, "infrared": IMAGE}
    check_figure(plot_kept_pixels(images, kept, heat))


def test_a_panel_for_each_cell_and_modality():
    kept = {
        "stage1": np.ones((2, 8, 4)),
        "stage2": np.eye(2)[None] * [[[1]], [[1]]],
    }
    figure = plot_kept_pixels({"visible": IMAGE}, kept)
    assert len(figure.axes) == 2 * (1 + 2) + 1  # and the scale


def test_no_image_is_grey_in_the_shape_of_the_map():
    gray = fit_height(None, (18, 9))
    assert gray.shape == (160, 80, 3)
    assert np.ptp(gray) == 0


def test_kept_pixels_are_brighter_than_dropped_ones():
    gates = np.zeros((2, 1))
    gates[0] = 1
    shown = overlay(fit_height(IMAGE, (2, 1)), gates, gates).mean(axis=-1)
    assert shown[:70].mean() > shown[90:].mean() + 50


def test_the_image_itself_stays_as_it_is():
    before = IMAGE.copy()
    overlay(IMAGE, np.ones((2, 1)), np.ones((2, 1)))
    np.testing.assert_array_equal(IMAGE, before)


def test_what_is_dropped_is_striped_whatever_its_probability():
    heat = np.full((4, 2), 0.9)
    for kept, striped in ((0, True), (1, False)):
        shown = overlay(IMAGE, heat, np.full((4, 2), kept))
        assert np.any(np.all(shown == 0, axis=-1)) == striped
