"""How fast pictures reach the network, and whether it waits for them.

    python benchmarks/data.py            # half a minute on two idle cores
    python benchmarks/data.py --smoke    # seconds

The pictures are synthetic, 128 x 64 BMP files as RegDB has them, enlarged to
288 x 144 with the changes of AGW (pad, crop, flip), in batches of 8 people x 4
pictures x 2 modalities. Every round times each way of reading once, and the
medians of the rounds' ratios are reported, because machines are never quiet:

- `training_dataset`, pictures in memory: what a training uses;
- the same, every picture decoded anew;
- OpenCV and Pillow, one picture after another in one Python process.

Before that, the kernels that could resize the pictures. After it, the demo's
network trains on the demo's pictures, and the time that a step waits for its
batch stands beside the time that the whole step takes.
"""

import argparse
import tempfile
import time
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import tensorflow as tf
from PIL import Image

from nfs_keras.datasets import (
    Augmentation,
    IdentitySampler,
    RegDB,
    identity_labels,
    synthesize_regdb,
    training_dataset,
)
from nfs_keras.models import TrainingModel, reid_network
from nfs_keras.recipes import demo

IMAGE_SHAPE = (288, 144, 3)
PADDING = 10
KERNELS = [
    ("nearest", False),
    ("bilinear", False),
    ("bilinear", True),
    ("bicubic", True),
    ("lanczos3", True),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help="tiny sizes")
    smoke = parser.parse_args().smoke
    compare_kernels(repeat=2 if smoke else 20)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "RegDB"
        synthesize_regdb(
            root, num_identities=16 if smoke else 80, verbose=False
        )
        samples = RegDB(root).train
        compare_loaders(samples, rounds=2 if smoke else 8, steps=10)
        measure_waiting(samples, steps=5 if smoke else 50)


def compare_kernels(repeat):
    """Times ways to resize, and shows what each makes of a fine pattern.

    The pattern is a checkerboard of single pixels. From afar it is grey; the
    levels by which a shrunk one still varies are aliasing.
    """
    board = np.indices((864, 432)).sum(axis=0, keepdims=True) % 2
    board = tf.constant(np.tile(board.T, 3).transpose(1, 0, 2) * 255, "uint8")
    small = board[:128, :64]
    for method, antialias in KERNELS:
        resize = partial(resize_by, method, antialias)
        enlarge = tf.function(resize)
        seconds = [timed(partial(enlarge, small)) for _ in range(repeat)]
        ripple = np.std(resize(board))
        name = f"{method}{', smoothed' if antialias else ''}"
        print(
            f"{name:24}{1e3 * min(seconds):8.2f} ms to enlarge"
            f"{ripple:8.1f} levels of aliasing"
        )


def resize_by(method, antialias, image):
    """Resizes as `resize_image` might have done."""
    return tf.image.resize(image, IMAGE_SHAPE[:2], method, antialias=antialias)


def compare_loaders(samples, rounds, steps):
    """Times every way of reading in turn, round after round."""
    sampler = IdentitySampler(samples)
    start = time.perf_counter()
    in_memory = batches(samples, sampler, steps)
    seconds = time.perf_counter() - start
    print(f"{'into memory':24}{len(samples) / seconds:8,.0f} images/s")
    anew = batches(samples, sampler, steps, cache_bytes=0)
    loaders = {
        "in memory": lambda: exhaust(in_memory),
        "decoded anew": lambda: exhaust(anew),
        "OpenCV, one by one": lambda: loop(samples, sampler, steps, by_opencv),
        "Pillow, one by one": lambda: loop(samples, sampler, steps, by_pillow),
    }
    rows = [[timed(load) for load in loaders.values()] for _ in range(rounds)]
    times = np.array(rows[1:])  # the first round warms up
    for name, column in zip(loaders, times.T, strict=True):
        speed = 64 * steps / np.median(column)
        ratio = np.median(column / times[:, 0])
        print(f"{name:24}{speed:8,.0f} images/s{ratio:6.1f} times as long")


def batches(samples, sampler, num_steps, **options):
    """The pipeline under test."""
    augmentation = Augmentation(PADDING)
    return training_dataset(
        samples,
        sampler,
        IMAGE_SHAPE,
        augmentation,
        num_steps=num_steps,
        **options,
    )


def exhaust(dataset):
    """Takes every batch."""
    for _ in dataset:
        pass


def timed(function):
    """Measures the seconds of a call."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def loop(samples, sampler, steps, read):
    """Reads the same batches as people write it in a few lines."""
    rng = np.random.default_rng(0)
    for step in range(steps):
        for indices in sampler.batch(step):
            images = [read(samples[index].path) for index in indices]
            np.stack([augment(image, rng) for image in images])


def by_opencv(path):
    height, width, _ = IMAGE_SHAPE
    return cv2.resize(cv2.imread(path)[..., ::-1], (width, height))


def by_pillow(path):
    height, width, _ = IMAGE_SHAPE
    with Image.open(path) as image:
        resized = image.convert("RGB").resize((width, height), Image.BILINEAR)
        return np.asarray(resized)


def augment(image, rng):
    """Pads, crops and flips as `Augmentation` does."""
    height, width, _ = IMAGE_SHAPE
    sides = ((PADDING, PADDING), (PADDING, PADDING), (0, 0))
    top, left = rng.integers(0, 2 * PADDING + 1, 2)
    crop = np.pad(image, sides)[top : top + height, left : left + width]
    return (crop[:, ::-1] if rng.random() < 0.5 else crop).astype("float32")


def measure_waiting(samples, steps):
    """Trains the demo's network, and times batches and steps apart."""
    recipe = demo()
    model = TrainingModel(
        reid_network(
            recipe.backbone,
            recipe.image_shape,
            len(identity_labels(samples)),
            search=None,
        )
    )
    model.compile(recipe.optimizer(epochs=1))
    dataset = iter(
        training_dataset(
            samples,
            IdentitySampler(samples, *recipe.batch),
            recipe.image_shape,
            recipe.augmentation,
            num_steps=steps + 5,
        )
    )
    waits, wholes = [], []
    for _ in range(steps + 5):
        start = time.perf_counter()
        images, labels = next(dataset)
        waits.append(time.perf_counter() - start)
        model.train_on_batch(images, labels)
        wholes.append(time.perf_counter() - start)
    share = sum(waits[5:]) / sum(wholes[5:])  # the first steps compile
    milliseconds = 1000 * np.median(wholes[5:])
    print(f"a step of the demo      {milliseconds:8.0f} ms")
    print(f"waiting for its batch   {100 * share:8.1f} % of the time")


if __name__ == "__main__":
    main()
