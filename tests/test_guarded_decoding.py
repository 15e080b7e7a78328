import io
import struct

import numpy as np
import pytest
import tensorflow as tf
from exported_model import encode, random_images
from PIL import Image

from nfs_keras.datasets import decode_image, resize_image
from nfs_keras.serving.guarded_decoding import decode_batch

SHAPE = (24, 12, 3)
IMAGE = random_images(1)[0]
decode = tf.function(
    lambda files: decode_batch(files, SHAPE),
    input_signature=[tf.TensorSpec([None], tf.string)],
)


def sixteen_bits():
    file = io.BytesIO()
    values = np.arange(600, dtype=np.uint16).reshape(30, 20) * 100
    Image.fromarray(values).save(file, "PNG")
    return file.getvalue()


def animation():
    file = io.BytesIO()
    first, *others = map(Image.fromarray, random_images(4))
    first.save(file, "GIF", save_all=True, append_images=others)
    return file.getvalue()


def png_that_claims(width, height):
    """A small PNG whose header announces another size."""
    contents = encode(IMAGE)
    return contents[:16] + struct.pack(">II", width, height) + contents[24:]


def bmp_that_claims(width, height):
    contents = encode(IMAGE, "BMP")
    return contents[:18] + struct.pack("<ii", width, height) + contents[26:]


def jpeg_that_claims(height, width):
    contents = encode(IMAGE, "JPEG")
    start = contents.index(b"\xff\xc0") + 5
    size = struct.pack(">HH", height, width)
    return contents[:start] + size + contents[start + 4 :]


GOOD = {
    "jpeg": encode(IMAGE, "JPEG"),
    "progressive jpeg": encode(IMAGE, "JPEG", progressive=True),
    "grey jpeg": encode(IMAGE, "JPEG", "L"),
    "cmyk jpeg": encode(IMAGE, "JPEG", "CMYK"),
    "png": encode(IMAGE),
    "transparent png": encode(IMAGE, "PNG", "RGBA"),
    "palette png": encode(IMAGE, "PNG", "P"),
    "16 bit png": sixteen_bits(),
    "1 x 1 png": encode(IMAGE[:1, :1]),
    "1 x 1 jpeg": encode(IMAGE[:1, :1], "JPEG"),
    "bmp": encode(IMAGE, "BMP"),
    "grey bmp": encode(IMAGE, "BMP", "L"),
}
BROKEN = {
    "empty": b"",
    "one byte": b"\xff",
    "noise": bytes(np.random.default_rng(0).bytes(500)),
    "text": b"GET / HTTP/1.1\r\n\r\n",
    "jpeg, half": GOOD["jpeg"][: len(GOOD["jpeg"]) // 2],
    "jpeg, header only": GOOD["jpeg"][:20],
    "png, half": GOOD["png"][: len(GOOD["png"]) // 2],
    "png, header only": GOOD["png"][:20],
    "bmp, half": GOOD["bmp"][: len(GOOD["bmp"]) // 2],
    "bmp, header only": b"BM",
    "animated gif": animation(),
    "webp": encode(IMAGE, "WEBP"),
    "png of 10,000 x 10,000": png_that_claims(10_000, 10_000),
    "png of 2^32 - 1 squared": png_that_claims(2**32 - 1, 2**32 - 1),
    "png of nothing": png_that_claims(0, 10),
    "bmp of 10,000 x 10,000": bmp_that_claims(10_000, 10_000),
    "bmp, upside down and huge": bmp_that_claims(10_000, -10_000),
    "jpeg of 65,535 x 65,535": jpeg_that_claims(65_535, 65_535),
}


@pytest.mark.parametrize("kind", GOOD)
def test_a_file_gives_the_very_pixels_that_training_saw(kind):
    (image,), (valid,) = decode(tf.constant([GOOD[kind]]))
    expected = resize_image(decode_image(tf.constant(GOOD[kind])), SHAPE)
    assert valid
    np.testing.assert_array_equal(image, expected)


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_file_is_black_and_marked_as_broken(kind):
    (image,), (valid,) = decode(tf.constant([BROKEN[kind]]))
    assert not valid
    assert not np.any(image)


def test_broken_files_leave_their_neighbours_alone():
    files = [*GOOD.values(), *BROKEN.values()]
    order = np.random.default_rng(0).permutation(len(files))
    images, valid = decode(tf.constant([files[i] for i in order]))
    np.testing.assert_array_equal(valid, order < len(GOOD))
    for position, i in enumerate(order):
        (alone,), _ = decode(tf.constant([files[i]]))
        np.testing.assert_array_equal(images[position], alone)


def test_no_file_at_all_is_a_batch_of_zero():
    images, valid = decode(tf.constant([], tf.string))
    assert images.shape == (0, *SHAPE) and valid.shape == (0,)


def test_an_image_with_a_large_header_is_not_decoded():
    files = tf.constant([GOOD["png"]])
    pixels = IMAGE.shape[0] * IMAGE.shape[1]
    assert decode_batch(files, SHAPE, max_pixels=pixels)[1][0]
    assert not decode_batch(files, SHAPE, max_pixels=pixels - 1)[1][0]
