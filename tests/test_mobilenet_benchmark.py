"""Weights of PyTorch's form enter a Keras model in order."""

import keras
import numpy as np
import pytest

from benchmarks.mobilenet import fill


def model():
    layers = keras.layers
    image = keras.Input((4, 4, 3))
    maps = layers.Conv2D(5, 3, use_bias=False)(image)
    maps = layers.BatchNormalization(epsilon=1e-3)(maps)
    maps = layers.DepthwiseConv2D(2, use_bias=False)(maps)
    return keras.Model(image, maps)


def arrays_of(generator):
    shapes = [(5, 3, 3, 3), *[(5,)] * 4, (5, 1, 2, 2)]
    return [generator.uniform(0.5, 1, s).astype("float32") for s in shapes]


def test_the_model_computes_what_the_arrays_say():
    generator = np.random.default_rng(0)
    image = generator.normal(size=(2, 4, 4, 3)).astype("float32")
    arrays = arrays_of(generator)
    filled = model()
    fill(filled, arrays)
    kernel, gamma, beta, mean, variance, depthwise = arrays
    windows = np.lib.stride_tricks.sliding_window_view
    maps = np.einsum(
        "nhwcij,ocij->nhwo", windows(image, (3, 3), (1, 2)), kernel
    )
    maps = (maps - mean) / np.sqrt(variance + 1e-5) * gamma + beta
    expected = np.einsum(
        "nhwcij,cij->nhwc", windows(maps, (2, 2), (1, 2)), depthwise[:, 0]
    )
    np.testing.assert_allclose(filled(image), expected, rtol=1e-4, atol=1e-4)


def test_more_or_fewer_arrays_than_the_layers_need_raise():
    arrays = arrays_of(np.random.default_rng(0))
    with pytest.raises(ValueError, match="7 arrays, 1 too many"):
        fill(model(), [*arrays, arrays[1]])
    with pytest.raises(ValueError, match="5 arrays, 1 too few"):
        fill(model(), arrays[:-1])
