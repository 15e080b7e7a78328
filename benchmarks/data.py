"""How fast images reach the network, and whether it waits for them.

    python -m benchmarks.data            # a minute on two idle cores
    python -m benchmarks.data --smoke    # seconds

The images are synthetic, 128 x 64 BMP files as RegDB has them, enlarged to
288 x 144 with the changes of AGW (pad, crop, flip), in batches of 8 people x 4
images x 2 modalities. Every round times each way of reading once, and the
medians of the rounds' ratios count, because machines are never quiet:

- `training_dataset`, images in memory: what a training uses;
- the same, every image decoded anew;
- both with the parallelism that `tf.data` tunes, which is switched off in ours;
- OpenCV and Pillow, one image after another in one Python process.

Before that, the kernels that could resize the images. After it, the demo's
network trains on the demo's images, and the time that a step waits for its
batch stands beside the time that the whole step takes.
"""

import os
import tempfile
import time
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import tensorflow as tf
from PIL import Image

from benchmarks.measure import (
    copy_rate,
    figure,
    options_parser,
    ratio_of,
    seconds_of,
    write_results,
)
from nfs_keras.datasets import (
    Augmentation,
    IdentitySampler,
    RegDB,
    identity_labels,
    synthesize_regdb,
    training_dataset,
)
from nfs_keras.models import TrainingModel
from nfs_keras.presets import Demo

IMAGE_SHAPE = (288, 144, 3)
PADDING = 10
KERNELS = [
    ("nearest", False),
    ("bilinear", False),
    ("bilinear", True),
    ("bicubic", True),
    ("lanczos3", True),
]


def main(arguments=None):
    options = options_parser(__doc__).parse_args(arguments)
    smoke = options.smoke
    compare_kernels(repeat=2 if smoke else 20)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "RegDB"
        synthesize_regdb(
            root, num_identities=16 if smoke else 80, verbose=False
        )
        samples = RegDB(root).train
        rounds, steps = (2, 2) if smoke else (8, 10)
        times = time_loaders(samples, rounds, steps)
        figures = describe_speeds(samples, times)
        preset = Demo().smoke() if smoke else Demo()
        numbers = (2, 1, 1) if smoke else (5, 10, 5)
        waiting = measure_waiting(samples, preset, *numbers)
    ratios = compare_loaders(times) | waiting
    write_results("data", options, ratios, figures)


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
        seconds = [seconds_of(partial(enlarge, small)) for _ in range(repeat)]
        ripple = np.std(resize(board))
        name = f"{method}{', smoothed' if antialias else ''}"
        print(
            f"{name:24}{1e3 * min(seconds):8.2f} ms to enlarge"
            f"{ripple:8.1f} levels of aliasing"
        )


def resize_by(method, antialias, image):
    """Resizes as `resize_image` might have done."""
    return tf.image.resize(image, IMAGE_SHAPE[:2], method, antialias=antialias)


def time_loaders(samples, rounds, steps):
    """Times every way of reading in turn, round after round.

    Returns:
        Dict of a way's name to its images/s, an array with one per round.
    """
    sampler = IdentitySampler(samples)
    start = time.perf_counter()
    in_memory = batches(samples, sampler, steps)
    seconds = time.perf_counter() - start
    print(f"{'into memory':24}{len(samples) / seconds:8,.0f} images/s")
    anew = batches(samples, sampler, steps, cache_bytes=0)
    loaders = {
        "in memory": partial(exhaust, in_memory),
        "decoded anew": partial(exhaust, anew),
        "in memory, tuned": partial(exhaust, tuned(in_memory)),
        "decoded anew, tuned": partial(exhaust, tuned(anew)),
        "OpenCV": lambda: loop(samples, sampler, steps, by_opencv),
        "Pillow": lambda: loop(samples, sampler, steps, by_pillow),
        "read only": lambda: read_only(samples, 64 * steps),
    }
    exhaust(in_memory), exhaust(anew)  # warm up
    rows = [
        [seconds_of(load) for load in loaders.values()] for _ in range(rounds)
    ]
    rates = 64 * steps / np.array(rows)
    return dict(zip(loaders, rates.T, strict=True))


def compare_loaders(rates):
    """Our throughput against that of plain loops."""
    ratios = {}
    for ours in ("in memory", "decoded anew"):
        for theirs in ("OpenCV", "Pillow"):
            what = f"images/s, {ours} against {theirs}, one by one"
            aim = 3.0 if ours == "in memory" else None
            ratios[what] = ratio_of(rates[ours] / rates[theirs], aim)
        what = f"images/s, {ours}, untuned against tuned by `tf.data`"
        ratios[what] = ratio_of(rates[ours] / rates[f"{ours}, tuned"])
    for what, ratio in ratios.items():
        print(f"{what}: {ratio['value']:.1f}")
    return ratios


def describe_speeds(samples, rates):
    """Our throughput, and what bounds it."""
    cores = os.cpu_count()
    image = 4 * np.prod(IMAGE_SHAPE)  # float32 bytes, written once
    return {
        "training batches, images in memory": figure(
            np.median(rates["in memory"]),
            "images/s",
            copy_rate() * 1e9 / (2 * image),
            "copying the finished batches once, in one thread",
        ),
        "training batches, images decoded anew": figure(
            np.median(rates["decoded anew"]),
            "images/s",
            cores * np.max(rates["read only"]),
            f"OpenCV reads and enlarges on {cores} cores and does nothing else",
        ),
    }


def read_only(samples, number):
    """Reads and enlarges images, without batches and changes."""
    for index in range(number):
        by_opencv(samples[index % len(samples)].path)


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


def tuned(dataset):
    """The same with the tuning that `training_dataset` switches off."""
    options = tf.data.Options()
    options.autotune.enabled = True
    return dataset.with_options(options)


def exhaust(dataset):
    """Takes every batch."""
    for _ in dataset:
        pass


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


def measure_waiting(samples, preset, rounds, steps, warm_up):
    """Trains a preset's network, and times batches and steps apart.

    Returns:
        The share of the time that waits for batches, by round of some steps.
    """
    network = preset.network(len(identity_labels(samples)))
    model = TrainingModel(network)
    num_steps = warm_up + rounds * steps
    optimizer = preset.optimizer(network, num_steps)
    model.compile(optimizer, loss=preset.loss())
    dataset = training_dataset(
        samples,
        IdentitySampler(samples, *preset.batch),
        preset.image_shape,
        preset.augmentation(),
        num_steps=num_steps,
    )
    pairs = iter(dataset)
    times = [time_step(model, pairs) for _ in range(num_steps)][warm_up:]
    waits, wholes = np.reshape(times, (rounds, steps, 2)).sum(axis=1).T
    milliseconds = 1000 * wholes.sum() / (rounds * steps)
    print(f"a step of the demo: {milliseconds:.0f} ms")
    what = "waiting for a batch against the whole step of the demo"
    share = ratio_of(waits / wholes, aim=0.03, better="lower")
    print(f"{what}: {share['value']:.4f}")
    return {what: share}


def time_step(model, pairs):
    """Seconds that a step waits for its batch, and that it takes in all."""
    start = time.perf_counter()
    images, labels = next(pairs)
    wait = time.perf_counter() - start
    model.train_on_batch(images, labels)
    return wait, time.perf_counter() - start


if __name__ == "__main__":
    main()
