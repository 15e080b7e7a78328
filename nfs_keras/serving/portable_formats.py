"""Exports encoders for runtimes without TensorFlow: ONNX and LiteRT.

Their inputs are decoded images of the network's own size, because neither
runtime decodes and resizes as TensorFlow does: resize with
`nfs_keras.datasets.images.resize_image` and pass float32 RGB in [0, 255].
"""

import pathlib
import warnings

import keras
import numpy as np
import tensorflow as tf

from nfs_keras.optional import optional_import
from nfs_keras.serving.export_saved_model import serving_encoders

BATCH_SIZES = (1, 2, 17)  # wrong results above batch 1 are a common error
TOLERANCE = 1e-5


def export_onnx(network, directory, compact=True):
    """Writes `visible.onnx` and `infrared.onnx`, and checks their embeddings.

    Args:
        network: A trained `ReIDNetwork`.
        directory: Folder of the two files.
        compact: See `export_saved_model`.

    Returns:
        Dict from modality to the path of its file. Input `image` `(B, height,
        width, 3)` float32, output `embedding` `(B, D)` float32.

    Raises:
        ImportError: If an `onnx` package is missing.
        RuntimeError: If an embedding differs by more than 1e-5 from the
            network's, at batch size 1, 2 or 17.
    """
    for name in ("onnxruntime", "tf2onnx"):
        optional_import(name, extra="onnx")
    return export(network, directory, compact, "onnx", "onnx", run_onnx)


def export_litert(network, directory, compact=True):
    """Writes `visible.tflite` and `infrared.tflite`, and checks them.

    Arguments, results and errors are those of `export_onnx`; it requires no
    package but TensorFlow.
    """
    return export(network, directory, compact, "litert", "tflite", run_litert)


def export(network, directory, compact, kind, suffix, run):
    """Writes both encoders in one format and compares their embeddings."""
    root = pathlib.Path(directory)
    root.mkdir(parents=True, exist_ok=True)
    paths = {}
    for modality, encoder in serving_encoders(network, compact).items():
        named = {"embedding": encoder.output}
        encoder = keras.Model(encoder.input, named, name=encoder.name)
        path = root / f"{modality}.{suffix}"
        images = random_images(encoder.input.shape[1:])
        wanted = [encoder(batch)["embedding"] for batch in images]
        with warnings.catch_warnings():
            # Keras reads `np.object` of NumPy 2 before it calls tf2onnx.
            warnings.filterwarnings("ignore", message=".*`np.object`.*")
            encoder.export(str(path), format=kind, verbose=False)
        check_parity(path, wanted, run(path, images))
        paths[modality] = path
    return paths


def random_images(shape):
    """Makes a batch of images of each size to check."""
    generator = np.random.default_rng(0)
    return [
        generator.integers(0, 256, (size, *shape)).astype("float32")
        for size in BATCH_SIZES
    ]


def check_parity(path, wanted, answers):
    """Raises `RuntimeError` if embeddings differ from the network's."""
    for a, b in zip(wanted, answers, strict=True):
        difference = float(np.abs(np.asarray(a) - b).max())
        if not difference <= TOLERANCE:
            raise RuntimeError(
                "An exported encoder must compute the network's embeddings. "
                f"Received: {path} differs by {difference:.2g} at batch size "
                f"{len(b)}. Do not use the file; export the SavedModel."
            )


def run_onnx(path, images):
    """Embeds batches with ONNX Runtime."""
    runtime = optional_import("onnxruntime", extra="onnx")
    session = runtime.InferenceSession(str(path))
    return [session.run(["embedding"], {"image": x})[0] for x in images]


def run_litert(path, images):
    """Embeds batches with the LiteRT interpreter of TensorFlow."""
    with warnings.catch_warnings():
        # TensorFlow announces that the interpreter moves to another package.
        warnings.filterwarnings("ignore", message=".*Interpreter is deprec.*")
        interpreter = tf.lite.Interpreter(str(path))
    (inputs,) = interpreter.get_input_details()
    (outputs,) = interpreter.get_output_details()
    answers = []
    for batch in images:
        interpreter.resize_tensor_input(inputs["index"], batch.shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(inputs["index"], batch)
        interpreter.invoke()
        answers.append(interpreter.get_tensor(outputs["index"]))
    return answers
