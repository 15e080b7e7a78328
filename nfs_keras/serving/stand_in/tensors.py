"""Between the tensors of the wire and arrays."""

import math

import numpy as np
import tensorflow as tf

from nfs_keras.serving.stand_in.request_error import RequestError

MAX_BYTES = 2**28  # of one tensor, unpacked


def from_proto(proto) -> np.ndarray:
    """Unpacks a `TensorProto`, unless it is too large or malformed.

    A message of a few bytes may stand for an array of any size, since its
    last value counts for all that follow.
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
