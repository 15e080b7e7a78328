"""Gates, architecture and `compact` on any backend: see the file beside it.

`test_other_backends.py` runs this file on JAX, and on PyTorch if installed.
"""

import keras
import numpy as np
from keras import layers, ops

from nfs_keras.models import (
    Architecture,
    add_gates,
    compact,
    count_flops,
    named_gates,
    search_space_summary,
)

IMAGES = np.random.default_rng(0).normal(size=(3, 12, 10, 3)).astype("float32")


def convnet():
    keras.utils.set_random_seed(0)
    image = keras.Input((12, 10, 3))
    maps = layers.Conv2D(16, 3, activation="relu", name="conv")(image)
    maps = layers.BatchNormalization(name="norm")(maps)
    maps = layers.DepthwiseConv2D(3, use_bias=False)(maps)
    maps = layers.SeparableConv2D(16, 3, activation="relu", name="sep")(maps)
    squeezed = layers.GlobalAveragePooling2D(keepdims=True)(maps)
    scale = layers.Dense(16, activation="sigmoid")(squeezed)
    maps = layers.Multiply(name="scaled")([maps, scale])
    return keras.Model(image, layers.Dense(4)(layers.Flatten()(maps)))


def randomize(model):
    generator = np.random.default_rng(0)
    for gate in named_gates(model).values():
        gate.logits.assign(generator.normal(size=gate.logits.shape))
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.beta.assign(generator.normal(size=layer.beta.shape))
            layer.moving_mean.assign(layer.beta * 0.5)


def outputs(model, inputs):
    """What a model predicts, compiled as a whole."""
    return model.predict(inputs, verbose=0)


def test_a_model_is_gated_derived_and_compacted(tmp_path):
    model = convnet()
    after = ["conv", "norm", "scaled"]
    gated = add_gates(model, after, "dual", 2, initial_logit=1e4)
    inputs = [IMAGES, np.array([0, 1, 1], "int32")]
    np.testing.assert_array_equal(
        *(ops.convert_to_numpy(x) for x in (gated(inputs), model(IMAGES)))
    )
    randomize(gated)
    assert len(search_space_summary(gated, print_fn=lambda line: None)) == 6
    architecture = Architecture.derive(gated, 0.5)
    architecture.save(tmp_path / "architecture.json")
    Architecture.load(tmp_path / "architecture.json").apply(gated)
    smaller = compact(gated)
    np.testing.assert_allclose(
        outputs(smaller, inputs), outputs(gated, inputs), atol=1e-5
    )
    share = count_flops(smaller) / count_flops(gated)
    assert share == architecture.share_of_operations(gated) < 1
    assert abs(share - 0.5) < 0.03  # a channel is 3 % here
    smaller.save(tmp_path / "smaller.keras")
    twin = keras.saving.load_model(tmp_path / "smaller.keras")
    np.testing.assert_array_equal(
        outputs(twin, inputs), outputs(smaller, inputs)
    )
