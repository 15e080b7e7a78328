"""The REST side of the stand-in: status, metadata and `:predict`."""

import base64
import binascii
import http.server
import json
import re

import numpy as np
import tensorflow as tf
from absl import logging
from google.protobuf import json_format

from nfs_keras.serving.stand_in.prediction_service import signature_definitions
from nfs_keras.serving.stand_in.request_error import RequestError

PATH = re.compile(
    r"/v1/models/(?P<name>[^/:]+)(/versions/(?P<version>\d{1,18}))?"
    r"(?P<verb>/metadata|:predict)?"
)
HTTP_STATUS = {
    "NOT_FOUND": 404,
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "RESOURCE_EXHAUSTED": 429,
    "UNAVAILABLE": 503,
    "INTERNAL": 500,
}


class RESTHandler(http.server.BaseHTTPRequestHandler):
    """Answers one HTTP connection.

    Its server has the attributes `prediction_service`, `model_service` and
    `max_message_bytes`.
    """

    protocol_version = "HTTP/1.1"  # keeps the connection open
    timeout = 60  # seconds, of a connection on which nothing happens

    def do_GET(self):  # noqa: N802
        self._answer(self._get)

    def do_POST(self):  # noqa: N802
        self._answer(self._post)

    def log_message(self, format, *args):
        logging.debug(format, *args)

    def _get(self):
        servable, verb = self._find()
        if verb == "/metadata":
            definitions = signature_definitions(servable)
            metadata = json_format.MessageToDict(
                definitions,
                preserving_proto_field_name=True,
                always_print_fields_with_no_presence=True,
            )
            return {
                "model_spec": {
                    "name": self.server.prediction_service.model_name,
                    "version": str(servable.version),
                },
                "metadata": {"signature_def": metadata},
            }
        if verb:
            raise RequestError("INVALID_ARGUMENT", "`:predict` needs POST.")
        status = self.server.model_service.status()
        return json_format.MessageToDict(
            status,
            preserving_proto_field_name=True,
            always_print_fields_with_no_presence=True,
        )

    def _post(self):
        # Read first: what is left unread would be taken for a next request.
        body = self._read()
        servable, verb = self._find()
        if verb != ":predict":
            raise RequestError("INVALID_ARGUMENT", "POST needs `:predict`.")
        try:
            request = json.loads(body)
            name = request.get("signature_name") or "serving_default"
            if name not in servable.signatures:
                message = f'Serving signature name: "{name}" not found.'
                raise RequestError("INVALID_ARGUMENT", message)
            specs = servable.input_specs(name)
            inputs, by_row = read_inputs(request, specs)
        except (
            AttributeError,
            KeyError,
            OverflowError,
            RecursionError,
            TypeError,
            ValueError,
        ) as error:
            message = f"JSON cannot be read: {error!r}."
            raise RequestError("INVALID_ARGUMENT", message) from error
        outputs = servable.predict(name, inputs)
        outputs = {key: value.tolist() for key, value in outputs.items()}
        if not by_row:
            return {"outputs": unwrap(outputs)}
        rows = zip(*outputs.values(), strict=True)
        named = [dict(zip(outputs, row, strict=True)) for row in rows]
        return {"predictions": [unwrap(row) for row in named]}

    def _find(self):
        path = PATH.fullmatch(self.path)
        service = self.server.prediction_service
        if not path or path["name"] != service.model_name:
            raise RequestError("NOT_FOUND", f"There is no {self.path!r}.")
        version = path["version"] and int(path["version"])
        return service.watcher.servable(version), path["verb"]

    def _read(self):
        size = self.headers.get("Content-Length", "")
        if not size.isdigit() or int(size) > self.server.max_message_bytes:
            self.close_connection = True
            message = f"A message of {size or 'unknown'} bytes is not taken."
            raise RequestError("INVALID_ARGUMENT", message)
        return self.rfile.read(int(size))

    def _answer(self, method):
        try:
            status, answer = 200, method()
        except RequestError as error:
            status, answer = HTTP_STATUS[error.status], {"error": str(error)}
        # One bad request must not end the server, whatever it found.
        except Exception as error:
            logging.exception("A request failed.")
            status, answer = 500, {"error": str(error)}
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


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
        rows = [wrap(value, specs) for value in values]
        values = {key: [row[key] for row in rows] for key in specs}
        if any(set(row) != set(specs) for row in rows):
            raise ValueError(f"every instance needs {sorted(specs)}")
    values = wrap(values, specs)
    return {
        key: read_array(value, specs[key]) if key in specs else value
        for key, value in values.items()
    }, by_row


def wrap(value, specs):
    """Names the value of an only input that came without its name."""
    if isinstance(value, dict) and set(value) != {"b64"}:
        return value
    (name,) = specs
    return {name: value}


def unwrap(outputs):
    """Drops the name of an only output, as TF-Serving does."""
    return outputs if len(outputs) > 1 else next(iter(outputs.values()))


def read_array(value, spec):
    """Makes the array of one input; strings come as `{"b64": "..."}`."""
    if spec.dtype != tf.string:
        dtype = spec.dtype.as_numpy_dtype
        array = np.asarray(value)
        if array.size and array.dtype.kind not in "iuf":
            raise ValueError(f"{value!r:.40} are no numbers")
        if dtype == np.uint8 and np.any((array < 0) | (array > 255)):
            raise ValueError("pixels are whole numbers from 0 to 255")
        if not array.size:
            shape = [0 if n is None else n for n in spec.shape]
            return array.reshape(shape).astype(dtype)
        return array.astype(dtype)
    strings = [
        decode_base64(v["b64"]) if isinstance(v, dict) else v.encode()
        for v in value
    ]
    array = np.empty(len(strings), dtype=object)
    array[:] = strings
    return array


def decode_base64(text):
    """Decodes base64, and refuses what is none."""
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"no base64: {error}") from error
