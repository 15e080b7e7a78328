"""The SavedModel opens in the C++ loader that TF-Serving is built on."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf
from exported_model import exported_model, random_images, served
from tensorflow.core.protobuf import saved_model_pb2

PROGRAM = Path(__file__).with_name("load_with_c_api.py")


def tensor_names(endpoint):
    """Names of the graph's tensors behind an endpoint of pixels."""
    contents = (exported_model() / "saved_model.pb").read_bytes()
    (graph,) = saved_model_pb2.SavedModel.FromString(contents).meta_graphs
    signature = graph.signature_def[endpoint]
    return signature.inputs["image"].name, signature.outputs["embedding"].name


def test_the_c_library_answers_as_python_does(tmp_path):
    images = random_images(3)
    np.save(tmp_path / "images.npy", images)
    library = Path(tf.__file__).parent
    names = tensor_names("infrared_pixels")
    arguments = [library, exported_model(), *names, tmp_path / "images.npy"]
    subprocess.run(
        [sys.executable, PROGRAM, *map(str, arguments)],
        check=True,
        cwd=tmp_path,
        stderr=subprocess.DEVNULL,
    )
    answer = np.load(tmp_path / "images.npy.out.npy")
    expected = served("infrared_pixels", image=images)
    np.testing.assert_allclose(answer, expected["embedding"], atol=1e-5)
