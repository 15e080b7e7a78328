"""Stands in for an `Embedder` where a test is not about the model."""

import hashlib
import os
import signal
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


class DyingEmbedder(FakeEmbedder):
    """Kills its own process, one of two actors of Ray, when it sees an image.

    Once, and not before both are there: a copy of it that arrives in a process
    writes that process' GPUs into `log`.
    """

    def __init__(self, fatal, log):
        super().__init__()
        self.fatal, self.log = fatal, log

    def __setstate__(self, state):
        import ray

        self.__dict__.update(state)
        gpus = ray.get_runtime_context().get_accelerator_ids()["GPU"]
        with self.log.open("a") as file:
            file.write(f"{gpus}\n")

    def embed(self, images):
        died = self.log.with_name("died")
        if self.fatal in images and not died.exists():
            deadline = time.monotonic() + 120
            while len(self.log.read_text().splitlines()) < 2:
                assert time.monotonic() < deadline
                time.sleep(0.05)
            died.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().embed(images)


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
