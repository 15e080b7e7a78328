"""Sends a client's requests over gRPC or REST."""

import base64
import contextlib
import json
import threading
import time
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from nfs_keras.optional import optional_import, serving_api

RETRIED = "UNAVAILABLE"  # status of a server that is stopped or overloaded
RETRY_BUFFER_BYTES = 2**28  # gRPC does not resend a longer message
MAX_BACKOFF_SECONDS = 2.0

# The inverse of TF-Serving's own table.
STATUSES = {
    400: "INVALID_ARGUMENT",
    404: "NOT_FOUND",
    413: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
ANSWERS = {"GET": "model_version_status", "POST": "outputs"}
DTYPES = {"valid": "bool", "model_version": object}  # others are float32


class ServerError(RuntimeError):
    """A server rejected a request, or did not answer it.

    Args:
        address: Address of the server.
        status: Name of a gRPC status code, such as `"NOT_FOUND"`, whatever
            the transport; `"UNAVAILABLE"` also if no server answers.
        message: Message of the server.
    """

    def __init__(self, address, status, message):
        super().__init__(
            f"The server at {address} returned an error or nothing. "
            f"Received: status={status}, message={message!r}. "
            "Check that it runs, serves this model and accepts this request."
        )
        self.status = status


class Route(NamedTuple):
    """Address of a server, and limits of a request.

    Attributes:
        address: `"host:port"` for gRPC, `"http://host:port"` or
            `"https://host:port"` for REST.
        model_name: The name under which the model is served.
        version: Version of the model to use, or `None` for the newest.
        timeout: Seconds that one request may take, with all its attempts.
        max_attempts: How often a request is sent.
        certificates: See `Client`.
        client_certificate: See `Client`.
    """

    address: str
    model_name: str
    version: int | None
    timeout: float
    max_attempts: int
    certificates: str | None = None
    client_certificate: tuple | None = None


class GRPCTransport:
    """Sends requests to `PredictionService`; gRPC itself sends them again."""

    def __init__(self, route):
        self.route = route
        self._channel = open_channel(route)
        prediction = serving_api("prediction_service_pb2_grpc")
        model = serving_api("model_service_pb2_grpc")
        self._prediction = prediction.PredictionServiceStub(self._channel)
        self._model = model.ModelServiceStub(self._channel)

    def predict(self, endpoint, inputs):
        """Sends one request; returns a dict from output name to array."""
        request = serving_api("predict_pb2").PredictRequest()
        self._address(request.model_spec)
        request.model_spec.signature_name = endpoint
        for name, value in inputs.items():
            request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
        response = self._call(self._prediction.Predict, request)
        return {k: tf.make_ndarray(v) for k, v in response.outputs.items()}

    def versions(self):
        """Returns a dict from version to the name of its state."""
        request = serving_api("get_model_status_pb2").GetModelStatusRequest()
        self._address(request.model_spec)
        response = self._call(self._model.GetModelStatus, request)
        return {
            entry.version: entry.State.Name(entry.state)
            for entry in response.model_version_status
        }

    def close(self):
        """Closes the connection."""
        self._channel.close()

    def _address(self, spec):
        spec.name = self.route.model_name
        if self.route.version is not None:
            spec.version.value = self.route.version

    def _call(self, method, request):
        import grpc

        try:
            return method(request, timeout=self.route.timeout)
        except grpc.RpcError as error:
            status, message = error.code().name, error.details()
            raise ServerError(self.route.address, status, message) from error


def open_channel(route):
    """Opens a gRPC channel, encrypted if there are certificates."""
    grpc = optional_import("grpc", extra="serving")
    options = [
        # Unlimited: with the default of 4 MB long answers fail.
        ("grpc.max_send_message_length", -1),
        ("grpc.max_receive_message_length", -1),
        ("grpc.service_config", retry_policy(route.max_attempts)),
        ("grpc.per_rpc_retry_buffer_size", RETRY_BUFFER_BYTES),
        # By default the channels of a process share the time to the next
        # attempt, up to two minutes: a new client would wait without a reason.
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.max_reconnect_backoff_ms", int(1000 * MAX_BACKOFF_SECONDS)),
    ]
    if route.certificates is route.client_certificate is None:
        return grpc.insecure_channel(route.address, options)
    certificate, key = route.client_certificate or (None, None)
    credentials = grpc.ssl_channel_credentials(
        read(route.certificates), read(key), read(certificate)
    )
    return grpc.secure_channel(route.address, credentials, options)


def read(path):
    """Reads a file, or returns `None` without a path."""
    if path is None:
        return None
    with open(path, "rb") as file:
        return file.read()


def retry_policy(max_attempts):
    """Writes gRPC's service configuration to resend failed requests."""
    policy = {"name": [{}]}
    if max_attempts > 1:
        policy["retryPolicy"] = {
            "maxAttempts": max_attempts,
            "initialBackoff": "0.1s",
            "maxBackoff": f"{MAX_BACKOFF_SECONDS}s",
            "backoffMultiplier": 2,
            "retryableStatusCodes": [RETRIED],
        }
    return json.dumps({"methodConfig": [policy]})


class RESTTransport:
    """Sends requests to `:predict` as JSON, and resends failed ones."""

    def __init__(self, route):
        self.route = route
        self._http = optional_import("urllib3", extra="serving")
        self._url = f"{route.address.rstrip('/')}/v1/models/{route.model_name}"
        if route.version is not None:
            self._url += f"/versions/{route.version}"
        certificate, key = route.client_certificate or (None, None)
        self._pool = self._http.PoolManager(
            retries=False,
            ca_certs=route.certificates,
            cert_file=certificate,
            key_file=key,
        )

    def predict(self, endpoint, inputs):
        """Sends one request; returns a dict from output name to array."""
        columns = {name: as_json(value) for name, value in inputs.items()}
        message = {"signature_name": endpoint, "inputs": columns}
        answer = self._call("POST", ":predict", message)
        if not isinstance(answer, dict):
            only = {"match": "similarity", "model_version": "model_version"}
            answer = {only.get(endpoint, "embedding"): answer}
        return {
            name: np.asarray(value, DTYPES.get(name, "float32"))
            for name, value in answer.items()
        }

    def versions(self):
        """Returns a dict from version to the name of its state."""
        answer = self._call("GET", "")
        return {int(entry["version"]): entry["state"] for entry in answer}

    def close(self):
        """Closes the connection."""
        self._pool.clear()

    def _call(self, method, verb, message=None):
        """Sends a request until it is answered, or the timeout is reached."""
        deadline = time.monotonic() + self.route.timeout
        waits = [0.1 * 2**n for n in range(self.route.max_attempts - 1)]
        for wait in waits:
            try:
                return self._try(method, verb, message, deadline)
            except ServerError as error:
                wait = min(wait, MAX_BACKOFF_SECONDS)
                late = time.monotonic() + wait > deadline
                if late or error.status != RETRIED:
                    raise
            time.sleep(wait)
        return self._try(method, verb, message, deadline)

    def _try(self, method, verb, message, deadline):
        late = self._http.exceptions.ReadTimeoutError
        try:
            status, body = self._send(method, verb, message, deadline)
        except late as error:
            raise self._error("DEADLINE_EXCEEDED", error) from error
        except self._http.exceptions.HTTPError as error:
            raise self._error("UNAVAILABLE", error) from error
        name = STATUSES.get(status, "UNKNOWN")  # 200 too, if it is none
        try:
            answer = json.loads(body)
        except ValueError as error:
            raise self._error(name, f"no JSON: {body!r:.80}") from error
        key = ANSWERS[method] if status == 200 else "error"
        if not isinstance(answer, dict) or key not in answer:
            raise self._error(name, f"not of TF-Serving: {body!r:.80}")
        if status != 200:
            raise self._error(name, answer["error"])
        return answer[key]

    def _send(self, method, verb, message, deadline):
        """Returns the HTTP status and the body of an answer."""
        left = max(deadline - time.monotonic(), 1e-3)
        response = self._pool.request(
            method,
            self._url + verb,
            json=message,
            timeout=self._http.Timeout(total=left),
            preload_content=False,
        )
        # The timeout is for each read, and an answer may need many reads.
        timer = threading.Timer(deadline - time.monotonic(), stop, [response])
        timer.start()
        try:
            return response.status, response.read()
        finally:
            timer.cancel()
            if time.monotonic() > deadline:
                response.close()
                late = self._http.exceptions.ReadTimeoutError
                raise late(self._pool, self._url, "the answer is too slow")

    def _error(self, status, message):
        return ServerError(self.route.address, status, str(message))


def stop(response):
    """Ends the reading of an answer, if it has not ended by itself."""
    with contextlib.suppress(OSError, RuntimeError, ValueError):
        response.shutdown()


def as_json(array):
    """Converts an array to lists of numbers, and bytes to base64."""
    if array.dtype != object:
        return array.tolist()
    return [{"b64": base64.b64encode(item).decode()} for item in array]
