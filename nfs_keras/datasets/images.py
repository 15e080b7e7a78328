"""Decodes and resizes pictures: the same way everywhere, inside a graph.

Training, evaluation and the exported model call the two functions below and
no others, so that a network meets at serving the very pixels that it was
trained on. Both are made of TensorFlow operations alone and can be traced into
a `tf.data` pipeline or a SavedModel.
"""

import tensorflow as tf


def decode_image(image_bytes: tf.Tensor) -> tf.Tensor:
    """Decodes a PNG, JPEG, BMP or WebP file, or the first frame of a GIF.

    Grey pictures get three equal channels, transparency is dropped, CMYK
    becomes RGB, and of 16 bits the upper 8 are kept.

    Args:
        image_bytes: Scalar string tensor, the contents of the file.

    Returns:
        RGB image of shape `(height, width, 3)`, uint8.

    Raises:
        tf.errors.InvalidArgumentError: The bytes are no such picture.
    """
    image = tf.io.decode_image(image_bytes, channels=3, expand_animations=False)
    return tf.ensure_shape(image, (None, None, 3))


def resize_image(image: tf.Tensor, image_shape: tuple) -> tf.Tensor:
    """Resizes by bilinear interpolation, widened against aliasing.

    Values are rounded to whole levels, as image files hold them: so a picture
    that waits in memory as uint8 equals one resized afresh.

    Args:
        image: `(height, width, 3)` or `(batch, height, width, 3)`, uint8, or
            float in [0, 255].
        image_shape: `(height, width)` or `(height, width, 3)` of the result.

    Returns:
        Image of shape `(..., *image_shape[:2], 3)`, float32, whole numbers in
        [0, 255].
    """
    resized = tf.image.resize(image, image_shape[:2], antialias=True)
    return tf.clip_by_value(tf.round(resized), 0.0, 255.0)
