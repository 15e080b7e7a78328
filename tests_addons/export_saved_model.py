"""Exports a searched network and writes down what it answers.

Writes `1/`, a SavedModel, and `answers.npz`, whose arrays are named
`inputs/<name>` and `outputs/<name>`, for `answer_saved_model.py`.
"""

import sys
from pathlib import Path

import keras
import numpy as np

from nfs_keras.layers import DualLevelSearch, GeneralizedMeanPooling2D


def searched_network():
    """A small network with every kind of our layers that serves."""
    image = keras.Input((16, 8, 3), name="image")
    modality = keras.Input((), dtype="int32", name="modality")
    x = keras.layers.Conv2D(8, 3, padding="same", activation="relu")(image)
    x = DualLevelSearch(seed=0)(x, modality)
    embedding = GeneralizedMeanPooling2D()(x)
    return keras.Model(
        {"image": image, "modality": modality}, {"embedding": embedding}
    )


def main(directory):
    keras.utils.set_random_seed(0)
    network = searched_network()
    network.export(directory / "1", format="tf_saved_model", verbose=False)
    rng = np.random.default_rng(0)
    inputs = {
        "image": rng.normal(size=(5, 16, 8, 3)).astype("float32"),
        "modality": np.array([0, 1, 0, 1, 1], "int32"),
    }
    outputs = network.predict(inputs, verbose=0)
    arrays = {f"inputs/{name}": value for name, value in inputs.items()}
    arrays |= {f"outputs/{name}": value for name, value in outputs.items()}
    np.savez(directory / "answers.npz", **arrays)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
