import numpy as np
from figure_checks import check_figure

from nfs_keras.report.kept_pixels import fit_height, overlay, plot_kept_pixels

RNG = np.random.default_rng(0)
PICTURE = np.uint8(RNG.integers(0, 256, (128, 64, 3)))


def test_the_figure_is_legible():
    heat = {f"stage{k}": RNG.random((2, 18, 9)) for k in range(1, 5)}
    kept = {cell: x > 0.7 for cell, x in heat.items()}
    pictures = {"visible": PICTURE, "infrared": PICTURE}
    check_figure(plot_kept_pixels(pictures, kept, heat))


def test_a_panel_for_each_cell_and_modality():
    kept = {
        "stage1": np.ones((2, 8, 4)),
        "stage2": np.eye(2)[None] * [[[1]], [[1]]],
    }
    figure = plot_kept_pixels({"visible": PICTURE}, kept)
    assert len(figure.axes) == 2 * (1 + 2) + 1  # and the scale


def test_no_picture_is_grey_in_the_shape_of_the_map():
    gray = fit_height(None, (18, 9))
    assert gray.shape == (160, 80, 3)
    assert np.ptp(gray) == 0


def test_kept_pixels_are_brighter_than_dropped_ones():
    gates = np.zeros((2, 1))
    gates[0] = 1
    drawn = overlay(fit_height(PICTURE, (2, 1)), gates, gates).mean(axis=-1)
    assert drawn[:70].mean() > drawn[90:].mean() + 50


def test_the_picture_itself_stays_as_it_is():
    before = PICTURE.copy()
    overlay(PICTURE, np.ones((2, 1)), np.ones((2, 1)))
    np.testing.assert_array_equal(PICTURE, before)


def test_what_is_dropped_is_struck_out_whatever_its_probability():
    heat = np.full((4, 2), 0.9)
    for kept, struck in ((0, True), (1, False)):
        drawn = overlay(PICTURE, heat, np.full((4, 2), kept))
        assert np.any(np.all(drawn == 0, axis=-1)) == struck
