"""How fast the exported model answers, in process and over the wire.

    python -m benchmarks.serving            # ResNet-18, a few minutes
    python -m benchmarks.serving --short    # the same, shorter under load
    python -m benchmarks.serving --smoke    # tiny network

Everything that is compared runs in turns in one process, and a ratio is the
median of the ratios of neighbouring turns: machines differ, and so do moments.

1. The SavedModel, derived and compacted at half of the channels, beside the
   full network called eagerly, and beside the best that one can do with the
   same compacted network in process: graph, frozen, XLA, bfloat16; and how
   far the embeddings of bfloat16 are from those of float32.
2. The SavedModel by batch size, from which `batching.config` has its sizes.
3. The stand-in server in a process of its own, with 1, 8 and 32 clients that
   each wait for their answer, with batching and without.
4. How long a fresh server takes until its first answer, and that answer, with
   warm-up and without.
"""

import contextlib
import io
import socket
import subprocess
import sys
import tempfile
import threading
import time

import keras
import numpy as np
import tensorflow as tf
from PIL import Image

from benchmarks.measure import (
    figure,
    options_parser,
    product_rate,
    ratio_of,
    take_turns,
    write_results,
)
from benchmarks.search import half_open
from nfs_keras.datasets import resize_image
from nfs_keras.models import compact, count_flops, reid_network
from nfs_keras.serving import Client, ServerError, export_saved_model
from nfs_keras.serving.endpoints import frozen_encoder

BATCH = 16
BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64)
CLIENTS = (1, 8, 32)
MODULE = "nfs_keras.serving.stand_in"
# The export must be no slower than the best of the compact forms.
AIMS = {
    "full, eager": 2.0,
    "compact, graph": 1.0,
    "compact, frozen": 1.0,
    "compact, XLA": 1.0,
    "compact, bfloat16": 1.0,
}


def main(arguments=None):
    options = options_parser(__doc__).parse_args(arguments)
    plan = ("tiny", (64, 32, 3)) if options.smoke else ("resnet18", (96, 48, 3))
    turns = 3 if options.smoke else 15
    seconds = 0.5 if options.smoke else 3 if options.short else 8
    network = half_network(*plan)
    ratios, figures = {}, {}
    with tempfile.TemporaryDirectory() as directory:
        export_saved_model(network, directory)
        for found in (
            compare_forms(network, directory, turns),
            compare_batch_sizes(network, directory, turns),
            compare_clients(directory, seconds),
            compare_starts(directory),
        ):
            ratios |= found[0]
            figures |= found[1]
    write_results("serving", options, ratios, figures)


def half_network(backbone, image_shape):
    """A network whose gates keep half of the channels, and all pixels."""
    keras.utils.set_random_seed(0)
    network = reid_network(backbone, image_shape, search="channel")
    half_open(network).apply(network)
    return network


def compare_forms(network, directory, turns):
    """Images/s of the export and of what it competes with."""
    shape = network.image_shape
    smaller = compact(network, "visible").encoder("visible")
    full = network.encoder("visible")
    served = tf.saved_model.load(f"{directory}/1").signatures["visible_pixels"]
    frozen = frozen_encoder(smaller, shape, "float32")
    half = frozen_encoder(smaller, shape, "bfloat16")
    forms = {
        "SavedModel": lambda x: served(image=x)["embedding"],
        "full, eager": lambda x: full(resize_image(x, shape)),
        "full, graph": traced(full, shape),
        "compact, eager": lambda x: smaller(resize_image(x, shape)),
        "compact, graph": traced(smaller, shape),
        "compact, frozen": traced(frozen, shape),
        "compact, XLA": traced(tf.function(smaller, jit_compile=True), shape),
        "compact, bfloat16": traced(half, shape),
    }
    ratios, figures = {}, {}
    flops = count_flops(smaller)
    for size in (1, BATCH):
        rng = np.random.default_rng(0)
        pixels = rng.integers(0, 256, (size, *shape), dtype="uint8")
        seconds = time_forms(forms, tf.constant(pixels), turns)
        figures[f"SavedModel, batch {size}"] = figure(
            size / np.median(seconds["SavedModel"]),
            "images/s",
            product_rate() * 1e9 / flops,
            "all operations as fast as NumPy multiplies large matrices",
        )
        ratios |= compare_speeds(seconds, size)
    return ratios, figures | compare_embeddings(frozen, half, shape)


def compare_embeddings(frozen, half, shape):
    """Differences between the embeddings of float32 and of bfloat16."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (BATCH, *shape)).astype("float32")
    whole, halves = frozen(pixels).numpy(), half(pixels).numpy()
    distance = 1 - np.einsum("nd,nd->n", whole, halves, dtype="float64")
    largest = {
        "numbers": np.max(np.abs(whole - halves)),
        "cosine distance": np.max(distance),
    }
    print(f"bfloat16 differs by at most: {largest}")
    return {
        f"bfloat16 from float32, {name}": figure(value, "at most")
        for name, value in largest.items()
    }


def compare_speeds(seconds, size):
    """Throughput of the SavedModel against that of every other form."""
    ratios = {}
    print(f"\n{f'batch {size}':<20}{'images/s':>10}   SavedModel is")
    for name, times in seconds.items():
        ratio = ratio_of(times / seconds["SavedModel"], AIMS.get(name))
        if name != "SavedModel":
            what = f"images/s, batch {size}, SavedModel against {name}"
            ratios[what] = ratio
        speed = size / np.median(times)
        print(f"{name:<20}{speed:>10.1f}   {ratio['value']:.2f} times as fast")
    return ratios


def compare_batch_sizes(network, directory, turns):
    """Images/s of the SavedModel for each batch size, from files."""
    signatures = tf.saved_model.load(f"{directory}/1").signatures
    files = tf.constant([jpeg()] * max(BATCH_SIZES))
    forms = {
        size: lambda x, size=size: signatures["visible"](image_bytes=x[:size])[
            "embedding"
        ]
        for size in BATCH_SIZES
    }
    seconds = time_forms(forms, files, turns)
    speeds = {n: float(n / np.median(s)) for n, s in seconds.items()}
    print(f"\n{'batch size':<20}{'images/s':>12}{'ms':>9}")
    for size, speed in speeds.items():
        print(f"{size:<20}{speed:>12.1f}{1000 * size / speed:>9.1f}")
    return {}, {
        f"SavedModel, files, batch {size}": figure(speed, "images/s")
        for size, speed in speeds.items()
    }


def traced(encoder, shape):
    """An encoder and the resizing before it as one graph."""
    return tf.function(lambda image: encoder(resize_image(image, shape)))


def time_forms(forms, images, turns):
    """Seconds of each form in each turn, after two to warm up."""
    calls = {
        name: lambda form=form: np.asarray(form(images))
        for name, form in forms.items()
    }
    take_turns(calls, 2)
    return take_turns(calls, turns)


def compare_clients(directory, seconds):
    """Images/s and latency of the stand-in under load."""
    print(f"\n{'stand-in':<16}{'clients':>8}{'images/s':>10}", end="")
    print(f"{'p50 ms':>9}{'p99 ms':>9}{'p99/p50':>9}")
    ratios, figures = {}, {}
    for batching in (True, False):
        name = "batching" if batching else "no batching"
        with running(directory, f"--enable_batching={batching}") as address:
            for number in CLIENTS:
                latencies = press(address, number, seconds)
                rate = len(latencies) / seconds
                load = f"{number} clients, {name}"
                figures[f"stand-in, {load}"] = figure(rate, "images/s")
                ratios[f"p99 against p50, {load}"] = ratio = tails(
                    latencies, 3.0 if number == 8 else None
                )
                low, high = 1000 * np.percentile(latencies, [50, 99])
                print(f"{name:<16}{number:>8}{rate:>10.1f}", end="")
                print(f"{low:>9.1f}{high:>9.1f}{ratio['value']:>9.2f}")
    return ratios, figures


def tails(latencies, aim):
    """How much longer the slowest wait, by fifth of the time under load."""
    fifths = np.array_split(latencies, 5)
    both = [np.percentile(part, [50, 99]) for part in fifths]
    return ratio_of([high / low for low, high in both], aim, "lower")


def press(address, number, seconds):
    """Lets clients ask for one image after the other, for a while.

    Returns:
        The seconds that each answer took, by the time of its question.
    """
    image, latencies = jpeg(), []
    end = time.perf_counter() + seconds + 1

    def ask():
        with Client(address, timeout=60) as client:
            while time.perf_counter() < end:
                start = time.perf_counter()
                client.embed([image])
                latencies.append((start, time.perf_counter() - start))

    threads = [threading.Thread(target=ask) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    latencies.sort()
    # The first second warms up.
    kept = [took for start, took in latencies if start > end - seconds]
    return kept if len(kept) >= 5 else [took for _, took in latencies[-5:]]


def compare_starts(directory):
    """Seconds from the start of a server, and of its first answer."""
    print(f"\n{'stand-in':<16}{'ready after':>14}{'first answer':>14}")
    figures = {}
    for warm in (True, False):
        start = time.perf_counter()
        with running(directory, f"--enable_model_warmup={warm}") as address:
            ready = time.perf_counter() - start
            with Client(address, timeout=120) as client:
                start = time.perf_counter()
                client.embed([jpeg()])
                first = time.perf_counter() - start
        name = "warm-up" if warm else "no warm-up"
        figures[f"stand-in ready, {name}"] = figure(ready, "s")
        figures[f"first answer, {name}"] = figure(first, "s")
        print(f"{name:<16}{ready:>12.1f} s{first:>12.3f} s")
    return {}, figures


@contextlib.contextmanager
def running(directory, *flags):
    """A stand-in server in a process of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", MODULE, f"--directory={directory}"]
    command += [f"--port={port}", "--rest_api_port=0", *flags]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    address = f"127.0.0.1:{port}"
    try:
        while not answers(address):
            if process.poll() is not None:
                raise RuntimeError(f"{' '.join(command)} has ended.")
            time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait()


def answers(address):
    """Whether a server has a version loaded."""
    try:
        with Client(address, timeout=5, max_attempts=1) as client:
            return bool(client.available_versions())
    except ServerError:
        return False


def jpeg():
    """An image of a person's size, as a file."""
    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (16, 8, 3), dtype="uint8")
    file = io.BytesIO()
    Image.fromarray(small).resize((64, 128)).save(file, "JPEG")
    return file.getvalue()


if __name__ == "__main__":
    main()
