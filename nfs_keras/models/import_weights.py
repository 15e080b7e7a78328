"""Weights that were trained elsewhere, brought into a network."""

import pathlib

from nfs_keras.models.imagenet_weights import (
    download_imagenet,
    imagenet_weights,
)
from nfs_keras.models.keras_weights import keras_weights
from nfs_keras.models.torch_weights import torch_weights
from nfs_keras.models.weight_entries import assign_entries

SYNTHETIC = pathlib.Path(__file__).parent / "tiny.weights.h5"


def import_weights(network, source, skip_classifier=False):
    """Gives a network weights and batch-norm statistics from elsewhere.

    The search gates stay as they are: what was trained without a search can
    be searched, and the reverse. Every entry of the source is used once, or
    nothing is changed at all.

    Args:
        network: A built `ReIDNetwork`.
        source: `"imagenet"`, `"synthetic"` (of the `tiny` backbone, shipped
            with this package: `benchmarks/pretrain_tiny.py` made them, and
            they leave the classifier as it is), or the path of a file:

            - `.keras`: a network of ours, or a `keras.applications.ResNet50`;
            - `.h5`: the weights of either;
            - anything else: a PyTorch `state_dict` of torchvision's ResNet-50
              or ResNet-18, or of AGW (read without running code in it).

            The ResNets of `keras.applications` and torchvision go into both
            stems and leave the head, and any non-local blocks, as they are.
        skip_classifier: Whether to leave the classifier as it is: it knows
            the identities that it was trained on.

    Raises:
        ValueError: If the source is not there, or has missing, unknown or
            differently shaped entries: all of them are listed.
        ConnectionError: If ImageNet weights cannot be downloaded.
        ImportError: If a PyTorch file is to be read without PyTorch.
    """
    entries, arrays = read_weights(network, source)
    if skip_classifier or source == "synthetic":
        kernel = network.head.classifier.kernel
        for name in [n for n, vs in entries.items() if vs[0] is kernel]:
            del entries[name]
            arrays.pop(name, None)
    assign_entries(entries, arrays, source)


def read_weights(network, source):
    """Reads a source as entries of the network and their arrays."""
    if source == "imagenet":
        return imagenet_weights(network, download_imagenet())
    if source == "synthetic":
        return keras_weights(network, SYNTHETIC)
    path = pathlib.Path(source)
    if not path.is_file():
        raise ValueError(
            "Weights are read from a file. "
            f"Received: source={str(source)!r}, where there is none. "
            "Pass 'imagenet', 'synthetic' or the path of a .keras, .h5 or "
            "PyTorch file."
        )
    if path.suffix in (".keras", ".h5"):
        return keras_weights(network, path)
    return torch_weights(network, path)
