"""Computes losses and gradients with tensorflow-addons on random inputs.

Runs in the old world of `requirements-addons.txt`, on Python 3.9 to 3.11, and
imports nothing of ours. Writes `cases.json` and `arrays.npz` into a directory.
"""

import json
import sys
import warnings
from pathlib import Path

import keras
import numpy as np

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # its end of life, on every import
    import tensorflow_addons as tfa

import tensorflow as tf

SHAPES = (  # batch, dim, identities, unit length
    (4, 2, 2, False),
    (7, 3, 3, False),
    (12, 16, 5, False),
    (12, 16, 5, True),
    (33, 7, 20, True),  # many identities stand alone
    (64, 128, 8, True),
    (64, 2048, 16, True),
)
MARGINS = (0.0, 0.3, 1.0, 5.0)
METRICS = ("L2", "squared-L2", "angular", "product")


def product(embeddings):
    """A metric of one's own: the example in tensorflow-addons' docstrings."""
    return tf.linalg.matmul(embeddings, embeddings, transpose_b=True)


def draw(batch, dim, num_identities, unit, rng):
    """Draws identities, some of which repeat, and embeddings."""
    identities = rng.integers(num_identities, size=batch)
    identities[:3] = 0, 0, 1
    embeddings = rng.normal(size=(batch, dim))
    if unit:
        embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    return identities, embeddings.astype("float32")


def distances_of(embeddings, metric):
    """Measures in float64, to see where float32 could round either way."""
    x = embeddings.astype("float64")
    if metric == "angular":
        x = x / np.linalg.norm(x, axis=1, keepdims=True)
    products = x @ x.T
    if metric in ("angular", "product"):
        return products
    squares = np.diag(products)
    squared = squares[:, None] - 2 * products + squares[None, :]
    return squared if metric == "squared-L2" else np.sqrt(np.abs(squared))


def is_clear(identities, embeddings, metric):
    """Whether no negative is as far as a positive, but for rounding.

    At a tie the semi-hard loss jumps, and to which side is chance.
    """
    distances = distances_of(embeddings, metric)
    same = identities[:, None] == identities
    gaps = np.abs(distances[:, :, None] - distances[:, None, :])
    return gaps[same[:, :, None] & ~same[:, None, :]].min() > 3e-6


def draw_clear(shape, metric, rng):
    """Draws until the batch has no near ties."""
    while True:
        identities, embeddings = draw(*shape, rng)
        if is_clear(identities, embeddings, metric):
            return identities, embeddings


def triplet_cases(rng):
    """Yields name, arguments, identities and embeddings."""
    for shape in SHAPES:
        for metric in METRICS:
            batch = draw_clear(shape, metric, rng)
            for margin in MARGINS:
                arguments = {"margin": margin, "distance_metric": metric}
                yield ("TripletSemiHardLoss", arguments, *batch)
                yield ("TripletHardLoss", arguments, *batch)
            arguments = {"soft": True, "distance_metric": metric}
            yield ("TripletHardLoss", arguments, *batch)


def contrastive_cases(rng):
    for size in (1, 2, 17, 256):
        labels = rng.integers(2, size=size)
        distances = rng.uniform(0, 3, size=size).astype("float32")
        for margin in MARGINS:
            for reduction in ("none", "sum", "sum_over_batch_size"):
                arguments = {"margin": margin, "reduction": reduction}
                yield ("ContrastiveLoss", arguments, labels, distances)


def silent_cases(rng):
    """Batches with nothing to compare, where ours is 0 by its own rule."""
    embeddings = draw(6, 4, 3, True, rng)[1]
    for identities in (np.arange(6), np.zeros(6, int)):
        yield ("TripletHardLoss", {}, identities, embeddings)
        yield ("TripletSemiHardLoss", {}, identities, embeddings)


def evaluate(name, arguments, labels, predictions):
    """Gives the loss and its gradient with respect to the predictions."""
    arguments = dict(arguments)
    if arguments.get("distance_metric") == "product":
        arguments["distance_metric"] = product
    loss = getattr(tfa.losses, name)(**arguments)
    predictions = tf.constant(predictions)
    with tf.GradientTape() as tape:
        tape.watch(predictions)
        value = loss(tf.constant(labels), predictions)
    return value.numpy(), tape.gradient(value, predictions).numpy()


def main(directory):
    tf.get_logger().setLevel("ERROR")  # each new shape is traced, as it must
    rng = np.random.default_rng(0)
    silent = list(silent_cases(rng))
    cases = [*triplet_cases(rng), *contrastive_cases(rng), *silent]
    first_silent = len(cases) - len(silent)
    described, arrays = [], {}
    for i, (name, arguments, labels, predictions) in enumerate(cases):
        value, gradient = evaluate(name, arguments, labels, predictions)
        arrays[f"{i}/labels"] = labels
        arrays[f"{i}/predictions"] = predictions
        arrays[f"{i}/value"] = value
        arrays[f"{i}/gradient"] = gradient
        described.append(
            {"loss": name, "arguments": arguments, "silent": i >= first_silent}
        )
    directory.mkdir(parents=True)
    (directory / "cases.json").write_text(json.dumps(described))
    np.savez(directory / "arrays.npz", **arrays)
    print(
        f"{len(cases)} values by tensorflow-addons {tfa.__version__}, "
        f"TensorFlow {tf.__version__}, Keras {keras.__version__}, "
        f"NumPy {np.__version__}, Python {sys.version.split()[0]}"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
