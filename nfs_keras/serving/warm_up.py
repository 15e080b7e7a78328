"""Writes example requests that a server runs when it loads a model.

TensorFlow optimises a graph when it first runs, so the first request to a new
model takes seconds. TF-Serving replays this file when it loads a version, and
accepts requests only afterwards.
"""

import pathlib

import numpy as np
import tensorflow as tf

from nfs_keras.optional import serving_api

WARM_UP_FILE = "assets.extra/tf_serving_warmup_requests"
MODEL_NAME = "nfs_reid"
BATCH_SIZES = (1, 2, 4, 8, 16, 32)


def write_warm_up(
    directory, model_name: str = MODEL_NAME, batch_sizes=BATCH_SIZES
) -> pathlib.Path:
    """Writes one request for each endpoint and batch size.

    Args:
        directory: A model version, such as `saved_model/1`.
        model_name: The name under which it will be served.
        batch_sizes: The batch sizes that the server allows.

    Returns:
        Path of the file, a TFRecord of `PredictionLog`.

    Raises:
        ImportError: If `tensorflow-serving-api` is not installed.
    """
    prediction_log = serving_api("prediction_log_pb2").PredictionLog
    signatures = tf.saved_model.load(str(directory)).signatures
    path = pathlib.Path(directory) / WARM_UP_FILE
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for name, signature in sorted(signatures.items()):
            for size in batch_sizes:
                log = prediction_log()
                request = log.predict_log.request
                request.model_spec.name = model_name
                request.model_spec.signature_name = name
                for key, value in example_inputs(signature, size).items():
                    request.inputs[key].CopyFrom(tf.make_tensor_proto(value))
                writer.write(log.SerializeToString())
    return path


def example_inputs(signature, batch_size: int) -> dict[str, np.ndarray]:
    """Makes valid inputs of an endpoint, from its signature."""
    _, specs = signature.structured_input_signature
    return {k: example(spec, batch_size) for k, spec in specs.items()}


def example(spec: tf.TensorSpec, batch_size: int) -> np.ndarray:
    """Makes one input: images of 16 x 8 pixels, embeddings of zeros."""
    if spec.dtype == tf.string:
        image = tf.io.encode_jpeg(np.zeros((16, 8, 3), "uint8")).numpy()
        return np.array([image] * batch_size, dtype=object)
    if spec.dtype == tf.uint8:
        return np.zeros((batch_size, 16, 8, 3), "uint8")
    if spec.dtype == tf.int32:
        return np.zeros(batch_size, "int32")
    return np.zeros((batch_size, 1, spec.shape[-1]), "float32")
