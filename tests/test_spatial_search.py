"""`SpatialSearch` scales whole pixels."""

import numpy as np
import pytest
from backends import quick
from keras import ops

from nfs_keras.layers import SpatialSearch


def test_a_pixel_is_scaled_alike_in_every_channel():
    layer = SpatialSearch(relaxation="binary_concrete")
    layer.build((2, 4, 3, 8))
    mask = quick(layer, training=True)(np.ones((2, 4, 3, 8), "float32"))
    mask = ops.convert_to_numpy(mask)
    assert np.all(mask == mask[..., :1])
    assert np.unique(mask).size == 2 * 4 * 3


def test_there_is_one_logit_per_modality_and_position():
    layer = SpatialSearch(num_modalities=3)
    layer.build((None, 4, 3, None))  # the number of channels may be dynamic
    assert tuple(layer.logits.shape) == (3, 4, 3)


def test_freezing_to_a_choice_keeps_just_those_pixels():
    layer = SpatialSearch(num_modalities=2)
    layer.build((None, 2, 2, 3))
    upper, lower = [[1, 1], [0, 0]], [[0, 0], [1, 1]]
    layer.freeze([upper, lower])
    maps = np.random.default_rng(0).normal(size=(2, 2, 2, 3)).astype("float32")
    outputs = ops.convert_to_numpy(quick(layer)(maps, np.array([0, 1])))
    np.testing.assert_array_equal(outputs[0, 0], maps[0, 0])
    np.testing.assert_array_equal(outputs[1, 1], maps[1, 1])
    assert not np.any(outputs[0, 1])
    assert not np.any(outputs[1, 0])


@pytest.mark.parametrize("shape", [(2, 6, 3), (2, 3, 4, 5, 2)])
def test_all_axes_between_are_searched_on_maps_of_any_rank(shape):
    layer = SpatialSearch()
    layer.build(shape)
    generator = np.random.default_rng(0)
    mask = generator.integers(0, 2, shape[1:-1])
    layer.freeze(mask)
    maps = generator.normal(size=shape).astype("float32")
    outputs = ops.convert_to_numpy(quick(layer)(maps))
    np.testing.assert_array_equal(outputs, maps * mask[None, ..., None])
