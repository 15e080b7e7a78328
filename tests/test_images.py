import io

import cv2
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from nfs_keras.datasets import decode_image, resize_image


def make_image(mode="RGB", shape=(20, 10)):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (*shape, 3), dtype="uint8")
    return Image.fromarray(pixels).convert(mode)


def encode(image, kind, **options):
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "BMP"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_lossless_files_give_their_pixels_back(kind, mode):
    image = make_image(mode)
    decoded = decode_image(encode(image, kind))
    np.testing.assert_array_equal(decoded, image.convert("RGB"))
    assert decoded.dtype == tf.uint8


def test_a_palette_png_shows_its_colours():
    image = make_image("P")
    decoded = decode_image(encode(image, "PNG"))
    np.testing.assert_array_equal(decoded, image.convert("RGB"))


def test_sixteen_bits_keep_the_upper_eight():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 2**16, (20, 10), dtype="uint16")
    decoded = decode_image(cv2.imencode(".png", pixels)[1].tobytes())
    expected = np.repeat(pixels[..., None] // 256, 3, axis=-1)
    np.testing.assert_allclose(decoded, expected, atol=1)


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_is_near_what_another_decoder_sees(mode, progressive):
    contents = encode(make_image(mode), "JPEG", progressive=progressive)
    expected = np.array(Image.open(io.BytesIO(contents)).convert("RGB"))
    decoded = np.array(decode_image(contents)).astype(int)
    assert np.abs(decoded - expected).max() <= 4


def test_a_gif_gives_its_first_frame():
    first, second = make_image("P"), make_image("L").convert("P")
    contents = encode(first, "GIF", save_all=True, append_images=[second])
    np.testing.assert_array_equal(decode_image(contents), first.convert("RGB"))


@pytest.mark.parametrize("kind", ["PNG", "BMP", "JPEG", "GIF"])
@pytest.mark.parametrize("part", [0.5, 0.95])
def test_half_a_file_raises(kind, part):
    contents = encode(make_image(shape=(128, 64)), kind)
    with pytest.raises(tf.errors.InvalidArgumentError):
        decode_image(contents[: int(part * len(contents))])


@pytest.mark.parametrize("contents", [b"", b"not an image", b"BM"])
def test_what_is_no_image_raises(contents):
    with pytest.raises(tf.errors.InvalidArgumentError):
        decode_image(contents)


def test_decoding_and_resizing_survive_in_a_saved_model(tmp_path):
    module = tf.Module()

    @tf.function(input_signature=[tf.TensorSpec((), tf.string)])
    def serve(image_bytes):
        return resize_image(decode_image(image_bytes), (32, 16, 3))

    module.serve = serve
    contents = encode(make_image(), "PNG")
    tf.saved_model.save(module, str(tmp_path))
    served = tf.saved_model.load(str(tmp_path)).serve(contents)
    assert serve.get_concrete_function().output_shapes == (32, 16, 3)
    np.testing.assert_array_equal(
        served, resize_image(decode_image(contents), (32, 16))
    )


def test_an_image_of_the_right_size_is_left_alone():
    pixels = np.array(make_image())
    np.testing.assert_array_equal(resize_image(pixels, (20, 10, 3)), pixels)


@pytest.mark.parametrize("size", [(40, 30), (7, 9), (40, 5), (3, 40)])
def test_a_plain_image_stays_plain(size):
    pixels = np.full((20, 10, 3), (255, 0, 100), "uint8")
    resized = resize_image(pixels, size)
    assert resized.shape == (*size, 3) and resized.dtype == tf.float32
    np.testing.assert_array_equal(resized, np.full((*size, 3), pixels[0, 0]))


@pytest.mark.parametrize("size", [(41, 23), (9, 4), (30, 5)])
def test_values_are_whole_levels(size):
    resized = np.array(resize_image(np.array(make_image()), size))
    np.testing.assert_array_equal(resized, resized.astype("uint8"))


@pytest.mark.parametrize("size", [(41, 23), (9, 4)])
def test_a_batch_is_resized_like_its_images(size):
    batch = np.stack([np.array(make_image()), np.array(make_image())[::-1]])
    np.testing.assert_array_equal(
        resize_image(batch, size), [resize_image(x, size) for x in batch]
    )


def test_growing_is_opencvs_bilinear_interpolation():
    pixels = np.array(make_image())
    expected = cv2.resize(pixels, (33, 47), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_allclose(resize_image(pixels, (47, 33)), expected, atol=1)


def test_growing_needs_no_smoothing():
    pixels = np.array(make_image())
    smoothed = tf.image.resize(pixels, (47, 33), antialias=True)
    np.testing.assert_allclose(
        resize_image(pixels, (47, 33)), smoothed, atol=0.501
    )


def test_shrinking_does_not_alias():
    # The finest checkerboard is grey from afar, not black and white stripes.
    board = np.indices((60, 30)).sum(axis=0) % 2 * np.uint8(255)
    pixels = np.repeat(board[..., None], 3, axis=-1).astype("uint8")
    inner = np.array(resize_image(pixels, (20, 10)))[1:-1, 1:-1]
    np.testing.assert_allclose(inner, 127.5, atol=16)
