"""ImageNet weights of ResNet-50, as `keras.applications` has them."""

import keras
from keras import ops

from nfs_keras.backbones.conv_norm import EPSILON
from nfs_keras.backbones.resnet import KERAS_MEAN
from nfs_keras.models.weight_entries import check_geometry, find_conv_norms


def download_imagenet():
    """Makes the ResNet-50 of `keras.applications` with its weights.

    Raises:
        ConnectionError: If they are neither here nor to be had.
    """
    try:
        return keras.applications.ResNet50(
            include_top=False,
            weights="imagenet",
            input_shape=(None, None, 3),
        )
    except Exception as error:  # Keras raises nothing narrower
        raise ConnectionError(
            "The ImageNet weights are downloaded once, then kept by Keras. "
            f"Received: weights='imagenet', and {error}. "
            "Fetch that file where there is a network, and pass "
            "`backbone='imagenet_resnet50', weights=PATH`."
        ) from error


def imagenet_weights(network, model):
    """Takes a ResNet-50 of `keras.applications` as entries and arrays.

    Both stems take the one stem; the head and non-local blocks are left as
    they are. At inference the numbers are exactly the model's.

    Args:
        network: A `ReIDNetwork` of `imagenet_resnet50`.
        model: `keras.applications.ResNet50`, with any weights.

    Returns:
        Two dicts, as `assign_entries` takes them.
    """
    check_geometry(network, "imagenet_resnet50", KERAS_MEAN, stride_first=True)
    entries = {}
    for stem in network.stems.values():
        for name, variable in named_variables("conv1", stem.conv):
            entries.setdefault(name, []).append(variable)
    for stage, block, part, layer in find_conv_norms(network):
        prefix = f"conv{stage + 2}_block{block + 1}_{part}"
        for name, variable in named_variables(prefix, layer):
            entries[name] = [variable]
    return entries, convert(model)


def named_variables(prefix, layer):
    """Lists a `ConvNorm`'s variables by the names of `keras.applications`."""
    return [
        (f"{prefix}_conv/kernel", layer.conv.kernel),
        *((f"{prefix}_bn/{v.name}", v) for v in layer.norm.variables),
    ]


def convert(model):
    """Gives the model's arrays as our layers need them, by name.

    A bias before a batch norm is what its moving mean is smaller by; another
    epsilon is a variance that is larger by the difference; and pixels come as
    R, G, B where the model was trained on B, G, R.
    """
    arrays = {
        f"{layer.name}/{variable.name}": ops.convert_to_numpy(variable)
        for layer in model.layers
        for variable in layer.variables
        if not isinstance(layer, keras.layers.Dense)
    }
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            name = layer.name
            bias = arrays.pop(f"{name.removesuffix('bn')}conv/bias", 0.0)
            arrays[f"{name}/moving_mean"] -= bias
            arrays[f"{name}/moving_variance"] += layer.epsilon - EPSILON
    arrays["conv1_conv/kernel"] = arrays["conv1_conv/kernel"][:, :, ::-1]
    return arrays
