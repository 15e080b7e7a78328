"""Compacts six Keras models that know nothing of this package.

Each gets channel gates behind a few of its layers, half of the channels of
every gate closed at random, and random batch-norm statistics. What `compact`
makes of it has to give the same outputs, cost less, and be a plain Keras
model, which loads and serves where nfs_keras cannot be imported.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import subprocess
import sys
import tempfile
import time

import keras
import numpy as np
import tensorflow as tf

from benchmarks.measure import (
    figure,
    options_parser,
    paired_ratio,
    write_results,
)
from nfs_keras.models import (
    add_gates,
    compact,
    count_flops,
    named_gates,
)
from nfs_keras.search.flow import count_operations, decided
from nfs_keras.search.graph import trace

SHAPE = (64, 64, 3)
LIMIT = 1e-5
PLAIN = """
import sys
sys.modules["nfs_keras"] = None
import keras, numpy as np, tensorflow as tf
folder = sys.argv[1]
images = np.load(folder + "/images.npy")
model = keras.saving.load_model(folder + "/model.keras")
serve = tf.saved_model.load(folder + "/1").signatures["serving_default"]
(served,) = serve(tf.constant(images)).values()
np.save(folder + "/loaded.npy", model(images))
np.save(folder + "/served.npy", served)
"""


def sequential():
    """A plain convolutional network."""
    layers = [keras.Input(SHAPE)]
    for number, size in enumerate((32, 64, 128, 128), start=1):
        layers += [
            keras.layers.Conv2D(size, 3, 1, "same", name=f"conv{number}"),
            keras.layers.BatchNormalization(),
            keras.layers.ReLU(name=f"relu{number}"),
            keras.layers.MaxPooling2D(),
        ]
    layers += [keras.layers.Flatten(), keras.layers.Dense(100)]
    return keras.Sequential(layers)


def application(name, **arguments):
    """Gives a function that makes a model of `keras.applications`."""
    return lambda: getattr(keras.applications, name)(
        input_shape=SHAPE,
        weights=None,
        classes=100,
        classifier_activation=None,  # a softmax would hide differences
        **arguments,
    )


MODELS = {  # how to make it, and the layers that gates are put behind
    "Sequential": (sequential, ["relu1", "relu2", "relu3", "relu4"]),
    "MobileNetV2": (
        application("MobileNetV2"),
        [
            "block_2_expand_relu",
            "block_5_add",
            "block_8_expand_relu",
            "block_12_depthwise_relu",
        ],
    ),
    "ResNet50": (
        application("ResNet50"),
        [
            "conv2_block2_1_relu",
            "conv3_block2_2_relu",
            "conv4_block3_1_relu",
            "conv5_block3_2_relu",
        ],
    ),
    "ResNet50V2": (
        application("ResNet50V2"),
        [
            "conv2_block2_1_relu",
            "conv3_block2_2_relu",
            "conv4_block3_preact_relu",
            "conv5_block3_2_relu",
        ],
    ),
    "EfficientNetV2B0": (
        application("EfficientNetV2B0"),
        [
            "block2a_expand_activation",
            "block4a_expand_activation",
            "block5b_expand_activation",
            "top_activation",
        ],
    ),
    "DenseNet121": (
        application("DenseNet121"),
        [
            "conv2_block2_1_relu",
            "conv3_block4_0_relu",
            "conv4_block9_1_relu",
            "pool4_relu",
        ],
    ),
}


def randomize_statistics(model, generator):
    """Gives every batch norm statistics that are no special case."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            shape = layer.moving_mean.shape
            layer.moving_mean.assign(generator.normal(0, 0.3, shape))
            layer.moving_variance.assign(generator.uniform(0.5, 1.5, shape))
            layer.gamma.assign(generator.uniform(0.5, 1.5, shape))
            layer.beta.assign(generator.normal(0, 0.3, shape))


def close_half(model, generator):
    """Closes half of the channels of every gate, at random."""
    for gate in named_gates(model).values():
        size = gate.mask.shape[-1]
        gate.freeze(generator.permutation(size)[None] < size // 2)


def savable(model):
    """Share of the operations that the gates could save: none kept."""
    everything = count_operations(trace(model), lambda *_: np.ones(1))
    gates = named_gates(model).values()
    masks = [keras.ops.convert_to_numpy(gate.mask) for gate in gates]
    for gate in gates:
        gate.freeze(0.0)
    least = count_operations(trace(model), decided)
    for gate, mask in zip(gates, masks, strict=True):
        gate.freeze(mask)
    return 1 - least / everything


def run(name, with_export=True, seed=0):
    """Compacts one model, and measures.

    Returns:
        Dict of `difference` (largest, over the largest output where that is
        above 1), `before` and `after` (operations), `savable` (share that
        closing all gated channels would save), `seconds` of `compact`,
        `plain`: the largest difference of the loaded and the served model,
        and `ratio`: seconds of the masked model against the compacted one.
    """
    keras.utils.set_random_seed(seed)
    generator = np.random.default_rng(seed)
    make, after = MODELS[name]
    model = add_gates(make(), after, "channel")
    randomize_statistics(model, generator)
    close_half(model, generator)
    images = generator.uniform(0, 1, (4, *SHAPE)).astype("float32")
    masked = np.array(model(images))
    start = time.perf_counter()
    smaller = compact(model)
    seconds = time.perf_counter() - start
    return {
        "difference": gap(smaller(images), masked),
        "before": count_flops(model),
        "after": count_flops(smaller),
        "savable": savable(model),
        "seconds": seconds,
        "plain": plain_gap(smaller, images) if with_export else None,
        "ratio": paired_ratio(*(caller(m, images) for m in (model, smaller))),
    }


def caller(model, images):
    """A function that runs a model on images, compiled and warm."""
    call = tf.function(lambda: model(images, training=False))
    call()
    return call


def gap(found, expected):
    """Largest difference, in units of the largest output if above 1."""
    scale = max(1.0, float(np.abs(expected).max()))
    return float(np.abs(np.array(found) - expected).max()) / scale


def plain_gap(model, images):
    """Loads and serves a model where nfs_keras is missing."""
    expected = np.array(model(images))
    with tempfile.TemporaryDirectory() as folder:
        model.save(f"{folder}/model.keras")
        model.export(f"{folder}/1", format="tf_saved_model", verbose=False)
        np.save(f"{folder}/images.npy", images)
        subprocess.run([sys.executable, "-c", PLAIN, folder], check=True)
        return max(
            gap(np.load(f"{folder}/{kind}.npy"), expected)
            for kind in ("loaded", "served")
        )


def main(arguments=None):
    parser = options_parser(__doc__)
    parser.add_argument("--models", nargs="*", choices=MODELS, metavar="NAME")
    options = parser.parse_args(arguments)
    names = options.models or list(MODELS)
    if options.smoke:
        names = options.models or ["Sequential"]
    print(
        f"{'model':<18}{'difference':>11}{'plain':>9}{'MFLOP':>9}{'after':>9}"
        f"{'saved':>7}{'could save':>12}{'seconds':>9}{'faster':>8}",
        flush=True,
    )
    ratios, figures, failed = {}, {}, []
    for name in names:
        row = run(name, with_export=not options.short)
        saved = 1 - row["after"] / row["before"]
        plain = row["plain"]
        print(
            f"{name:<18}{row['difference']:>11.1e}"
            f"{'-' if plain is None else f'{plain:.0e}':>9}"
            f"{row['before'] / 1e6:>9.1f}{row['after'] / 1e6:>9.1f}"
            f"{saved:>7.1%}{row['savable']:>12.1%}{row['seconds']:>9.1f}"
            f"{row['ratio']['value']:>8.2f}",
            flush=True,
        )
        if max(row["difference"], plain or 0.0) > LIMIT or saved <= 0:
            failed.append(name)
        figures[f"{name}: operations saved"] = figure(
            saved, "share", row["savable"], "all gated channels closed"
        )
        figures[f"{name}: largest difference"] = figure(
            max(row["difference"], 1e-12), "of the outputs", LIMIT, "the aim"
        )
        figures[f"{name}: compact"] = figure(row["seconds"], "s")
        ratios[f"{name} masked against compacted"] = row["ratio"]
    write_results("any_model", options, ratios, figures)
    if failed:
        print("not exact or not smaller:", ", ".join(failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
