"""Stands in for an `Embedder` where a test is not about the model."""

import hashlib
import time

import numpy as np


class FakeEmbedder:
    """Embeds any bytes but `b"broken"` and nothing, by their hash."""

    def __init__(self, model_version="v1", modality="visible", seconds=0.0):
        self.model_version = model_version
        self.modality = modality
        self.dim = 8
        self.seconds = seconds

    def embed(self, images):
        time.sleep(self.seconds)
        valid = np.array([image not in (b"broken", b"") for image in images])
        vectors = np.stack([fake_embedding(image) for image in images])
        return vectors * valid[:, None].astype("float32"), valid


def fake_embedding(image):
    """The embedding of one image: 8 numbers of length 1."""
    digest = hashlib.sha256(image).digest()
    vector = np.frombuffer(digest, "uint8")[:8].astype("float32") - 127.5
    return vector / np.linalg.norm(vector)


def write_images(folder, num_images):
    """Writes files that stand for images, below two cameras' folders."""
    for number in range(num_images):
        path = folder / f"cam{number % 2}" / f"{number:04d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"image %d" % number)
    return folder
