"""One loaded version of a model."""

import itertools
import pathlib
import re
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from nfs_keras.optional import serving_api
from nfs_keras.serving.manifest import verify_manifest
from nfs_keras.serving.warm_up import BATCH_SIZES, WARM_UP_FILE

QUEUES = itertools.count()


class RequestError(Exception):
    """Says why a request is refused.

    Args:
        status: Name of a gRPC status code, such as `"NOT_FOUND"`.
        message: What was wrong, for the caller to read.
    """

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


class Batching(NamedTuple):
    """How requests of several clients are joined, as in `batching.config`.

    Attributes:
        allowed_batch_sizes: Ascending; a batch is padded to the next one, and
            a request with more rows than the last one is refused.
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

    With batching, every endpoint has a queue of its own, and its requests are
    joined along the first axis, as TF-Serving joins them.

    Args:
        directory: A model version, such as `saved_model/1`.
        batching: `Batching`, or `None` to answer each request by itself.
        warm_up: Whether to replay the warm-up requests before answering.
        verify: Whether the files must be those of the manifest.

    Raises:
        ValueError: If there is no manifest, or the files differ from it.
    """

    def __init__(self, directory, batching=None, warm_up=True, verify=True):
        self.directory = pathlib.Path(directory)
        self.version = int(self.directory.name)
        if verify:
            verify_manifest(self.directory)
        # A signature keeps only a weak reference to the model.
        self._model = tf.saved_model.load(str(self.directory))
        self.signatures = dict(self._model.signatures)
        self._batching = batching
        self._functions = {
            name: batched(signature, batching) if batching else signature
            for name, signature in self.signatures.items()
        }
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
            RequestError: If the endpoint or its inputs are wrong, or the
                queue is full.
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
        if self._batching:
            check_rows(tensors)
        try:
            outputs = self._functions[name](**tensors)
        except tf.errors.OpError as error:
            raise request_error(error) from error
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
    """Joins concurrent calls of an endpoint by TensorFlow's own batch op.

    It is built on the scheduler that TF-Serving uses, and so refuses what
    that refuses: a request longer than a batch, and any when the queue is
    full.
    """
    specs = signature.structured_input_signature[1]
    names, outputs = sorted(specs), sorted(signature.structured_outputs)

    @tf.nondifferentiable_batch_function(
        num_batch_threads=batching.num_batch_threads,
        max_batch_size=batching.allowed_batch_sizes[-1],
        batch_timeout_micros=batching.batch_timeout_micros,
        allowed_batch_sizes=list(batching.allowed_batch_sizes),
        max_enqueued_batches=batching.max_enqueued_batches,
        enable_large_batch_splitting=False,
    )
    def run(*tensors):
        answer = signature(**dict(zip(names, tensors, strict=True)))
        return [answer[name] for name in outputs]

    scope = f"queue_{next(QUEUES)}"

    @tf.function(autograph=False)
    def call(**tensors):
        # The batch op names its queue by the scope: two endpoints, or two
        # versions, under one name would fall into one batch.
        with tf.name_scope(scope):
            answer = run(*[tensors[name] for name in names])
            return dict(zip(outputs, answer, strict=True))

    return call.get_concrete_function(**specs)


def check_rows(tensors):
    """Refuses what has no row to pad a batch with, or rows of two numbers.

    TF-Serving pads with the first row of a request: where there is none, a
    failed check ends its process.
    """
    sizes = {
        tensor.shape[0] if tensor.shape else 0 for tensor in tensors.values()
    }
    if len(sizes) != 1 or 0 in sizes:
        message = (
            "A batched request has one or more rows, as many in each input."
        )
        raise RequestError("INVALID_ARGUMENT", message)


def request_error(error):
    """Says with TF-Serving's status what TensorFlow has refused."""
    # The line before the name of the node; above it stands our own traceback.
    lines = re.split(r"\n\s*\[\[", error.message)[0].split("\n\n")
    statuses = {
        tf.errors.ResourceExhaustedError: "RESOURCE_EXHAUSTED",
        tf.errors.UnavailableError: "UNAVAILABLE",
        tf.errors.CancelledError: "UNAVAILABLE",
    }
    status = statuses.get(type(error), "INVALID_ARGUMENT")
    if "Dimensions of inputs should match" in lines[-1]:
        status = "FAILED_PRECONDITION"  # of requests that were joined
    return RequestError(status, lines[-1])


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
