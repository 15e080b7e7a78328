"""Decodes a batch of image files, some of which may be broken or malicious.

A TensorFlow graph has no `try`: one truncated JPEG fails the whole request,
and a few bytes can announce an image of a billion pixels. Here the size is
read from the header before anything is decoded, and the decoder runs inside a
`tf.data` pipeline, which can ignore errors; both survive in a SavedModel.
"""

import tensorflow as tf

from nfs_keras.datasets.images import decode_image, resize_image

# A decoded pixel takes 15 bytes while it is resized, so that a batch decodes
# in a quarter of a GiB at most, see `docs/serving.md`.
MAX_PIXELS = 2**22  # of one image: 2048 x 2048
NUM_PARALLEL_CALLS = 4  # images of one batch decoded at a time

PNG_START = b"\x89PNG\r\n\x1a\n"
BMP_START = b"BM"


def decode_batch(
    image_bytes: tf.Tensor, image_shape: tuple, max_pixels: int = MAX_PIXELS
) -> tuple[tf.Tensor, tf.Tensor]:
    """Decodes and resizes B image files, although some may be broken.

    Args:
        image_bytes: `(B,)` string tensor, each a JPEG, PNG or BMP file.
        image_shape: `(height, width, 3)` of the result.
        max_pixels: An image whose header announces more is not decoded.

    Returns:
        Pair of the images, `(B, *image_shape)` float32 in [0, 255], black
        where broken, and `valid`, `(B,)` bool.
    """

    def decode(row, contents):
        image = decode_image(acceptable(contents, max_pixels))
        return row, resize_image(image, image_shape)

    size = tf.size(image_bytes)
    blank = tf.data.Dataset.from_tensors((size, tf.zeros(image_shape)))
    rows, images = (
        tf.data.Dataset.from_tensor_slices((tf.range(size), image_bytes))
        .map(decode, num_parallel_calls=NUM_PARALLEL_CALLS)
        .ignore_errors()
        .concatenate(blank)
        .batch(tf.cast(size + 1, "int64"))
        .get_single_element()
    )
    num_decoded = tf.size(rows) - 1
    # A row that is missing takes the last image, which is the blank.
    source = tf.tensor_scatter_nd_update(
        tf.fill([size + 1], num_decoded),
        rows[:, tf.newaxis],
        tf.range(num_decoded + 1),
    )[:size]
    return tf.gather(images, source), source < num_decoded


def acceptable(contents: tf.Tensor, max_pixels: int) -> tf.Tensor:
    """Replaces a file by an empty string if it must not be decoded.

    Args:
        contents: Scalar string tensor, the contents of the file.
        max_pixels: The most pixels that its header may announce.

    Returns:
        `contents`, or an empty string if it is no JPEG, PNG or BMP file or is
        too large.

    Raises:
        tf.errors.InvalidArgumentError: The header is incomplete or malformed.
    """
    is_png = tf.strings.substr(contents, 0, len(PNG_START)) == PNG_START
    is_bmp = tf.strings.substr(contents, 0, len(BMP_START)) == BMP_START
    size = tf.case(
        [
            (tf.io.is_jpeg(contents), lambda: jpeg_size(contents)),
            (is_png, lambda: png_size(contents)),
            (is_bmp, lambda: bmp_size(contents)),
        ],
        default=lambda: tf.zeros([2], "int64"),
    )
    num_pixels = tf.reduce_prod(size)
    fits = (num_pixels > 0) & (num_pixels <= max_pixels)
    return tf.where(fits, contents, "")


def jpeg_size(contents: tf.Tensor) -> tf.Tensor:
    """Reads `(height, width)` from the header of a JPEG file, int64."""
    return tf.cast(tf.image.extract_jpeg_shape(contents)[:2], "int64")


def png_size(contents: tf.Tensor) -> tf.Tensor:
    """Reads `(width, height)` from the header of a PNG file, int64."""
    header = tf.strings.substr(contents, 16, 8)
    size = tf.io.decode_raw(header, "int32", little_endian=False)
    return tf.cast(size, "int64")


def bmp_size(contents: tf.Tensor) -> tf.Tensor:
    """Reads `(width, height)` from the header of a BMP file, int64.

    Rows stored from top to bottom have a negative height.
    """
    header = tf.strings.substr(contents, 18, 8)
    return tf.abs(tf.cast(tf.io.decode_raw(header, "int32"), "int64"))
