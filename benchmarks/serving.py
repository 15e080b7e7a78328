"""How fast the exported model answers, in process and over the wire.

    python benchmarks/serving.py            # ResNet-18, a few minutes
    python benchmarks/serving.py --smoke    # seconds, tiny network

Everything that is compared runs in turns in one process, and a ratio is the
median of the ratios of neighbouring turns: machines differ, and so do moments.

1. The SavedModel, derived and compacted at half of the channels, beside the
   full network called eagerly, and beside the best that one can do with the
   same compacted network in process: graph, frozen, XLA, bfloat16.
2. The SavedModel by batch size, from which `batching.config` has its sizes.
3. The stand-in server in a process of its own, with 1, 8 and 32 clients that
   each wait for their answer, with batching and without.
4. How long a fresh server takes until its first answer, and that answer, with
   warm-up and without.
"""

import argparse
import contextlib
import io
import json
import pathlib
import platform
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

from nfs_keras.datasets import resize_image
from nfs_keras.layers import find_gates
from nfs_keras.models import Architecture, compact, reid_network
from nfs_keras.serving import Client, export_saved_model
from nfs_keras.serving.endpoints import frozen_encoder

RESULTS = pathlib.Path(__file__).with_name("results") / "serving.json"
BATCH = 16
BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64)
CLIENTS = (1, 8, 32)
MODULE = "nfs_keras.serving.stand_in"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help="tiny sizes")
    parser.add_argument("--seconds", type=float, default=8, help="per server")
    options = parser.parse_args()
    plan = ("tiny", (64, 32, 3)) if options.smoke else ("resnet18", (96, 48, 3))
    turns, seconds = (3, 0.5) if options.smoke else (15, options.seconds)
    network = half_network(*plan)
    with tempfile.TemporaryDirectory() as directory:
        export_saved_model(network, directory)
        results = {
            "network": plan,
            "machine": f"{platform.machine()}, {tf.__version__}",
            "in process": compare_forms(network, directory, turns),
            "batch sizes": compare_batch_sizes(network, directory, turns),
            "clients": compare_clients(directory, seconds),
            "start": compare_starts(directory),
        }
    if not options.smoke:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(results, indent=1))


def half_network(backbone, image_shape):
    """A network whose gates keep half of the channels, and all pixels."""
    keras.utils.set_random_seed(0)
    network = reid_network(backbone, image_shape, search="channel")
    rng = np.random.default_rng(0)
    for gate in find_gates(network):
        # The same half in both modalities, so that it can really be cut.
        shape = gate.logits.shape
        order = rng.permutation(shape[-1]).reshape(1, 1, 1, -1)
        gate.logits.assign(np.where(order % 2, 3.0, -3.0) + np.zeros(shape))
    Architecture.derive(network).apply(network)
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
    print(
        f"\n{'form':<20}" + "".join(f"{f'batch {b}':>12}" for b in (1, BATCH))
    )
    print(f"{'':<20}{'images/s':>12}{'images/s':>12}   SavedModel is")
    speeds, ratios = {}, {}
    for size in (1, BATCH):
        rng = np.random.default_rng(0)
        pixels = rng.integers(0, 256, (size, *shape), dtype="uint8")
        seconds = take_turns(forms, tf.constant(pixels), turns)
        for name, times in seconds.items():
            ratio = np.median(times / seconds["SavedModel"])
            speeds.setdefault(name, []).append(float(size / np.median(times)))
            ratios.setdefault(name, []).append(float(ratio))
    for name, (one, many) in speeds.items():
        faster = ", ".join(f"{r:.2f}" for r in ratios[name])
        print(f"{name:<20}{one:>12.1f}{many:>12.1f}   {faster} times as fast")
    return {"images/s": speeds, "SavedModel is faster": ratios}


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
    seconds = take_turns(forms, files, turns)
    speeds = {n: float(n / np.median(s)) for n, s in seconds.items()}
    print(f"\n{'batch size':<20}{'images/s':>12}{'ms':>9}")
    for size, speed in speeds.items():
        print(f"{size:<20}{speed:>12.1f}{1000 * size / speed:>9.1f}")
    return speeds


def traced(encoder, shape):
    """An encoder and the resizing before it as one graph."""
    return tf.function(lambda image: encoder(resize_image(image, shape)))


def take_turns(forms, images, turns):
    """Seconds of each form in each turn, after two to warm up."""
    seconds = {name: [] for name in forms}
    for turn in range(turns + 2):
        for name, form in forms.items():
            start = time.perf_counter()
            np.asarray(form(images))
            if turn >= 2:
                seconds[name].append(time.perf_counter() - start)
    return {name: np.array(times) for name, times in seconds.items()}


def compare_clients(directory, seconds):
    """Images/s and latency of the stand-in under load."""
    print(f"\n{'stand-in':<16}{'clients':>8}{'images/s':>10}", end="")
    print(f"{'p50 ms':>9}{'p99 ms':>9}{'p99/p50':>9}")
    results = []
    for batching in (True, False):
        with running(directory, f"--enable_batching={batching}") as address:
            for number in CLIENTS:
                results.append(
                    {"batching": batching, "clients": number}
                    | press(address, number, seconds)
                )
                report_clients(results[-1])
    return results


def report_clients(result):
    name = "batching" if result["batching"] else "no batching"
    low, high = result["p50 ms"], result["p99 ms"]
    print(
        f"{name:<16}{result['clients']:>8}{result['images/s']:>10.1f}"
        f"{low:>9.1f}{high:>9.1f}{high / low:>9.2f}"
    )


def press(address, number, seconds):
    """Lets clients ask for one picture after the other, for a while."""
    picture, latencies = jpeg(), []
    end = time.perf_counter() + seconds + 1

    def ask():
        with Client(address, timeout=60) as client:
            while time.perf_counter() < end:
                start = time.perf_counter()
                client.embed([picture])
                latencies.append((start, time.perf_counter() - start))

    threads = [threading.Thread(target=ask) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # The first second warms up.
    kept = [took for start, took in latencies if start > end - seconds]
    low, high = np.percentile(kept, [50, 99]) * 1000
    return {
        "images/s": len(kept) / seconds,
        "p50 ms": float(low),
        "p99 ms": float(high),
    }


def compare_starts(directory):
    """Seconds from the start of a server, and of its first answer."""
    print(f"\n{'stand-in':<16}{'ready after':>14}{'first answer':>14}")
    results = {}
    for warm in (True, False):
        start = time.perf_counter()
        with running(directory, f"--enable_model_warmup={warm}") as address:
            ready = time.perf_counter() - start
            with Client(address, timeout=120) as client:
                start = time.perf_counter()
                client.embed([jpeg()])
                first = time.perf_counter() - start
        name = "warm-up" if warm else "no warm-up"
        results[name] = {"ready s": ready, "first answer s": first}
        print(f"{name:<16}{ready:>12.1f} s{first:>12.3f} s")
    return results


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
        with Client(address, timeout=5) as client:
            while not client.available_versions():
                if process.poll() is not None:
                    raise RuntimeError(f"{' '.join(command)} has ended.")
                time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait()


def jpeg():
    """A picture of a person's size, as a file."""
    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (16, 8, 3), dtype="uint8")
    file = io.BytesIO()
    Image.fromarray(small).resize((64, 128)).save(file, "JPEG")
    return file.getvalue()


if __name__ == "__main__":
    main()
