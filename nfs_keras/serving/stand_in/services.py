"""The two gRPC services, based on the official stubs; REST calls them too."""

import functools
import math

import grpc
import numpy as np
import tensorflow as tf
from absl import logging
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from nfs_keras.serving.stand_in.servable import RequestError

MAX_BYTES = 2**28  # of one tensor, unpacked


def aborts_on_error(method):
    """Decorates a gRPC method, so that an error becomes a gRPC status."""

    @functools.wraps(method)
    def call(self, request, context):
        try:
            return method(self, request)
        except RequestError as error:
            status, message = grpc.StatusCode[error.status], str(error)
        # No error of a request may end the server.
        except Exception as error:
            logging.exception("A request failed.")
            status, message = grpc.StatusCode.INTERNAL, str(error)
        return context.abort(status, message)

    return call


class Service:
    """Base class of what answers about one model.

    Args:
        model_name: The name under which the model is served.
        watcher: `VersionWatcher` of the model.
    """

    def __init__(self, model_name, watcher):
        self.model_name = model_name
        self.watcher = watcher


class PredictionService(
    Service, prediction_service_pb2_grpc.PredictionServiceServicer
):
    """Answers `Predict` and `GetModelMetadata`; other methods do not exist."""

    def predict(self, request):
        """Answers a `PredictRequest`, from gRPC or from REST."""
        servable = self.find(request.model_spec)
        inputs = {k: from_proto(v) for k, v in request.inputs.items()}
        name = request.model_spec.signature_name or "serving_default"
        outputs = servable.predict(name, inputs)
        wanted = list(request.output_filter) or list(outputs)
        if not set(wanted) <= set(outputs) or len(set(wanted)) < len(wanted):
            message = f"outputs are {sorted(outputs)}, each once, not {wanted}."
            raise RequestError("INVALID_ARGUMENT", message)
        response = predict_pb2.PredictResponse()
        self._sign(response.model_spec, servable)
        response.model_spec.signature_name = name
        for key in wanted:
            proto = tf.make_tensor_proto(outputs[key])
            response.outputs[key].CopyFrom(proto)
        return response

    def metadata(self, request):
        """Answers a `GetModelMetadataRequest`."""
        if set(request.metadata_field) != {"signature_def"}:
            message = "The only metadata is `signature_def`."
            raise RequestError("INVALID_ARGUMENT", message)
        servable = self.find(request.model_spec)
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        self._sign(response.model_spec, servable)
        signatures = signature_definitions(servable)
        response.metadata["signature_def"].Pack(signatures)
        return response

    def find(self, spec):
        """Returns the `Servable` that a `ModelSpec` names."""
        check_spec(spec)
        if spec.name != self.model_name:
            message = f"Servable not found for request: {spec.name!r}"
            raise RequestError("NOT_FOUND", message)
        named = spec.HasField("version")
        return self.watcher.servable(spec.version.value if named else None)

    def _sign(self, spec, servable):
        spec.name = self.model_name
        spec.version.value = servable.version

    Predict = aborts_on_error(predict)
    GetModelMetadata = aborts_on_error(metadata)


class ModelService(Service, model_service_pb2_grpc.ModelServiceServicer):
    """Answers `GetModelStatus`; models cannot be reconfigured."""

    def status(self, request):
        """Answers a `GetModelStatusRequest`, the newest version first."""
        spec = request.model_spec
        check_spec(spec)
        states = dict(self.watcher.states)
        if spec.name != self.model_name:
            states = {}
        if spec.HasField("version"):
            number = spec.version.value
            states = {k: v for k, v in states.items() if k == number}
        if not states:
            message = f"Could not find any versions of model {spec.name!r}"
            raise RequestError("NOT_FOUND", message)
        response = get_model_status_pb2.GetModelStatusResponse()
        for version, (state, failure) in sorted(states.items(), reverse=True):
            entry = response.model_version_status.add(version=version)
            entry.state = entry.State.Value(state)
            entry.status.error_code = 2 if failure else 0  # UNKNOWN or OK
            entry.status.error_message = failure
        return response

    GetModelStatus = aborts_on_error(status)


def check_spec(spec):
    """Rejects a `ModelSpec` without a name, or with a label."""
    if not spec.name:
        raise RequestError("INVALID_ARGUMENT", "ModelSpec has no name.")
    if spec.version_label:
        message = f"Unrecognized servable version label: {spec.version_label}"
        raise RequestError("INVALID_ARGUMENT", message)


def signature_definitions(servable):
    """Reads the endpoints from the SavedModel, as a `SignatureDefMap`."""
    contents = (servable.directory / "saved_model.pb").read_bytes()
    graph = saved_model_pb2.SavedModel.FromString(contents).meta_graphs[0]
    definitions = get_model_metadata_pb2.SignatureDefMap()
    for name, definition in graph.signature_def.items():
        definitions.signature_def[name].CopyFrom(definition)
        definitions.signature_def[name].ClearField("defaults")
    return definitions


def from_proto(proto) -> np.ndarray:
    """Unpacks a `TensorProto`, unless it is too large or malformed.

    A message of a few bytes may represent an array of any size, because its
    last value is repeated.
    """
    shape = [dim.size for dim in proto.tensor_shape.dim]
    try:
        item_bytes = max(tf.as_dtype(proto.dtype).size or 0, 8)
        if min(shape, default=0) < 0 or proto.tensor_shape.unknown_rank:
            raise ValueError(f"shape {shape} is not known")
        if math.prod(shape) * item_bytes > MAX_BYTES:
            raise ValueError(f"shape {shape} is too large")
        return tf.make_ndarray(proto)
    except (TypeError, ValueError, IndexError) as error:
        message = f"A tensor cannot be read: {error}."
        raise RequestError("INVALID_ARGUMENT", message) from error
