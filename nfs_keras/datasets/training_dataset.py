"""The input pipeline: from samples on disk to batches of pixels."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tensorflow as tf

from nfs_keras.datasets.identity_sampler import IdentitySampler
from nfs_keras.datasets.images import decode_image, resize_image
from nfs_keras.datasets.sample import Sample, identity_labels


def image_dataset(
    samples: Sequence[Sample], image_shape: tuple, batch_size: int = 64
) -> tf.data.Dataset:
    """Reads the pictures of `samples` in their order, for evaluation.

    Args:
        samples: Samples to read.
        image_shape: `(height, width, 3)`.
        batch_size: Positive int. The last batch may be smaller.

    Returns:
        A dataset of float32 tensors of shape `(batch, height, width, 3)`,
        RGB in [0, 255].
    """
    paths = tf.data.Dataset.from_tensor_slices([s.path for s in samples])
    images = paths.map(
        lambda path: read_image(path, image_shape),
        num_parallel_calls=tf.data.AUTOTUNE,
    )
    floats = images.batch(batch_size).map(lambda x: tf.cast(x, tf.float32))
    return floats.prefetch(tf.data.AUTOTUNE)


def training_dataset(
    samples: Sequence[Sample],
    sampler: IdentitySampler,
    image_shape: tuple,
    augmentation: Callable | None = None,
    seed: int = 0,
    first_step: int = 0,
    num_steps: int | None = None,
    labels: Mapping[int, int] | None = None,
    cache_bytes: int = 4 * 2**30,
) -> tf.data.Dataset:
    """Makes the batches of a training run, each a function of its step alone.

    Element i is step `first_step + i`: what a run sees after resuming is what
    it would have seen uninterrupted.

    Args:
        samples: The samples that `sampler` was made from.
        sampler: Chooses the pictures of each step.
        image_shape: `(height, width, 3)`.
        augmentation: Callable `(image, seed, is_visible) -> image` on uint8
            images, such as an `Augmentation`. `None` changes nothing.
        seed: Non-negative int, of the augmentation.
        first_step: Step of the first element.
        num_steps: Number of elements. Defaults to one epoch of the sampler.
        labels: The label of each identity. Defaults to
            `identity_labels(samples)`.
        cache_bytes: Resized pictures stay in memory if all of them fit into
            this many bytes; otherwise each is decoded when its turn comes.

    Returns:
        A dataset of `(images, labels)`, both dictionaries with the keys
        `"visible"` and `"infrared"`. Images are float32 of shape
        `(P * K, height, width, 3)`, RGB in [0, 255]; labels are int32 of
        shape `(P * K,)`, the same in both modalities.
    """
    num_steps = num_steps or sampler.num_batches_per_epoch
    labels = identity_labels(samples) if labels is None else labels
    steps = range(first_step, first_step + num_steps)
    table = np.array([sampler.batch(step) for step in steps], "int32")
    load = image_loader(samples, image_shape, cache_bytes)
    pairs = table.shape[-1]

    def read(index, number):
        image = load(index)
        if augmentation is not None:
            is_visible = number % (2 * pairs) < pairs
            image = augmentation(image, (seed, number), is_visible)
        return tf.ensure_shape(image, (*image_shape[:2], 3))

    def pair(images, labels):
        images = tf.cast(images, tf.float32)
        return (
            {"visible": images[:pairs], "infrared": images[pairs:]},
            {"visible": labels[0], "infrared": labels[1]},
        )

    numbers = np.arange(table.size, dtype="int64")
    numbers += first_step * 2 * pairs
    images = tf.data.Dataset.from_tensor_slices((table.ravel(), numbers))
    images = images.map(read, num_parallel_calls=tf.data.AUTOTUNE)
    images = images.batch(2 * pairs, drop_remainder=True)
    label_of = np.array([labels[s.identity] for s in samples], "int32")
    label_table = tf.data.Dataset.from_tensor_slices(label_of[table])
    batches = tf.data.Dataset.zip(images, label_table)
    batches = batches.map(pair, num_parallel_calls=tf.data.AUTOTUNE)
    return batches.prefetch(tf.data.AUTOTUNE)


def image_loader(samples, image_shape, cache_bytes):
    """Makes a function from the index of a sample to its resized image."""
    paths = [sample.path for sample in samples]
    if len(samples) * int(np.prod((*image_shape[:2], 3))) > cache_bytes:
        return lambda index: read_image(tf.gather(paths, index), image_shape)
    images = read_images(samples, image_shape)
    return lambda index: tf.gather(images, index)


def read_images(samples, image_shape) -> tf.Tensor:
    """Reads all pictures into one uint8 tensor in the host's memory."""
    images = np.empty((len(samples), *image_shape[:2], 3), "uint8")
    first = 0
    for batch in image_dataset(samples, image_shape).as_numpy_iterator():
        images[first : first + len(batch)] = batch
        first += len(batch)
    with tf.device("CPU:0"):
        return tf.constant(images)


def read_image(path: tf.Tensor, image_shape: tuple) -> tf.Tensor:
    """Reads one picture, resized, as uint8."""
    image = decode_image(tf.io.read_file(path))
    return tf.cast(resize_image(image, image_shape), tf.uint8)
