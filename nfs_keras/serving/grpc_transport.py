"""Carries requests over gRPC."""

import json

import tensorflow as tf

from nfs_keras.serving.server_error import ServerError
from nfs_keras.serving.serving_api import serving_api

# What a server says that is away, or whose queue is full.
RETRIED = ("UNAVAILABLE",)
RETRY_BUFFER_BYTES = 2**28  # gRPC sends no message again that exceeds it


class GRPCTransport:
    """Sends requests to `PredictionService`; gRPC itself sends them again.

    Args:
        address: `"host:port"`.
        model_name: The name under which the model is served.
        version: Version that must answer, or `None` for the newest.
        timeout: Seconds that one request may take, tries included.
        max_attempts: How often a request is sent.
    """

    def __init__(self, address, model_name, version, timeout, max_attempts):
        prediction = serving_api("prediction_service_pb2_grpc")
        model = serving_api("model_service_pb2_grpc")
        import grpc

        options = [
            # Unlimited: the default of 4 MB refuses long answers.
            ("grpc.max_send_message_length", -1),
            ("grpc.max_receive_message_length", -1),
            ("grpc.service_config", retry_policy(max_attempts)),
            ("grpc.per_rpc_retry_buffer_size", RETRY_BUFFER_BYTES),
        ]
        self.address = address
        self.model_name = model_name
        self.version = version
        self.timeout = timeout
        self._channel = grpc.insecure_channel(address, options)
        self._prediction = prediction.PredictionServiceStub(self._channel)
        self._model = model.ModelServiceStub(self._channel)

    def predict(self, endpoint, inputs):
        """Sends one request.

        Args:
            endpoint: Name of the endpoint.
            inputs: Dict from input name to array.

        Returns:
            Dict from output name to array.
        """
        request = serving_api("predict_pb2").PredictRequest()
        self._address(request.model_spec)
        request.model_spec.signature_name = endpoint
        for name, value in inputs.items():
            request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
        response = self._call(self._prediction.Predict, request)
        return {k: tf.make_ndarray(v) for k, v in response.outputs.items()}

    def available_versions(self):
        """Lists the versions that are loaded."""
        status = serving_api("get_model_status_pb2")
        request = status.GetModelStatusRequest()
        self._address(request.model_spec)
        try:
            response = self._call(self._model.GetModelStatus, request)
        except ServerError:
            return []
        return sorted(
            v.version
            for v in response.model_version_status
            if v.state == status.ModelVersionStatus.AVAILABLE
        )

    def close(self):
        """Closes the connection."""
        self._channel.close()

    def _address(self, spec):
        spec.name = self.model_name
        if self.version is not None:
            spec.version.value = self.version

    def _call(self, method, request):
        import grpc

        try:
            return method(request, timeout=self.timeout)
        except grpc.RpcError as error:
            status, message = error.code().name, error.details()
            raise ServerError(self.address, status, message) from error


def retry_policy(max_attempts):
    """Writes gRPC's service configuration for sending requests again."""
    policy = {"name": [{}]}
    if max_attempts > 1:
        policy["retryPolicy"] = {
            "maxAttempts": max_attempts,
            "initialBackoff": "0.1s",
            "maxBackoff": "2s",
            "backoffMultiplier": 2,
            "retryableStatusCodes": list(RETRIED),
        }
    return json.dumps({"methodConfig": [policy]})
