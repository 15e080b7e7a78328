"""`DualLevelSearch` is its two levels, in order, on one temperature."""

import numpy as np
import pytest
from keras import ops

from nfs_keras.layers import ChannelSearch, DualLevelSearch, SpatialSearch
from nfs_keras.layers.search_gate import named_seed

MAPS = np.random.default_rng(0).normal(size=(6, 4, 3, 5)).astype("float32")
MODALITY = np.array([0, 1, 1, 0, 1, 0], "int32")


def array(tensor):
    return ops.convert_to_numpy(tensor)


def built(cls=DualLevelSearch, **arguments):
    layer = cls(2, **arguments)
    layer.build(MAPS.shape)
    rng = np.random.default_rng(1)
    for variable in layer.search_variables:
        variable.assign(rng.normal(size=variable.shape))
    return layer


def test_a_product_is_the_channel_level_then_the_spatial_level():
    cell = built()
    expected = cell.spatial(cell.channel(MAPS, MODALITY), MODALITY)
    np.testing.assert_allclose(
        array(cell(MAPS, MODALITY)), array(expected), rtol=1e-6
    )


def test_a_sum_is_the_mean_of_the_two_masked_maps():
    cell = built(combine="sum")
    expected = cell.spatial(MAPS, MODALITY) + cell.channel(MAPS, MODALITY)
    np.testing.assert_allclose(
        array(cell(MAPS, MODALITY)), array(expected) / 2, rtol=1e-6, atol=1e-7
    )


@pytest.mark.parametrize("noise", ("sample", "batch"))
def test_training_noise_is_that_of_two_gates_of_the_levels_names(noise):
    cell = built(seed=8, noise=noise, name="cell")
    seed = named_seed(8, "cell")
    channel = built(ChannelSearch, seed=seed, noise=noise, name="channel")
    spatial = built(SpatialSearch, seed=seed, noise=noise, name="spatial")
    channel.logits.assign(cell.channel.logits)
    spatial.logits.assign(cell.spatial.logits)
    expected = spatial(
        channel(MAPS, MODALITY, training=True), MODALITY, training=True
    )
    outputs = cell(MAPS, MODALITY, training=True)
    np.testing.assert_allclose(array(outputs), array(expected), rtol=1e-6)


@pytest.mark.parametrize("seed", (None, 3))
def test_the_levels_draw_noise_of_their_own(seed):
    cell = DualLevelSearch(1, relaxation="binary_concrete", seed=seed)
    cell.build((None, 4, 4, 16))
    channels = array(cell.channel.keep(64, training=True)).reshape(64, 16)
    pixels = array(cell.spatial.keep(64, training=True)).reshape(64, 16)
    assert abs(np.corrcoef(channels.ravel(), pixels.ravel())[0, 1]) < 0.15


def test_the_levels_share_one_temperature():
    cell = built()
    cell.temperature.assign(0.01)
    assert cell.channel.temperature is cell.temperature
    assert cell.spatial.temperature is cell.temperature
    cold = array(cell.channel.keep(6, MODALITY))
    assert set(np.unique(cold)) <= {0.0, 1.0}


def test_search_variables_are_those_of_the_channels_then_of_the_pixels():
    cell = built()
    channel, spatial = cell.search_variables
    assert channel is cell.channel.logits
    assert spatial is cell.spatial.logits


def test_open_fraction_is_the_expected_share_of_open_map_entries():
    product, total = built(), built(combine="sum")
    channels = array(product.channel.open_probabilities())[:, None, None]
    pixels = array(product.spatial.open_probabilities())[..., None]
    both = np.mean(channels * pixels)  # of every entry of both modalities
    assert np.isclose(array(product.open_fraction()), both)
    either = np.mean((channels + pixels) / 2)
    assert np.isclose(array(total.open_fraction()), either)


def test_the_open_fraction_counts_what_each_modality_keeps():
    cell = built()
    cell.freeze([[1] * 5, [0] * 5], [np.zeros((4, 3)), np.ones((4, 3))])
    assert array(cell.open_fraction()) == 0  # not 1/2 x 1/2


def test_each_level_can_be_frozen_to_a_mask_of_its_own():
    cell = built()
    channels = np.array([1, 1, 0, 0, 1])
    pixels = np.tile([0.0, 1.0, 1.0], (4, 1))
    cell.freeze(channels, pixels)
    expected = MAPS * channels * pixels[..., None]
    np.testing.assert_array_equal(array(cell(MAPS, MODALITY)), expected)


def test_an_unknown_combination_raises():
    with pytest.raises(ValueError, match="Received: combine='max'"):
        DualLevelSearch(combine="max")
