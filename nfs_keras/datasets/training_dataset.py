"""Reads the batches of a training run."""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tensorflow as tf

from nfs_keras.datasets.identity_sampler import IdentitySampler
from nfs_keras.datasets.image_dataset import read_image, read_images, untuned
from nfs_keras.datasets.image_faults import check_images
from nfs_keras.datasets.sample import Sample, identity_labels
from nfs_keras.modalities import MODALITIES

GIBIBYTE = 2**30


def training_dataset(
    samples: Sequence[Sample],
    sampler: IdentitySampler,
    image_shape: tuple[int, ...],
    augmentation: Callable | None = None,
    seed: int = 0,
    first_step: int = 0,
    num_steps: int | None = None,
    labels: Mapping[int, int] | None = None,
    cache_bytes: int = 4 * GIBIBYTE,
) -> tf.data.Dataset:
    """Reads the batches of a training run, each a function of its step alone.

    Element i is step `first_step + i`, so that a resumed run reads the same
    batches as an uninterrupted one.

    Args:
        samples: The samples that `sampler` was made from.
        sampler: Chooses the images of each step.
        image_shape: `(height, width, 3)`.
        augmentation: Callable `(image, seed, modality) -> image` on uint8
            images, such as an `Augmentation`. `None` changes nothing.
        seed: Non-negative int, of the augmentation.
        first_step: Step of the first element.
        num_steps: Number of elements. Defaults to one epoch of the sampler.
        labels: The label of each identity. Defaults to
            `identity_labels(samples)`.
        cache_bytes: The resized images stay in memory if all of them fit
            into this many bytes. Otherwise all are decoded once, as a check,
            and then each again when it is needed.

    Returns:
        A dataset of `(images, labels)`, both dictionaries with the keys
        `"visible"` and `"infrared"`. Images are float32 of shape
        `(P * K, height, width, 3)`, RGB in [0, 255]; labels are int32 of
        shape `(P * K,)`, the same in both modalities.

    Raises:
        ValueError: A file is missing or damaged, or an identity has no label.
    """
    num_steps = num_steps or sampler.num_batches_per_epoch
    steps = range(first_step, first_step + num_steps)
    indices = np.array([sampler.batch(step) for step in steps], "int32")
    label_of = label_samples(samples, labels)
    load = image_loader(samples, image_shape, cache_bytes)
    images = {
        modality: augmented_images(
            indices[:, column], load, augmentation, modality, seed, first_step
        )
        for column, modality in enumerate(MODALITIES)
    }
    labels = {
        modality: tf.data.Dataset.from_tensor_slices(label_of[indices[:, 0]])
        for modality in MODALITIES
    }
    batches = tf.data.Dataset.zip((images, labels))
    return untuned(batches.prefetch(tf.data.AUTOTUNE))


def label_samples(
    samples: Sequence[Sample], labels: Mapping[int, int] | None
) -> np.ndarray:
    """Returns the label of each sample's identity."""
    labels = identity_labels(samples) if labels is None else labels
    unlabelled = {sample.identity for sample in samples} - set(labels)
    if unlabelled:
        raise ValueError(
            "`labels` must have a label for each identity of the samples. "
            f"Received: labels without identities={sorted(unlabelled)[:5]} "
            f"({len(unlabelled)} in all). "
            "Pass `labels=identity_labels(all_training_samples)`."
        )
    return np.array([labels[sample.identity] for sample in samples], "int32")


def image_loader(
    samples: Sequence[Sample], image_shape: tuple[int, ...], cache_bytes: int
) -> Callable[[tf.Tensor], tf.Tensor]:
    """Makes a function from a sample's index to its resized image."""
    if len(samples) * math.prod(image_shape[:2]) * 3 <= cache_bytes:
        images = read_images(samples, image_shape)
        return lambda index: images[index]
    check_images(samples)
    paths = tf.constant([sample.path for sample in samples])
    return lambda index: read_image(paths[index], image_shape)


def augmented_images(
    indices: np.ndarray,
    load: Callable[[tf.Tensor], tf.Tensor],
    augmentation: Callable | None,
    modality: str,
    seed: int,
    first_step: int,
) -> tf.data.Dataset:
    """Reads the images of one modality, in batches of float32.

    Args:
        indices: int32 array of shape `(steps, batch)`.
        load: Function from an index to a uint8 image.
        augmentation: As for `training_dataset`.
        modality: `"visible"` or `"infrared"`.
        seed: As for `training_dataset`.
        first_step: Step of the first row of `indices`.
    """
    batch_size = indices.shape[1]
    # Every image of every step has a number, and with it a seed, of its own.
    numbers = np.arange(indices.size) + first_step * batch_size
    numbers = 2 * numbers + MODALITIES.index(modality)

    def read(index, number):
        image = load(index)
        if augmentation is None:
            return image
        augmented = augmentation(image, (seed, number), modality)
        return tf.ensure_shape(augmented, image.shape)

    images = tf.data.Dataset.from_tensor_slices((indices.ravel(), numbers))
    images = images.map(read, num_parallel_calls=tf.data.AUTOTUNE)
    images = images.batch(batch_size, drop_remainder=True)
    return images.map(
        lambda batch: tf.cast(batch, tf.float32),
        num_parallel_calls=tf.data.AUTOTUNE,
    )
