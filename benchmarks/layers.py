"""What search layers cost: time and memory of networks with and without.

    python -m benchmarks.layers            # about five minutes on two cores
    python -m benchmarks.layers --smoke    # seconds, numbers without meaning

Two networks, each with a `DualLevelSearch` of two modalities behind every
stage, against the same network without: a small one (32 x 32 images) and
ResNet-50 on 288 x 144 images. Time is the processor's, over all threads, for
one forward pass and for one training step, measured in turn. Memory is the
peak of a process that trains. `--short` changes nothing here: fewer pairs could
not tell 5 % from nothing.
"""

import json
import subprocess
import sys
import time

import keras
import numpy as np

from benchmarks.measure import (
    figure,
    options_parser,
    paired_ratio,
    peak_memory,
    product_rate,
    ratio_of,
    seconds_of,
    write_results,
)
from nfs_keras.layers import DualLevelSearch
from nfs_keras.models import count_flops

STAGES = (
    "conv2_block3_out",
    "conv3_block4_out",
    "conv4_block6_out",
    "conv5_block3_out",
)
# At ResNet-50 shapes; in a small network a cell is a large part of the work.
# On a busy machine single pairs differ by a tenth: five cannot tell 4 % from 8.
NUM_PAIRS = {"time": 25, "memory": 5}
AIMS = {"forward pass": 1.05, "training step": 1.08}


def small(searched):
    """Three strided convolutions on 32 x 32 images."""
    image = keras.Input((32, 32, 3))
    modality = keras.Input((), dtype="int32")
    maps = image
    for filters in (32, 64, 128):
        maps = keras.layers.Conv2D(filters, 3, 2, "same")(maps)
        maps = keras.layers.BatchNormalization()(maps)
        maps = keras.layers.ReLU()(maps)
        if searched:
            maps = DualLevelSearch(num_modalities=2)(maps, modality)
    pooled = keras.layers.GlobalAveragePooling2D()(maps)
    return keras.Model([image, modality], pooled), (64, 32, 32, 3)


def resnet50(searched):
    """ResNet-50 on the images of the published recipes."""
    image = keras.Input((288, 144, 3))
    modality = keras.Input((), dtype="int32")
    whole = keras.applications.ResNet50(
        include_top=False, weights=None, input_shape=image.shape[1:]
    )
    maps, start = image, whole.input
    for stage in STAGES:
        end = whole.get_layer(stage).output
        maps, start = keras.Model(start, end)(maps), end
        if searched:
            maps = DualLevelSearch(num_modalities=2)(maps, modality)
    pooled = keras.layers.GlobalAveragePooling2D()(maps)
    return keras.Model([image, modality], pooled), (8, 288, 144, 3)


NETWORKS = {"small": small, "resnet50": resnet50}


def prepared(name, searched, batch_size=None):
    """Gives a forward pass and a training step, both compiled by a call."""
    model, shape = NETWORKS[name](searched)
    shape = (batch_size or shape[0], *shape[1:])
    model.compile("sgd", "mse")
    rng = np.random.default_rng(0)
    images = rng.normal(size=shape).astype("float32")
    inputs = [images, np.arange(shape[0]) % 2]
    goals = np.zeros((shape[0], model.output_shape[-1]), "float32")

    def forward():
        model.predict_on_batch(inputs)

    def step():
        model.train_on_batch(inputs, goals)

    forward()
    step()
    return {"forward pass": forward, "training step": step}


def compare(name, num_pairs, batch_size):
    """Gives the ratios of one network with search to itself without."""
    aims = AIMS if name == "resnet50" else {}
    ours = prepared(name, True, batch_size)
    plain = prepared(name, False, batch_size)
    ratios = {
        f"{name}, {what}, with search against without": paired_ratio(
            ours[what],
            plain[what],
            num_pairs["time"],
            aims.get(what),
            time.process_time,
            better="lower",
        )
        for what in ours
    }
    peaks = [
        training_memory(name, True, batch_size)
        / training_memory(name, False, batch_size)
        for _ in range(num_pairs["memory"])
    ]
    what = f"{name}, peak memory, with search against without"
    return {**ratios, what: ratio_of(peaks, better="lower")}


def training_memory(name, searched, batch_size):
    """Trains in a process of its own; gives its peak in kilobytes."""
    code = (
        "from benchmarks.layers import train_and_print_peak\n"
        f"train_and_print_peak({name!r}, {searched}, {batch_size})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, stdout=subprocess.PIPE
    )
    return json.loads(done.stdout.splitlines()[-1])


def train_and_print_peak(name, searched, batch_size):
    prepared(name, searched, batch_size)["training step"]()
    print(peak_memory())


def forward_rate(name, batch_size):
    """Operations a second of a forward pass with search."""
    model, shape = NETWORKS[name](False)  # gates add next to none
    flops = count_flops(keras.Model(model.inputs[0], model.output))
    forward = prepared(name, True, batch_size)["forward pass"]
    seconds = np.median([seconds_of(forward) for _ in range(5)])
    return (batch_size or shape[0]) * flops / seconds / 1e9


def main(arguments=None):
    options = options_parser(__doc__).parse_args(arguments)
    smoke = options.smoke
    num_pairs = {"time": 1, "memory": 1} if smoke else NUM_PAIRS
    ratios, figures = {}, {}
    for name in ("small",) if smoke else NETWORKS:
        batch_size = 2 if smoke else None
        ratios |= compare(name, num_pairs, batch_size)
        figures[f"{name} with search, forward pass"] = figure(
            forward_rate(name, batch_size),
            "GFLOP/s",
            product_rate(),
            "NumPy's product of two 2048 x 2048 float32 matrices",
        )
    for what, ratio in ratios.items():
        print(f"{what}: {ratio['value']:.3f}, aim {ratio['aim']}")
    write_results("layers", options, ratios, figures)


if __name__ == "__main__":
    main()
