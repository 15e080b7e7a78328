import keras
import numpy as np
import pytest
import tensorflow as tf

from nfs_keras.reid import FusedBatchNorm

SHAPE = (5, 6, 3, 4)
MAPS = np.random.default_rng(0).normal(2.0, 3.0, SHAPE).astype("float32")


def make(kind, dtype="float32"):
    layer = kind(momentum=0.9, epsilon=1e-5, dtype=dtype)
    layer.build(SHAPE)
    layer.gamma.assign([0.5, 1.0, 1.5, -2.0])
    layer.beta.assign([0.0, 1.0, -1.0, 2.0])
    return layer


def train(layer, maps=MAPS, jit_compile=False):
    """Gives the outputs and the gradients by the maps, gamma and beta."""

    def step(inputs):
        values = [inputs, layer.gamma.value, layer.beta.value]
        with tf.GradientTape() as tape:
            tape.watch(values)
            outputs = layer(inputs, training=True)
            loss = tf.reduce_sum(tf.cast(outputs, "float32") ** 3)
        return outputs, *tape.gradient(loss, values)

    maps = tf.constant(maps, layer.compute_dtype)
    return tf.function(step, jit_compile=jit_compile)(maps)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_it_trains_as_the_layer_of_keras(jit_compile):
    ours, theirs = make(FusedBatchNorm), make(keras.layers.BatchNormalization)
    for a, b in zip(
        train(ours, jit_compile=jit_compile), train(theirs), strict=True
    ):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=2e-3)
    for a, b in zip(ours.variables, theirs.variables, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("change", ["inference", "frozen", "synchronized"])
def test_otherwise_it_is_the_layer_of_keras(change):
    layers = make(FusedBatchNorm), make(keras.layers.BatchNormalization)
    for layer in layers:
        layer.trainable = change != "frozen"
        layer.synchronized = change == "synchronized"
    ours, theirs = (
        layer(MAPS, training=change != "inference") for layer in layers
    )
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("dtype", ["mixed_float16", "mixed_bfloat16"])
def test_its_statistics_are_float32_in_half_precision(dtype):
    layer, whole = make(FusedBatchNorm, dtype), make(FusedBatchNorm)
    outputs = train(layer)[0]
    assert outputs.dtype == layer.compute_dtype
    np.testing.assert_allclose(
        tf.cast(outputs, "float32"), train(whole)[0], atol=0.05
    )
    assert {v.dtype for v in layer.variables} == {"float32"}
