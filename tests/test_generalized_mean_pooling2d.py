"""`GeneralizedMeanPooling2D` pools between average and maximum."""

import keras
import numpy as np
import pytest
from keras import ops

from nfs_keras.layers import GeneralizedMeanPooling2D
from nfs_keras.ops import generalized_mean

MAPS = np.random.default_rng(0).uniform(size=(2, 6, 3, 5)).astype("float32")


def test_power_one_is_keras_average_pooling():
    np.testing.assert_allclose(
        ops.convert_to_numpy(GeneralizedMeanPooling2D(power=1.0)(MAPS)),
        ops.convert_to_numpy(keras.layers.GlobalAveragePooling2D()(MAPS)),
        rtol=1e-5,
    )


def test_a_power_is_that_of_the_pure_function():
    np.testing.assert_allclose(
        ops.convert_to_numpy(GeneralizedMeanPooling2D(power=4.0)(MAPS)),
        ops.convert_to_numpy(generalized_mean(MAPS, 4.0)),
    )


def test_large_responses_do_not_overflow_in_float16():
    layer = GeneralizedMeanPooling2D(dtype="mixed_float16")
    pooled = layer(np.full((1, 4, 4, 2), 1000.0, "float16"))
    np.testing.assert_allclose(ops.convert_to_numpy(pooled), 1000, rtol=1e-2)


def test_height_and_width_may_be_dynamic():
    outputs = GeneralizedMeanPooling2D()(keras.Input((None, None, 5)))
    assert tuple(outputs.shape) == (None, 5)


@pytest.mark.parametrize("power", (0, -3.0))
def test_a_power_that_is_not_positive_raises(power):
    with pytest.raises(ValueError, match=f"Received: power={power}"):
        GeneralizedMeanPooling2D(power=power)
