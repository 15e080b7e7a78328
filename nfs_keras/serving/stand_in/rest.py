"""The REST API of the stand-in server, on top of the two gRPC services."""

import json
import re
import socket
import threading

import tensorflow as tf
from absl import logging
from google.protobuf import json_format
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_pb2,
    predict_pb2,
)
from werkzeug.exceptions import HTTPException
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from nfs_keras.serving.stand_in.json_tensors import (
    read_inputs,
    read_json,
    write_outputs,
)
from nfs_keras.serving.stand_in.servable import RequestError

PATH = re.compile(
    r"/v1/models(/(?P<name>[^/:]+))?"
    r"(/versions/(?P<version>\d+)|/labels/(?P<label>[^/:]+))?"
    r"(?P<verb>/metadata|:(predict|classify|regress))?",
    re.IGNORECASE,
)
HTTP_STATUS = {  # all others are 500
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "ABORTED": 409,
    "RESOURCE_EXHAUSTED": 429,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
UNREADABLE = (
    AttributeError,
    KeyError,
    OverflowError,
    RecursionError,
    TypeError,
    ValueError,
)
VERBS = (":predict", ":classify", ":regress")
CONNECTION_SECONDS = 60  # of a connection on which nothing happens


class RESTServer:
    """Answers HTTP in threads, one for each connection.

    Args:
        prediction: The `PredictionService` to call.
        model: The `ModelService` to call.
        host: Address to listen on.
        port: Port to listen on, or 0 for a free one.
        max_message_bytes: Longer requests are rejected.

    Attributes:
        address: Such as `"http://127.0.0.1:8501"`.

    Raises:
        OSError: If the port is taken.
    """

    def __init__(self, prediction, model, host, port, max_message_bytes):
        self.prediction = prediction
        self.model = model
        self.max_message_bytes = max_message_bytes
        self._running = 0
        self._changed = threading.Condition()
        # Werkzeug ends the process if the port is taken: bind it here.
        with socket.create_server((host, port), backlog=128) as bound:
            self._server = make_server(
                host,
                bound.getsockname()[1],
                self._answer,
                threaded=True,
                request_handler=QuietHandler,
                fd=bound.fileno(),
            )
        self.address = f"http://{host}:{self._server.port}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def stop(self, seconds):
        """Takes no more requests, and waits for those that are running."""
        self._server.shutdown()
        self._thread.join()
        with self._changed:
            self._changed.wait_for(lambda: not self._running, seconds)
        self._server.server_close()

    def _answer(self, environ, start_response):
        with self._changed:
            self._running += 1
        try:
            status, body = self._respond(Request(environ))
            response = Response(body, status, mimetype="application/json")
            yield from response(environ, start_response)
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

    def _respond(self, request):
        """Returns the HTTP status and the JSON that answer a request."""
        request.max_content_length = self.max_message_bytes
        try:
            return 200, json.dumps(self._dispatch(request))
        except RequestError as error:
            status, message = HTTP_STATUS.get(error.status, 500), str(error)
        except HTTPException as error:
            status, message = error.code, error.description
        # No error of a request may end the server.
        except Exception as error:
            logging.exception("A request failed.")
            status, message = 500, str(error)
        return status, json.dumps({"error": message})

    def _dispatch(self, request):
        if not request.path.lower().startswith("/v1/"):
            raise RequestError("NOT_FOUND", f"There is no {request.path!r}.")
        path = PATH.fullmatch(request.path)
        verb = path and (path["verb"] or "").lower()
        verbs = {"GET": ("", "/metadata"), "POST": VERBS}
        if verb not in verbs.get(request.method, ()):
            message = f"Malformed request: {request.method} {request.path}"
            raise RequestError("INVALID_ARGUMENT", message)
        if not path["name"]:
            message = "Missing model name in request."
            raise RequestError("INVALID_ARGUMENT", message)
        spec = model_spec(path)
        if verb == ":predict":
            return self._predict(spec, request.get_data())
        if verb in VERBS:
            message = f"`{verb}` takes examples; this model has none."
            raise RequestError("UNIMPLEMENTED", message)
        return self._metadata(spec) if verb else self._status(spec)

    def _status(self, spec):
        message = get_model_status_pb2.GetModelStatusRequest(model_spec=spec)
        return as_dict(self.model.status(message))

    def _metadata(self, spec):
        message = get_model_metadata_pb2.GetModelMetadataRequest(
            model_spec=spec, metadata_field=["signature_def"]
        )
        answer = self.prediction.metadata(message)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        answer.metadata["signature_def"].Unpack(signatures)
        return {
            "model_spec": as_dict(answer.model_spec),
            "metadata": {"signature_def": as_dict(signatures)},
        }

    def _predict(self, spec, body):
        servable = self.prediction.find(spec)
        try:
            request = read_json(body)
            name = request.get("signature_name", "")
            if not isinstance(name, str):
                raise ValueError("'signature_name' key must be a string value")
            signature = name or "serving_default"
            if signature not in servable.signatures:
                raise ValueError(f"Serving signature name: {name!r} not found")
            specs = servable.input_specs(signature)
            inputs, by_row = read_inputs(request, specs)
        except UNREADABLE as error:
            text = f"JSON cannot be read: {error!r:.300}."
            raise RequestError("INVALID_ARGUMENT", text) from error
        spec.signature_name = name
        message = predict_pb2.PredictRequest(model_spec=spec)
        for key, value in inputs.items():
            proto = tf.make_tensor_proto(value, specs[key].dtype, value.shape)
            message.inputs[key].CopyFrom(proto)
        answer = self.prediction.predict(message).outputs
        outputs = {key: tf.make_ndarray(x) for key, x in answer.items()}
        return write_outputs(outputs, by_row)


class QuietHandler(WSGIRequestHandler):
    """Logs requests at the level of debugging, and drops idle connections."""

    timeout = CONNECTION_SECONDS

    def log(self, type, message, *args):
        logging.debug(message, *args)


def model_spec(path):
    """Makes a `ModelSpec` of the parts of a URL."""
    spec = model_pb2.ModelSpec(name=path["name"], version_label=path["label"])
    if path["version"]:
        try:
            spec.version.value = int(path["version"])
        except ValueError as error:
            message = f"Failed to convert version: {path['version']}"
            raise RequestError("INVALID_ARGUMENT", message) from error
    return spec


def as_dict(message):
    """Converts a message to JSON, zeros and empty fields included."""
    return json_format.MessageToDict(
        message,
        preserving_proto_field_name=True,
        always_print_fields_with_no_presence=True,
    )
