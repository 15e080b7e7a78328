"""One loaded version of a model."""

import itertools
import pathlib
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from nfs_keras.serving.manifest import MANIFEST, verify_manifest
from nfs_keras.serving.serving_api import serving_api
from nfs_keras.serving.stand_in.request_error import RequestError
from nfs_keras.serving.warm_up import BATCH_SIZES, WARM_UP_FILE

QUEUES = itertools.count()


class Batching(NamedTuple):
    """How requests of several clients are joined, as in `batching.config`.

    Attributes:
        allowed_batch_sizes: Ascending; a batch is padded to the next one.
        batch_timeout_micros: How long the first request waits for others.
        num_batch_threads: Batches computed at a time.
        max_enqueued_batches: More waiting than that are refused.
    """

    allowed_batch_sizes: tuple = BATCH_SIZES
    batch_timeout_micros: int = 2000
    num_batch_threads: int = 2
    max_enqueued_batches: int = 64


class Servable:
    """Loads a model version, verifies it, warms it up and answers requests.

    Only endpoints of image files are batched: they alone take inputs of one
    shape from everybody.

    Args:
        directory: A model version, such as `saved_model/1`.
        batching: `Batching`, or `None` to answer each request by itself.
        warm_up: Whether to replay the warm-up requests before answering.

    Raises:
        ValueError: If files differ from the manifest.
    """

    def __init__(self, directory, batching=None, warm_up=True):
        self.directory = pathlib.Path(directory)
        self.version = int(self.directory.name)
        if (self.directory / MANIFEST).is_file():
            verify_manifest(self.directory)
        self._model = tf.saved_model.load(str(self.directory))
        self.signatures = dict(self._model.signatures)
        self._functions = dict(self.signatures)
        if batching is not None:
            for name, signature in self.signatures.items():
                if set(self.input_specs(name)) == {"image_bytes"}:
                    self._functions[name] = batched(signature, batching)
        if warm_up:
            self.warm_up()

    def input_specs(self, name):
        """Dict from input name to `tf.TensorSpec` of an endpoint."""
        return self.signatures[name].structured_input_signature[1]

    def predict(self, name, inputs):
        """Answers one request.

        Args:
            name: Name of an endpoint; empty for `serving_default`.
            inputs: Dict from input name to array.

        Returns:
            Dict from output name to NumPy array.

        Raises:
            RequestError: If the endpoint or its inputs are wrong.
        """
        name = name or "serving_default"
        if name not in self.signatures:
            message = f'Serving signature key "{name}" not found.'
            raise RequestError("FAILED_PRECONDITION", message)
        specs = self.input_specs(name)
        if set(inputs) != set(specs):
            message = f"inputs must be {sorted(specs)}, not {sorted(inputs)}."
            raise RequestError("INVALID_ARGUMENT", message)
        tensors = {k: as_tensor(k, v, specs[k]) for k, v in inputs.items()}
        try:
            # The batch op joins what is there, and an empty request is nothing.
            empty = not all(tensor.shape[0] for tensor in tensors.values())
            functions = self.signatures if empty else self._functions
            outputs = functions[name](**tensors)
        except tf.errors.ResourceExhaustedError as error:
            raise RequestError("RESOURCE_EXHAUSTED", error.message) from error
        except (tf.errors.UnavailableError, tf.errors.CancelledError) as error:
            raise RequestError("UNAVAILABLE", error.message) from error
        except tf.errors.OpError as error:
            raise RequestError("INVALID_ARGUMENT", error.message) from error
        return {key: value.numpy() for key, value in outputs.items()}

    def warm_up(self):
        """Replays the warm-up requests that were exported with the model."""
        path = self.directory / WARM_UP_FILE
        if not path.is_file():
            return
        prediction_log = serving_api("prediction_log_pb2").PredictionLog
        for record in tf.data.TFRecordDataset(str(path)):
            request = prediction_log.FromString(record.numpy())
            request = request.predict_log.request
            inputs = {k: tf.make_ndarray(v) for k, v in request.inputs.items()}
            self.predict(request.model_spec.signature_name, inputs)


def batched(signature, batching):
    """Joins concurrent calls of an endpoint by TensorFlow's own batch op."""
    names = sorted(signature.structured_outputs)
    largest = batching.allowed_batch_sizes[-1]

    @tf.nondifferentiable_batch_function(
        num_batch_threads=batching.num_batch_threads,
        # Of one request: the op splits what exceeds the largest batch.
        max_batch_size=largest * batching.max_enqueued_batches,
        batch_timeout_micros=batching.batch_timeout_micros,
        allowed_batch_sizes=list(batching.allowed_batch_sizes),
        max_enqueued_batches=batching.max_enqueued_batches,
    )
    def run(image_bytes):
        outputs = signature(image_bytes=image_bytes)
        return [outputs[name] for name in names]

    scope = f"queue_{next(QUEUES)}"

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def call(image_bytes):
        # The batch op names its queue by the scope: two endpoints, or two
        # versions, under one name would fall into one batch.
        with tf.name_scope(scope):
            return dict(zip(names, run(image_bytes), strict=True))

    return call.get_concrete_function()


def as_tensor(name, value, spec):
    """Converts an input, if it is what the endpoint asks for."""
    value = np.asarray(value)
    given = tf.as_dtype(tf.string if value.dtype == object else value.dtype)
    if given != spec.dtype or not spec.shape.is_compatible_with(value.shape):
        raise RequestError(
            "INVALID_ARGUMENT",
            f"`{name}` must be {spec.dtype.name} of shape {spec.shape}, "
            f"not {given.name} of shape {value.shape}.",
        )
    return tf.constant(value, spec.dtype)
