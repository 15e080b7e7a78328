"""Asks a SavedModel of ours for answers, in an older TensorFlow.

    python answer_saved_model.py SAVED_MODEL ANSWERS [SIGNATURE]

Imports TensorFlow and NumPy only. ANSWERS is an `.npz` with arrays named
`inputs/<name>` and `outputs/<name>`; SIGNATURE is `serving_default` unless
given. Fails if an output differs by more than 1e-5, for the whole batch and
for each of its rows alone.
"""

import sys

import numpy as np
import tensorflow as tf

TOLERANCE = 1e-5


def under(arrays, prefix):
    """Picks `{name: array}` of the arrays named `<prefix>/<name>`."""
    start = len(prefix) + 1
    return {k[start:]: arrays[k] for k in arrays if k.startswith(prefix + "/")}


def largest_difference(serve, inputs, outputs):
    """Serves one batch; compares relative to the largest expected number."""
    answers = serve(**{name: tf.constant(x) for name, x in inputs.items()})
    if set(answers) != set(outputs):
        sys.exit(f"Outputs {sorted(answers)}, not {sorted(outputs)}.")
    return max(
        np.max(np.abs(answers[name].numpy() - y)) / max(1, np.max(np.abs(y)))
        for name, y in outputs.items()
    )


def main(saved_model, answers, signature="serving_default"):
    arrays = dict(np.load(answers))
    inputs, outputs = under(arrays, "inputs"), under(arrays, "outputs")
    loaded = tf.saved_model.load(saved_model)
    serve = loaded.signatures[signature]
    size = len(next(iter(inputs.values())))
    batches = [slice(0, size), *(slice(i, i + 1) for i in range(size))]
    worst = max(
        largest_difference(
            serve,
            {name: x[rows] for name, x in inputs.items()},
            {name: y[rows] for name, y in outputs.items()},
        )
        for rows in batches
    )
    print(
        f"TensorFlow {tf.__version__}: {signature} answers with "
        f"{sorted(outputs)}, largest difference {worst:.1e}"
    )
    if not worst <= TOLERANCE:
        sys.exit("The SavedModel answers differently in this TensorFlow.")


if __name__ == "__main__":
    main(*sys.argv[1:])
