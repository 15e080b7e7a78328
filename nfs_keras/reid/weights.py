"""Loads weights of other programs into a network."""

import pathlib

import keras
import numpy as np
from keras import ops

from nfs_keras.files import check_keras_file
from nfs_keras.reid.imagenet_weights import (
    download_imagenet,
    imagenet_arrays,
    load_application,
)
from nfs_keras.reid.torch_weights import torch_arrays

SYNTHETIC = pathlib.Path(__file__).parent / "tiny.npz"
CLASSIFIER = "classifier/kernel"
HEAD = ("neck/", "classifier/")
MOST_FLAWS = 20  # that one error lists


def import_weights(network, source, skip_classifier=False):
    """Loads weights and batch-norm statistics from a file into a network.

    The search gates are not changed: weights that were trained without a
    search can be searched, and the reverse. Every entry of the source is used
    once, or nothing is changed at all.

    Args:
        network: A `ReIDNetwork`.
        source: `"imagenet"`, `"synthetic"` (of the `tiny` backbone, shipped
            with this package: `tools/pretrain_tiny.py` made them, and
            they do not change the classifier), or the path of a file:

            - `.keras`: a `ReIDNetwork`, or a `keras.applications.ResNet50`;
            - `.h5`: the weights of the latter;
            - `.npz`: arrays by the names of `network.named_variables()`;
            - anything else: a PyTorch `state_dict` of torchvision's ResNet-50
              or ResNet-18, or of AGW (read without running code in it).

            The ResNets of `keras.applications` and torchvision are loaded
            into both stems, and do not change the head and non-local blocks.
        skip_classifier: Whether to leave the classifier unchanged: it
            classifies only the identities that it was trained on.

    Raises:
        ValueError: If the source does not exist, or has missing, unknown or
            differently shaped entries, which are listed.
        ConnectionError: If ImageNet weights cannot be downloaded.
        ImportError: If a PyTorch file is to be read without PyTorch.
    """
    variables, arrays = network.named_variables(), read_weights(network, source)
    if skip_classifier or source == "synthetic":
        variables.pop(CLASSIFIER)
        arrays.pop(CLASSIFIER, None)
    if not any(name.startswith(HEAD) for name in arrays):  # of a classifier
        left = [n for n in variables if n.startswith(HEAD) or "non_local" in n]
        for name in left:
            del variables[name]
    flaws = find_flaws(variables, arrays)
    if flaws:
        listed = flaws[:MOST_FLAWS]
        if len(flaws) > MOST_FLAWS:
            listed.append(f"and {len(flaws) - MOST_FLAWS} more")
        raise ValueError(
            "The weights must have the names and shapes of the network. "
            f"Received: source={str(source)!r}, where {'; '.join(listed)}. "
            "Make the network as the source was made; for a classifier of "
            "other identities pass `skip_classifier=True`."
        )
    for name, variable in variables.items():
        variable.assign(arrays[name])


def read_weights(network, source):
    """Reads a source as arrays by the names of a network's variables."""
    if source == "imagenet":
        return imagenet_arrays(network, download_imagenet())
    path = SYNTHETIC if source == "synthetic" else pathlib.Path(source)
    if not path.is_file():
        raise ValueError(
            "`source` must be a file of weights. "
            f"Received: source={str(source)!r}, which does not exist. "
            "Pass 'imagenet', 'synthetic' or the path of a .keras, .h5, .npz "
            "or PyTorch file."
        )
    if path.suffix == ".npz":
        with np.load(path) as arrays:
            return {k: array.astype("float32") for k, array in arrays.items()}
    if path.suffix == ".h5":
        return imagenet_arrays(network, load_application(path))
    if path.suffix == ".keras":
        return keras_arrays(network, path)
    return torch_arrays(network, path)


def keras_arrays(network, path):
    """Reads a saved `ReIDNetwork`, or a ResNet-50 of `keras.applications`."""
    check_keras_file(path)
    model = keras.models.load_model(path, compile=False)
    if hasattr(model, "named_variables"):
        return arrays_of(model)
    if "conv1_conv" in {layer.name for layer in model.layers}:
        return imagenet_arrays(network, model)
    raise ValueError(
        "A Keras file must hold a `ReIDNetwork` or the ResNet-50 of "
        f"`keras.applications`. Received: source={str(path)!r}, which "
        "holds neither. Pass a file of one of them."
    )


def arrays_of(network):
    """Returns a network's variables as arrays by name, without its gates."""
    variables = network.named_variables()
    return {k: ops.convert_to_numpy(v) for k, v in variables.items()}


def find_flaws(variables, arrays):
    """Describes entries that are missing, unknown or of another shape."""
    flaws = [f"{name} is missing" for name in variables if name not in arrays]
    for name, array in arrays.items():
        if name not in variables:
            flaws.append(f"{name} is unknown, of shape {array.shape}")
        elif tuple(variables[name].shape) != array.shape:
            shape = tuple(variables[name].shape)
            flaws.append(f"{name} is of shape {array.shape}, not {shape}")
    return flaws
