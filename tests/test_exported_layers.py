"""An exported layer answers in a process without the package or Keras."""

import subprocess
import sys

import numpy as np
import tensorflow as tf
from test_conformance import CATALOG

ANSWER = """
import sys
sys.modules.update(nfs_keras=None, keras=None)
import numpy as np, tensorflow as tf
for folder in sys.argv[1:]:
    serve = tf.saved_model.load(folder).signatures["serving_default"]
    inputs = {k: tf.constant(x) for k, x in np.load(folder + "/in.npz").items()}
    outputs = {k: y.numpy() for k, y in serve(**inputs).items()}
    np.savez(folder + "/out.npz", **outputs)
"""


def test_layers_answer_without_the_package_or_keras(tmp_path):
    expected = {}
    for case in {case.layer_class: case for case in CATALOG}.values():
        folder, model = str(tmp_path / case.name), case.model()
        model.export(folder, format="tf_saved_model", verbose=False)
        np.savez(folder + "/in.npz", **case.model_inputs)
        expected[folder] = tf.nest.flatten(model(case.model_inputs))
    subprocess.run([sys.executable, "-c", ANSWER, *expected], check=True)
    for folder, outputs in expected.items():
        answers = np.load(folder + "/out.npz")
        for name, output in zip(sorted(answers), outputs, strict=True):
            np.testing.assert_allclose(
                answers[name], output, rtol=1e-5, atol=1e-6
            )
