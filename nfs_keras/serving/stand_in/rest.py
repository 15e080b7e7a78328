"""The REST side of the stand-in: JSON in front of the two gRPC services."""

import base64
import json
import re
import socket
import threading

import numpy as np
import tensorflow as tf
from absl import logging
from google.protobuf import json_format
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    predict_pb2,
)
from werkzeug.exceptions import HTTPException
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from nfs_keras.serving.stand_in.servable import RequestError

PATH = re.compile(
    r"/v1/models(/(?P<name>[^/:]+))?"
    r"(/versions/(?P<version>\d+)|/labels/(?P<label>[^/:]+))?"
    r"(?P<verb>/metadata|:(predict|classify|regress))?",
    re.IGNORECASE,
)
HTTP_STATUS = {
    "NOT_FOUND": 404,
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "RESOURCE_EXHAUSTED": 429,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "INTERNAL": 500,
}
UNREADABLE = (
    AttributeError,
    KeyError,
    OverflowError,
    RecursionError,
    TypeError,
    ValueError,
)
CONNECTION_SECONDS = 60  # of a connection on which nothing happens


class RESTServer:
    """Answers HTTP in threads, one for each connection.

    Args:
        prediction: The `PredictionService` that answers.
        model: The `ModelService` that answers.
        host: Address to listen on.
        port: Port to listen on, or 0 for one that is free.
        max_message_bytes: Longer requests are refused.

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
            status, answer = self._respond(Request(environ))
            body = json.dumps(answer)
            response = Response(body, status, mimetype="application/json")
            yield from response(environ, start_response)
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

    def _respond(self, request):
        """Returns the status and the JSON object that answer a request."""
        request.max_content_length = self.max_message_bytes
        try:
            return 200, self._dispatch(request)
        except RequestError as error:
            return HTTP_STATUS[error.status], {"error": str(error)}
        except HTTPException as error:
            return error.code, {"error": error.description}
        # One bad request must not end the server, whatever it found.
        except Exception as error:
            logging.exception("A request failed.")
            return 500, {"error": str(error)}

    def _dispatch(self, request):
        if not request.path.lower().startswith("/v1/"):
            raise RequestError("NOT_FOUND", f"There is no {request.path!r}.")
        path = PATH.fullmatch(request.path)
        verb = path and (path["verb"] or "").lower()
        forms = {"GET": ("", "/metadata"), "POST": (":predict",)}
        if request.method == "POST" and verb in (":classify", ":regress"):
            message = f"`{verb}` takes examples; this model has none."
            raise RequestError("UNIMPLEMENTED", message)
        if verb not in forms.get(request.method, ()):
            message = f"Malformed request: {request.method} {request.path}"
            raise RequestError("INVALID_ARGUMENT", message)
        if verb == ":predict":
            return self._predict(path, request.get_data())
        return self._metadata(path) if verb else self._status(path)

    def _status(self, path):
        request = get_model_status_pb2.GetModelStatusRequest()
        fill_spec(request.model_spec, path)
        return as_dict(self.model.status(request))

    def _metadata(self, path):
        message = get_model_metadata_pb2.GetModelMetadataRequest()
        message.metadata_field.append("signature_def")
        fill_spec(message.model_spec, path)
        answer = self.prediction.metadata(message)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        answer.metadata["signature_def"].Unpack(signatures)
        return {
            "model_spec": as_dict(answer.model_spec),
            "metadata": {"signature_def": as_dict(signatures)},
        }

    def _predict(self, path, body):
        message = predict_pb2.PredictRequest()
        fill_spec(message.model_spec, path)
        servable = self.prediction.find(message.model_spec)
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
        message.model_spec.signature_name = name
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


def fill_spec(spec, path):
    """Writes what an address names into a `ModelSpec`."""
    if not path["name"]:
        raise RequestError("INVALID_ARGUMENT", "Missing model name in request.")
    spec.name = path["name"]
    if path["label"]:
        spec.version_label = path["label"]
    if path["version"]:
        try:
            spec.version.value = int(path["version"])
        except ValueError as error:
            message = f"Failed to convert version: {path['version']}"
            raise RequestError("INVALID_ARGUMENT", message) from error


def as_dict(message):
    """Turns a message into JSON, zeros and empty fields included."""
    return json_format.MessageToDict(
        message,
        preserving_proto_field_name=True,
        always_print_fields_with_no_presence=True,
    )


def read_json(body):
    """Reads the object at the start of a body; what follows is passed over."""
    request, _ = json.JSONDecoder().raw_decode(body.decode().lstrip())
    if not isinstance(request, dict):
        raise ValueError("the document is not an object")
    return request


def read_inputs(request, specs):
    """Reads the inputs of a request in row or column form.

    Args:
        request: Dict with `"instances"`, a list of one dict or value for each
            row, or `"inputs"`, a dict or value for all rows.
        specs: Dict from input name to `tf.TensorSpec`.

    Returns:
        Pair of a dict from input name to array, and whether it came by row.
    """
    if ("instances" in request) == ("inputs" in request):
        raise ValueError("give either 'instances' or 'inputs'")
    by_row = "instances" in request
    values = request["instances" if by_row else "inputs"]
    if by_row:
        if not isinstance(values, list) or not values:
            raise ValueError("'instances' must be a list with values")
        if len({is_named(value) for value in values}) > 1:
            raise ValueError("rows are objects, or values, and not both")
        rows = [wrap(value, specs) for value in values]
        if any(set(row) != set(specs) for row in rows):
            raise ValueError(f"every instance needs {sorted(specs)}")
        values = {key: [row[key] for row in rows] for key in specs}
    values = wrap(values, specs)
    missing = set(specs) - set(values)
    if missing:
        raise ValueError(f"missing named inputs: {sorted(missing)}")
    return {
        key: read_array(values[key], specs[key].dtype) for key in specs
    }, by_row


def is_named(value):
    """Whether a value names its inputs; `{"b64": ...}` is a string."""
    return isinstance(value, dict) and set(value) != {"b64"}


def wrap(value, specs):
    """Names the value of an only input that came without its name."""
    if is_named(value):
        return value
    if len(specs) != 1:
        raise ValueError(f"name the inputs {sorted(specs)}")
    return dict.fromkeys(specs, value)


def read_array(value, dtype):
    """Makes the array of one input; bytes come as `{"b64": "..."}`."""
    if dtype == tf.string:
        array = np.array(read_strings(value), dtype=object)
        if any(isinstance(item, list) for item in array.flat):
            raise ValueError("lists of one level must be equally long")
        return array
    array = np.asarray(value)
    kinds = {"f": "iuf", "b": "b"}.get(
        np.dtype(dtype.as_numpy_dtype).kind, "iu"
    )
    if array.size and array.dtype.kind not in kinds:
        raise ValueError(f"{value!r:.40} are not of type {dtype.name}")
    if dtype == tf.uint8 and np.any((array < 0) | (array > 255)):
        raise ValueError("pixels are whole numbers from 0 to 255")
    with np.errstate(over="ignore"):  # beyond float32 is infinite
        return array.astype(dtype.as_numpy_dtype)


def read_strings(value):
    """Decodes a string, or lists of them, to bytes."""
    if isinstance(value, list):
        return [read_strings(item) for item in value]
    if isinstance(value, dict):
        return base64.b64decode(value["b64"], validate=True)
    return value.encode()


def write_outputs(outputs, by_row):
    """Writes outputs in the form in which their request came."""
    lists = {key: write_values(key, value) for key, value in outputs.items()}
    if not by_row:
        return {"outputs": unwrap(lists)}
    if len({np.shape(value)[:1] for value in outputs.values()} - {()}) != 1:
        raise RequestError("INVALID_ARGUMENT", "Outputs differ in their rows.")
    rows = zip(*lists.values(), strict=True)
    named = [dict(zip(lists, row, strict=True)) for row in rows]
    return {"predictions": [unwrap(row) for row in named]}


def unwrap(outputs):
    """Drops the name of an only output, as TF-Serving does."""
    return outputs if len(outputs) > 1 else next(iter(outputs.values()))


def write_values(name, array):
    """Makes lists; strings are base64 if the name of the output says bytes."""
    if array.dtype != object:
        return array.tolist()
    if array.ndim:
        return [write_values(name, np.asarray(x, object)) for x in array]
    value = array.item()
    if name.endswith("_bytes"):
        return {"b64": base64.b64encode(value).decode()}
    return value.decode()
