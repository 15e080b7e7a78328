"""Exports a small network and writes down what its SavedModel answers here.

Writes `1/`, the SavedModel, and `answers.npz`, whose arrays are named
`<endpoint>/inputs/<name>` and `<endpoint>/outputs/<name>`, for
`answer_saved_model.py`.
"""

import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from nfs_keras.layers import find_gates
from nfs_keras.models import reid_network
from nfs_keras.serving import export_saved_model

IMAGE_SHAPE = (64, 32, 3)


def searched_network(rng):
    """A network whose gates have come to differ, by chance."""
    network = reid_network("tiny", IMAGE_SHAPE, num_identities=4)
    for gate in find_gates(network):
        gate.logits.assign(rng.normal(0.5, 1.0, size=gate.logits.shape))
    return network


def requests(rng):
    """Gives `{endpoint: {input name: array}}`."""
    pixels = rng.integers(256, size=(3, *IMAGE_SHAPE)).astype("uint8")
    large = rng.integers(256, size=(3, 90, 41, 3)).astype("uint8")
    # No file ends in a zero byte, which NumPy's strings would lose.
    files = [tf.io.encode_png(image).numpy() for image in large]
    files = np.array([*files, b"not an image"])
    vectors = rng.normal(size=(2, 5, 16)).astype("float32")
    return {
        "serving_default": {"image_bytes": files},
        "visible": {"image_bytes": files},
        "infrared": {"image_bytes": files},
        "visible_pixels": {"image": pixels},
        "infrared_pixels": {"image": large},
        "match": {"query": vectors[:, :2], "gallery": vectors},
        "model_version": {"row": np.arange(2, dtype="int32")},
    }


def main(directory):
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    version = export_saved_model(searched_network(rng), directory)
    signatures = tf.saved_model.load(version).signatures
    arrays = {}
    for endpoint, inputs in requests(rng).items():
        tensors = {name: tf.constant(x) for name, x in inputs.items()}
        outputs = signatures[endpoint](**tensors)
        for name, x in inputs.items():
            arrays[f"{endpoint}/inputs/{name}"] = x
        for name, y in outputs.items():
            # NumPy saves byte strings of one length, but not objects.
            y = y.numpy()
            arrays[f"{endpoint}/outputs/{name}"] = (
                y.astype("S") if y.dtype == object else y
            )
    np.savez(directory / "answers.npz", **arrays)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
