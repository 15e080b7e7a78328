"""Asks a SavedModel of ours for answers, in an older TensorFlow.

    python answer_saved_model.py SAVED_MODEL ANSWERS

Imports TensorFlow and NumPy only. ANSWERS is an `.npz` with arrays named
`<endpoint>/inputs/<name>` and `<endpoint>/outputs/<name>`. Fails if an output
differs by more than 1e-5, for a whole batch or for one of its rows alone.
"""

import sys
from collections import defaultdict

import numpy as np
import tensorflow as tf

TOLERANCE = 1e-5


def read_answers(path):
    """Gives `{endpoint: {"inputs": {name: array}, "outputs": ...}}`."""
    answers = defaultdict(lambda: {"inputs": {}, "outputs": {}})
    with np.load(path) as arrays:
        for key in arrays:
            endpoint, side, name = key.split("/")
            answers[endpoint][side][name] = arrays[key]
    return answers


def largest_difference(serve, inputs, outputs, rows):
    """Serves `rows` of a batch; compares with the same rows of `outputs`."""
    answers = serve(**{k: tf.constant(x[rows]) for k, x in inputs.items()})
    if set(answers) != set(outputs):
        sys.exit(f"Outputs {sorted(answers)}, not {sorted(outputs)}.")
    return max(
        difference(answers[name].numpy(), y[rows])
        for name, y in outputs.items()
    )


def difference(answer, expected):
    """Numbers may differ a little; strings agree or not at all."""
    if expected.dtype.kind == "S":
        return 0.0 if np.array_equal(answer.astype("S"), expected) else np.inf
    return np.max(np.abs(answer.astype("float64") - expected))


def main(saved_model, answers):
    signatures = tf.saved_model.load(saved_model).signatures
    answers = read_answers(answers)
    if not answers or set(answers) != set(signatures):
        sys.exit(f"Endpoints {sorted(signatures)}, not {sorted(answers)}.")
    print(f"TensorFlow {tf.__version__} answers:")
    worst = 0.0
    for endpoint, sides in answers.items():
        inputs, outputs = sides["inputs"], sides["outputs"]
        size = len(next(iter(inputs.values())))
        batches = [slice(0, size), *(slice(i, i + 1) for i in range(size))]
        gap = max(
            largest_difference(signatures[endpoint], inputs, outputs, rows)
            for rows in batches
        )
        print(f"  {endpoint}: {sorted(outputs)}, largest difference {gap:.1e}")
        worst = max(worst, gap)
    if not worst <= TOLERANCE:
        sys.exit("The SavedModel answers differently in this TensorFlow.")


if __name__ == "__main__":
    main(*sys.argv[1:])
