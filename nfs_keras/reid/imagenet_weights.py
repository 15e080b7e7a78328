"""Loads the ImageNet weights of the ResNet-50 of `keras.applications`."""

import h5py
import keras
import numpy as np
from keras import ops

STEMS = ("visible_stem/", "infrared_stem/")
NORM = ("gamma", "beta", "moving_mean", "moving_variance")


def download_imagenet():
    """Makes the ResNet-50 of `keras.applications` with its weights.

    Raises:
        ConnectionError: If they are not stored and cannot be downloaded.
    """
    try:
        return keras.applications.ResNet50(
            include_top=False,
            weights="imagenet",
            input_shape=(None, None, 3),
        )
    except Exception as error:  # Keras raises no narrower class
        raise ConnectionError(
            "The ImageNet weights are downloaded once, then stored by Keras. "
            f"Received: weights='imagenet', and {error}. "
            "Download that file on a computer with a network, and pass "
            "`backbone='imagenet_resnet50', weights=PATH`."
        ) from error


def load_application(path):
    """Loads a weights file of `keras.applications.ResNet50`."""
    names = []
    with h5py.File(path) as stored:
        stored.visit(names.append)
    names = " ".join(names)
    if not any(word in names for word in ("conv1_conv/", "layers/conv2d_52/")):
        raise ValueError(
            "An .h5 file must hold weights of `keras.applications.ResNet50`. "
            f"Received: source={str(path)!r}, which does not. "
            "Save a `ReIDNetwork` as .keras, and pass that file."
        )
    top = "predictions/" in names or "layers/dense/" in names
    return keras.applications.ResNet50(
        include_top=top,
        weights=str(path),
        input_shape=None if top else (None, None, 3),
    )


def imagenet_arrays(network, model):
    """Converts a ResNet-50 of `keras.applications` to arrays by our names.

    Both stems get the weights of the one stem; the head and non-local blocks
    are left out. At inference the results are exactly the model's: a bias
    before a batch norm is subtracted from its moving mean; the difference of
    the epsilons is added to its variance; and the channels of the first
    kernel are reversed, from B, G, R to R, G, B.

    Args:
        network: A `ReIDNetwork` of `imagenet_resnet50`.
        model: `keras.applications.ResNet50`, with any weights.

    Returns:
        Dict from name to array.
    """
    check_geometry(network, "imagenet_resnet50")
    arrays = {}
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            norm = model.get_layer(layer.name.removesuffix("conv") + "bn")
            for name in our_names(layer.name):
                arrays.update(conv_norm(name, layer, norm))
    for stem in STEMS:
        arrays[f"{stem}conv/kernel"] = arrays[f"{stem}conv/kernel"][:, :, ::-1]
    return arrays


def our_names(name):
    """Lists our names of a convolution, such as `conv2_block1_3_conv`."""
    if name == "conv1_conv":
        return [f"{stem}conv" for stem in STEMS]
    stage, block, part, _ = name.split("_")
    part = "shortcut" if part == "0" else f"conv{part}"
    return [f"stage{int(stage[4:]) - 1}_{block}_{part}"]


def conv_norm(name, conv, norm):
    """Returns the arrays of a convolution and its batch norm by our names."""
    mine = dict(zip(NORM, map(ops.convert_to_numpy, norm.weights), strict=True))
    bias = ops.convert_to_numpy(conv.bias) if conv.use_bias else 0.0
    mine["moving_mean"] = mine["moving_mean"] - bias
    ours = 1e-5  # the epsilon of our batch norms
    mine["moving_variance"] = mine["moving_variance"] + norm.epsilon - ours
    arrays = {f"{name}_norm/{key}": array for key, array in mine.items()}
    return {f"{name}/kernel": ops.convert_to_numpy(conv.kernel), **arrays}


def check_geometry(network, backbone):
    """Raises `ValueError` unless a ResNet's weights fit the network.

    Args:
        network: A `ReIDNetwork`.
        backbone: `"resnet50"` (PyTorch's) or `"imagenet_resnet50"`.
    """
    if geometry(network) != backbone:
        raise ValueError(
            "A ResNet's weights fit only a network with the same pixel "
            f"normalisation and strides. Received: network={network.name!r}, "
            "which has others. Make the network with "
            f"`reid_network(backbone={backbone!r}, ...)`."
        )


def geometry(network):
    """Returns `"resnet50"`, `"imagenet_resnet50"`, or `None` for another.

    They differ in the normalisation of the pixels, and in the convolution of
    a bottleneck that has the stride.
    """
    stems = {layer.name: layer for layer in network.stems["visible"].layers}
    trunk = {layer.name: layer for layer in network.trunk.layers}
    if "pixels" not in stems or "stage2_block1_conv1" not in trunk:
        return None
    keras_pixels = np.isclose(stems["pixels"].scale[0], 1.0)
    stride_first = trunk["stage2_block1_conv1"].strides[0] == 2
    bottleneck = "stage2_block1_conv3" in trunk
    if keras_pixels and stride_first and bottleneck:
        return "imagenet_resnet50"
    if not keras_pixels and (not bottleneck or not stride_first):
        return "resnet50"
    return None
