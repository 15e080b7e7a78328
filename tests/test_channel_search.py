"""`ChannelSearch` scales whole channels."""

import numpy as np
import pytest
from backends import quick
from keras import ops

from nfs_keras.layers import ChannelSearch


def test_a_channel_is_scaled_alike_at_every_position():
    layer = ChannelSearch(relaxation="binary_concrete")
    layer.build((2, 4, 3, 8))
    mask = quick(layer, training=True)(np.ones((2, 4, 3, 8), "float32"))
    mask = ops.convert_to_numpy(mask)
    assert np.all(mask == mask[:, :1, :1])
    assert np.unique(mask).size == 2 * 8


def test_there_is_one_logit_per_modality_and_channel():
    layer = ChannelSearch(num_modalities=3)
    layer.build((None, None, None, 8))  # height and width may be dynamic
    assert tuple(layer.logits.shape) == (3, 8)


def test_freezing_to_a_choice_keeps_just_those_channels():
    layer = ChannelSearch(num_modalities=2)
    layer.build((None, 4, 3, 4))
    layer.freeze([[1, 0, 0, 1], [0, 1, 0, 1]])
    maps = np.random.default_rng(0).normal(size=(2, 4, 3, 4)).astype("float32")
    outputs = ops.convert_to_numpy(quick(layer)(maps, np.array([0, 1])))
    np.testing.assert_array_equal(outputs[0], maps[0] * [1, 0, 0, 1])
    np.testing.assert_array_equal(outputs[1], maps[1] * [0, 1, 0, 1])


def test_derived_channels_are_those_of_positive_logits():
    layer = ChannelSearch()
    layer.build((None, 4, 3, 3))
    layer.logits.assign([[0.5, -0.5, 2.0]])
    np.testing.assert_array_equal(layer.derived_mask().ravel(), [1, 0, 1])


@pytest.mark.parametrize("shape", [(2, 8), (2, 5, 8), (2, 3, 4, 5, 8)])
def test_the_last_axis_is_searched_on_maps_of_any_rank(shape):
    layer = ChannelSearch()
    layer.build(shape)
    layer.freeze(np.arange(8) % 2)
    maps = np.random.default_rng(0).normal(size=shape).astype("float32")
    outputs = ops.convert_to_numpy(quick(layer)(maps))
    np.testing.assert_array_equal(outputs, maps * (np.arange(8) % 2))
