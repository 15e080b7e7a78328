import numpy as np
import pytest
import tensorflow as tf

from nfs_keras.datasets import Augmentation
from nfs_keras.datasets.augmentation import (
    MEAN_COLOR,
    erase_rectangle,
    exchange_channels,
    pad_and_crop,
)

NOTHING = {"padding": 0, "flip": 0.0}


def random_image(height=40, width=20):
    rng = np.random.default_rng(0)
    return rng.integers(1, 256, (height, width, 3), dtype="uint8")


def apply(augmentation, image, seed=(0, 0), modality="visible"):
    """Augments inside a graph, as a pipeline does."""
    call = tf.function(augmentation)
    return call(
        tf.constant(image), tf.constant(seed, "int64"), modality
    ).numpy()


def apply_often(augmentation, count):
    """Augments one image with `count` seeds."""
    call = tf.function(augmentation)
    image, seeds = tf.constant(random_image()), tf.range(count, dtype="int64")
    return [call(image, (seed, seed), "visible").numpy() for seed in seeds]


def test_everything_off_is_the_identity():
    image = random_image()
    np.testing.assert_array_equal(apply(Augmentation(**NOTHING), image), image)


def test_shape_and_dtype_stay():
    augmentation = Augmentation(10, 0.5, 0.5, 0.5)
    for output in apply_often(augmentation, 20):
        assert output.shape == (40, 20, 3) and output.dtype == np.uint8


def test_the_seed_decides():
    augmentation = Augmentation(10, 0.5, 0.5, 0.5)
    outputs, again = (apply_often(augmentation, 10) for _ in range(2))
    np.testing.assert_array_equal(outputs, again)
    assert len({output.tobytes() for output in outputs}) == 10


def test_a_certain_flip_mirrors():
    image = random_image()
    output = apply(Augmentation(padding=0, flip=1.0), image)
    np.testing.assert_array_equal(output, image[:, ::-1])


def test_a_flip_of_one_half_happens_about_half_of_the_time():
    outputs = apply_often(Augmentation(padding=0, flip=0.5), 400)
    flips = sum(not np.array_equal(x, random_image()) for x in outputs)
    assert abs(flips - 200) < 50  # five standard deviations


@pytest.mark.parametrize("padding", [1, 7])
def test_crops_reach_every_shift_and_no_further(padding):
    image = random_image(12, 10)
    padded = np.pad(image, [(padding, padding), (padding, padding), (0, 0)])
    for down in (0.0, 0.5, 0.999):
        for right in (0.0, 0.3, 0.999):
            top, left = (int(x * (2 * padding + 1)) for x in (down, right))
            expected = padded[top : top + 12, left : left + 10]
            cropped = pad_and_crop(tf.constant(image), padding, down, right)
            np.testing.assert_array_equal(cropped, expected)
    assert top == left == 2 * padding


@pytest.mark.parametrize("channel", [0, 1, 2])
def test_exchange_copies_a_channel(channel):
    image = random_image()
    output = exchange_channels(tf.constant(image), channel / 4 + 0.1)
    expected = np.repeat(image[..., channel, None], 3, axis=-1)
    np.testing.assert_array_equal(output, expected)


def test_the_fourth_exchange_is_grey():
    image = random_image()
    output = exchange_channels(tf.constant(image), 0.999)
    grey = image @ np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(
        output, np.repeat(grey[..., None], 3, axis=-1), atol=0.51
    )


def test_exchange_leaves_infrared_images_alone():
    image = random_image()
    augmentation = Augmentation(**NOTHING, channel_exchange=1.0)
    output = apply(augmentation, image, modality="infrared")
    np.testing.assert_array_equal(output, image)
    output = apply(augmentation, image, modality="visible")
    np.testing.assert_array_equal(output, np.repeat(output[..., :1], 3, -1))


@pytest.mark.parametrize("area", [0.0, 0.5, 0.999])
@pytest.mark.parametrize("ratio", [0.0, 0.5, 0.999])
@pytest.mark.parametrize("corner", [0.0, 0.4, 0.999])
def test_erasing_paints_one_rectangle_of_the_stated_size(area, ratio, corner):
    image = random_image(288, 144)
    draws = [tf.constant(x) for x in (area, ratio, corner, corner)]
    output = erase_rectangle(tf.constant(image), draws).numpy()
    painted = np.all(output == MEAN_COLOR, axis=-1)
    np.testing.assert_array_equal(output[~painted], image[~painted])
    rows, columns = np.where(painted)
    box = (np.ptp(rows) + 1) * (np.ptp(columns) + 1)
    assert painted.sum() == box
    asked = (0.02 + 0.38 * area) * 288 * 144
    assert box <= asked + 1e-3
    if ratio == 0.5:  # a square is not limited by a border
        assert box > 0.9 * asked or np.ptp(columns) == 143


@pytest.mark.parametrize(
    "arguments",
    [{"padding": -1}, {"flip": 1.5}, {"random_erasing": -0.1}],
)
def test_impossible_arguments_raise(arguments):
    ((name, value),) = arguments.items()
    with pytest.raises(ValueError, match=f"{name}={value}"):
        Augmentation(**arguments)
