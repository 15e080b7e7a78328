"""One loaded version of a model."""

import dataclasses
import itertools
import pathlib
import re

import numpy as np
import tensorflow as tf

from nfs_keras.arguments import check_integer
from nfs_keras.optional import serving_api
from nfs_keras.serving.manifest import verify_manifest
from nfs_keras.serving.warm_up import BATCH_SIZES, WARM_UP_FILE

QUEUES = itertools.count()
# Names of gRPC statuses, by their number and that of TensorFlow's errors. The
# second, CANCELLED, is a batch in the queue of a version that is unloaded.
STATUSES = (
    "OK", "UNAVAILABLE", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
    "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
)  # fmt: skip


class RequestError(Exception):
    """Error of a request that the server rejects.

    Args:
        status: Name of a gRPC status code, such as `"NOT_FOUND"`.
        message: What is wrong, for the client.
    """

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


@dataclasses.dataclass(frozen=True)
class Batching:
    """How requests of several clients are joined, as in `batching.config`.

    Attributes:
        allowed_batch_sizes: Ascending; a batch is padded to the next one, and
            a request with more rows than the last one is rejected.
        batch_timeout_micros: How long the first request waits for others.
        num_batch_threads: Batches computed at a time, of all endpoints.
        max_enqueued_batches: More waiting batches than this are rejected.

    Raises:
        ValueError: If the sizes do not ascend from 1 or more, or a number is
            too small.
    """

    allowed_batch_sizes: tuple = BATCH_SIZES
    batch_timeout_micros: int = 2000
    num_batch_threads: int = 2
    max_enqueued_batches: int = 64

    def __post_init__(self):
        sizes = tuple(self.allowed_batch_sizes)
        if not sizes or sizes[0] < 1 or sizes != tuple(sorted({*sizes})):
            raise ValueError(
                "`allowed_batch_sizes` must ascend from 1 or more. Received: "
                f"allowed_batch_sizes={sizes}. Pass for example {BATCH_SIZES}."
            )
        for name, minimum in (
            ("batch_timeout_micros", 0),
            ("num_batch_threads", 1),
            ("max_enqueued_batches", 1),
        ):
            check_integer(name, getattr(self, name), minimum)


class Servable:
    """Loads a model version, verifies it, warms it up and answers requests.

    With batching, every endpoint has a queue of its own, and its requests are
    joined along the first axis, as TF-Serving joins them.

    Args:
        directory: A model version, such as `saved_model/1`.
        batching: `Batching`, or `None` to answer each request by itself.
        warm_up: Whether to replay the warm-up requests before answering.
        verify: Whether to check the files against the manifest.

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

    It uses the scheduler of TF-Serving, and so rejects the same requests: one
    longer than a batch, and any when the queue is full. As there, the queues
    of all endpoints and versions share the threads of one scheduler, which
    TensorFlow keeps as long as the process lives.
    """
    specs = signature.structured_input_signature[1]
    names, outputs = sorted(specs), sorted(signature.structured_outputs)

    @tf.function(autograph=False)
    def run(*tensors):
        answer = signature(**dict(zip(names, tensors, strict=True)))
        return [answer[name] for name in outputs]

    run = run.get_concrete_function(*[specs[name] for name in names])
    queue = f"queue_{next(QUEUES)}"

    @tf.function(autograph=False)
    def call(**tensors):
        answer = tf.raw_ops.BatchFunction(
            in_tensors=[tensors[name] for name in names],
            captured_tensors=run.captured_inputs,
            f=run,
            Tout=[output.dtype for output in run.outputs],
            num_batch_threads=batching.num_batch_threads,
            max_batch_size=batching.allowed_batch_sizes[-1],
            batch_timeout_micros=batching.batch_timeout_micros,
            allowed_batch_sizes=list(batching.allowed_batch_sizes),
            max_enqueued_batches=batching.max_enqueued_batches,
            enable_large_batch_splitting=False,
            shared_name=repr(batching),
            batching_queue=queue,
        )
        return dict(zip(outputs, answer, strict=True))

    return call.get_concrete_function(**specs)


def check_rows(tensors):
    """Rejects a request without rows, or with different numbers of rows.

    TF-Serving pads with the first row of a request: without a row, a failed
    check ends its process.
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
    """Converts an error of TensorFlow to one with TF-Serving's status."""
    # The line before the name of the node; above it is our own traceback.
    lines = re.split(r"\n\s*\[\[", error.message)[0].split("\n\n")
    status = STATUSES[error.error_code]
    if "Dimensions of inputs should match" in lines[-1]:
        status = "FAILED_PRECONDITION"  # of requests that were joined
    return RequestError(status, lines[-1])


def as_tensor(name, value, spec):
    """Converts an input, if its type and shape fit the endpoint."""
    value = np.asarray(value)
    given = tf.as_dtype(tf.string if value.dtype == object else value.dtype)
    if given != spec.dtype or not spec.shape.is_compatible_with(value.shape):
        raise RequestError(
            "INVALID_ARGUMENT",
            f"`{name}` must be {spec.dtype.name} of shape {spec.shape}, "
            f"not {given.name} of shape {value.shape}.",
        )
    return tf.constant(value, spec.dtype)
