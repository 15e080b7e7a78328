"""Converts JSON to tensors and back, in the two forms of TF-Serving."""

import base64
import json

import numpy as np
import tensorflow as tf

from nfs_keras.serving.stand_in.servable import RequestError


def read_json(body):
    """Reads the object at the start of a body, and ignores the rest."""
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
        Pair of a dict from input name to array, and whether it was by row.
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
    """Returns whether a value names its inputs; `{"b64": ...}` is a string."""
    return isinstance(value, dict) and set(value) != {"b64"}


def wrap(value, specs):
    """Adds the name of the only input to a value without a name."""
    if is_named(value):
        return value
    if len(specs) != 1:
        raise ValueError(f"name the inputs {sorted(specs)}")
    return dict.fromkeys(specs, value)


def read_array(value, dtype):
    """Makes the array of one input; bytes are encoded as `{"b64": "..."}`."""
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
    """Writes outputs in the same form as their request."""
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
    """Converts an array to lists; strings are base64 in a `*_bytes` output."""
    if array.dtype.kind not in "biufO":
        message = f"JSON has no values of type {array.dtype}."
        raise RequestError("INVALID_ARGUMENT", message)
    if array.dtype != object:
        return array.tolist()
    if array.ndim:
        return [write_values(name, np.asarray(x, object)) for x in array]
    value = array.item()
    if name.endswith("_bytes"):
        return {"b64": base64.b64encode(value).decode()}
    return value.decode()
