"""The gRPC service that answers requests, over the official stubs."""

import tensorflow as tf
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from nfs_keras.serving.stand_in.refusals import aborts_refused
from nfs_keras.serving.stand_in.request_error import RequestError
from nfs_keras.serving.stand_in.tensors import from_proto

METHOD = "tensorflow/serving/predict"


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Answers `Predict` and `GetModelMetadata`; the rest is unimplemented.

    Args:
        model_name: The name under which the model is served.
        watcher: `VersionWatcher` of the model.
    """

    def __init__(self, model_name, watcher):
        self.model_name = model_name
        self.watcher = watcher

    @aborts_refused
    def Predict(self, request, context):  # noqa: N802
        servable = self._find(request.model_spec)
        inputs = {k: from_proto(v) for k, v in request.inputs.items()}
        name = request.model_spec.signature_name or "serving_default"
        outputs = servable.predict(name, inputs)
        wanted = set(request.output_filter) or set(outputs)
        if not wanted <= set(outputs):
            message = f"outputs are {sorted(outputs)}, not {sorted(wanted)}."
            raise RequestError("INVALID_ARGUMENT", message)
        response = predict_pb2.PredictResponse()
        self._sign(response.model_spec, servable)
        response.model_spec.signature_name = name
        for key in wanted:
            proto = tf.make_tensor_proto(outputs[key])
            response.outputs[key].CopyFrom(proto)
        return response

    @aborts_refused
    def GetModelMetadata(self, request, context):  # noqa: N802
        if list(request.metadata_field) != ["signature_def"]:
            message = "The only metadata is `signature_def`."
            raise RequestError("INVALID_ARGUMENT", message)
        servable = self._find(request.model_spec)
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        self._sign(response.model_spec, servable)
        signatures = signature_definitions(servable)
        response.metadata["signature_def"].Pack(signatures)
        return response

    def _find(self, spec):
        if spec.name != self.model_name:
            message = f"Servable not found for request: {spec.name!r}"
            raise RequestError("NOT_FOUND", message)
        if spec.HasField("version"):
            return self.watcher.servable(spec.version.value)
        return self.watcher.servable()

    def _sign(self, spec, servable):
        spec.name = self.model_name
        spec.version.value = servable.version


def signature_definitions(servable):
    """Describes the endpoints of a `Servable` as a `SignatureDefMap`."""
    definitions = get_model_metadata_pb2.SignatureDefMap()
    for name, signature in servable.signatures.items():
        definition = definitions.signature_def[name]
        definition.method_name = METHOD
        inputs = signature.structured_input_signature[1]
        for specs, infos in (
            (inputs, definition.inputs),
            (signature.structured_outputs, definition.outputs),
        ):
            for key, spec in specs.items():
                infos[key].name = key
                infos[key].dtype = spec.dtype.as_datatype_enum
                infos[key].tensor_shape.CopyFrom(spec.shape.as_proto())
    return definitions
