"""Compares our losses with the values that `reference_values.py` wrote."""

import json
import sys
from collections import defaultdict
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from nfs_keras import losses

TOLERANCE = 1e-5


def product(embeddings):
    """The metric of one's own in `reference_values.py`."""
    return ops.matmul(embeddings, ops.transpose(embeddings))


def evaluate(name, arguments, labels, predictions):
    """Gives our loss and its gradient with respect to the predictions."""
    arguments = dict(arguments)
    if arguments.get("distance_metric") == "product":
        arguments["distance_metric"] = product
    loss = getattr(losses, name)(**arguments)
    predictions = tf.constant(predictions)
    with tf.GradientTape() as tape:
        tape.watch(predictions)
        value = loss(labels, predictions)
    return value.numpy(), tape.gradient(value, predictions).numpy()


def difference(ours, theirs):
    """Largest difference, absolute below 1 and relative above."""
    if ours.shape != theirs.shape:
        return np.inf
    return np.max(np.abs(ours - theirs) / np.maximum(1, np.abs(theirs)))


def main(directory):
    cases = json.loads((directory / "cases.json").read_text())
    arrays = np.load(directory / "arrays.npz")
    worst, counts, wrong = defaultdict(float), defaultdict(int), []
    for i, case in enumerate(cases):
        labels, predictions, value, slope = (
            arrays[f"{i}/{key}"]
            for key in ("labels", "predictions", "value", "gradient")
        )
        name = case["loss"]
        ours, our_slope = evaluate(name, case["arguments"], labels, predictions)
        if case["silent"]:
            kind = "one identity" if np.ptp(labels) == 0 else "no positives"
            print(f"{name}, {kind}: {value} there, {ours} here, on purpose")
            wrong += [case] if ours != 0 or np.any(our_slope) else []
            continue
        gap = max(difference(ours, value), difference(our_slope, slope))
        worst[name] = max(worst[name], gap)
        counts[name] += 1
        wrong += [case] if not gap <= TOLERANCE else []
    print(f"nfs_keras on Keras {keras.__version__}, TF {tf.__version__}:")
    for name, gap in worst.items():
        print(f"  {name}: {counts[name]} cases, largest difference {gap:.1e}")
    if wrong:
        sys.exit(f"{len(wrong)} cases differ by more than 1e-5: {wrong[:5]}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
