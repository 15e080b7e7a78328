"""Weights from Keras' own files: of our networks, or `keras.applications`."""

import io
import pathlib
import tempfile
import zipfile

import h5py
import keras
import numpy as np

from nfs_keras.models.imagenet_weights import imagenet_weights


def keras_weights(network, path):
    """Reads a Keras file as entries of a network and their arrays.

    Args:
        network: A `ReIDNetwork`, with any search cells or none.
        path: A `.keras` or `.h5` file of a `ReIDNetwork`, whose own cells are
            left aside, or of a `keras.applications.ResNet50`.

    Returns:
        Two dicts, as `assign_entries` takes them.
    """
    arrays = stored_arrays(path)
    if not any(name.startswith("layers/stage") for name in arrays):
        return imagenet_weights(network, load_application(path, arrays))
    return stored_entries(network), arrays


def stored_arrays(path):
    """Reads all arrays of a Keras file but those of search cells, by name."""
    file = path
    if pathlib.Path(path).suffix == ".keras":
        with zipfile.ZipFile(path) as archive:
            file = io.BytesIO(archive.read("model.weights.h5"))
    arrays = {}

    def collect(name, item):
        if isinstance(item, h5py.Dataset) and not name.startswith("cells/"):
            arrays[name] = item[()]

    with h5py.File(file) as stored:
        stored.visititems(collect)
    return arrays


def stored_entries(network):
    """Maps the names that Keras stores to the variables of a network.

    Keras does not tell them, so a twin is stored whose variables hold their
    own numbers, and the file is read.
    """
    config = network.get_config()
    for stage in config["stages"]:
        stage["config"]["cell"] = None
        for block in stage["config"]["blocks"]:
            block["config"].pop("inner_gates", None)
    twin = type(network).from_config(config)
    twin.build()
    for number, variable in enumerate(twin.variables):
        variable.assign(np.full(variable.shape, number))
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "numbers.weights.h5"
        twin.save_weights(path)
        numbers = stored_arrays(path)
    variables = network.feature_variables
    return {
        name: [variables[int(array.flat[0])]] for name, array in numbers.items()
    }


def load_application(path, arrays):
    """Loads a ResNet-50 of `keras.applications`, with or without its top."""
    names = " ".join(arrays)
    if not any(word in names for word in ("conv1_conv/", "layers/conv2d_52/")):
        raise ValueError(
            "A Keras file holds a network of ours or the ResNet-50 of "
            f"`keras.applications`. Received: source={str(path)!r}, which "
            "holds neither. Pass a file that one of them has been saved to."
        )
    if pathlib.Path(path).suffix == ".keras":
        return keras.models.load_model(path, compile=False)
    top = "predictions/" in names or "layers/dense/" in names
    return keras.applications.ResNet50(
        include_top=top,
        weights=str(path),
        input_shape=None if top else (None, None, 3),
    )
