"""Reads images in order, for evaluation or into memory."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from nfs_keras.datasets.image_faults import check_headers, check_images
from nfs_keras.datasets.images import decode_image, resize_image
from nfs_keras.datasets.sample import Sample


def image_dataset(
    samples: Sequence[Sample],
    image_shape: tuple[int, ...],
    batch_size: int = 64,
) -> tf.data.Dataset:
    """Reads the images of `samples` in their order.

    Args:
        samples: Samples to read.
        image_shape: `(height, width, 3)`.
        batch_size: Positive int. The last batch may be smaller.

    Returns:
        A dataset of float32 tensors of shape `(batch, height, width, 3)`,
        RGB in [0, 255].

    Raises:
        BadImage: A file is missing, unreadable, empty, no image or too
            large to unpack.
    """
    batches = _uint8_dataset(samples, image_shape, batch_size)
    return batches.map(
        lambda images: tf.cast(images, tf.float32),
        num_parallel_calls=tf.data.AUTOTUNE,
    ).prefetch(tf.data.AUTOTUNE)


def read_images(
    samples: Sequence[Sample], image_shape: tuple[int, ...]
) -> tf.Tensor:
    """Reads all images into one tensor in the host's memory.

    Returns:
        uint8 tensor of shape `(len(samples), height, width, 3)`.

    Raises:
        BadImage: A file is no whole image, or is too large to unpack.
    """
    images = np.empty((len(samples), *image_shape[:2], 3), "uint8")
    first = 0
    try:
        for batch in _uint8_dataset(samples, image_shape, 64):
            images[first : first + len(batch)] = batch
            first += len(batch)
    except tf.errors.InvalidArgumentError:
        check_images(samples)  # raises an error that names the file
        raise
    with tf.device("CPU:0"):
        return tf.convert_to_tensor(images)


def read_image(path: tf.Tensor, image_shape: tuple[int, ...]) -> tf.Tensor:
    """Reads one image, as uint8 of shape `(height, width, 3)`."""
    image = decode_image(tf.io.read_file(path))
    return tf.cast(resize_image(image, image_shape), tf.uint8)


def _uint8_dataset(samples, image_shape, batch_size):
    check_headers(samples)
    paths = tf.data.Dataset.from_tensor_slices([s.path for s in samples])
    images = paths.map(
        lambda path: read_image(path, image_shape),
        num_parallel_calls=tf.data.AUTOTUNE,
    )
    return untuned(images.batch(batch_size))


def untuned(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Leaves the parallelism of a dataset as it starts.

    In TensorFlow 2.21 the thread that tunes it can miss its end, and who drops
    the iterator waits until it wakes: for up to a minute after a long training.
    Tuned it is no faster, see `docs/performance.md`.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)
