"""Refuses training data that cannot be what a model is to be fitted on."""

import contextlib
import re

import numpy as np
import tensorflow as tf

from nfs_keras.models.reid_network import MODALITIES

FORM = (
    "dicts of 'visible' and 'infrared', pictures and labels, as "
    "`training_dataset` makes them"
)


def first_element(batches):
    """The first element of a `tf.data.Dataset` as arrays, else `None`."""
    if not isinstance(batches, tf.data.Dataset):
        return None
    return next(batches.take(1).as_numpy_iterator(), None)


def check_pair(element):
    """Raises `ValueError` unless this is a training and a proxy batch."""
    if len(element) != 2 or isinstance(element[0], dict):
        raise ValueError(
            "A search takes pairs of a training and a proxy batch. "
            f"Received: elements of {tf.nest.map_structure(np.shape, element)}."
            " Pass `tf.data.Dataset.zip(train_batches, proxy_batches)`."
        )


def check_batch(batch, num_identities=None):
    """Raises `ValueError` for a batch that cannot be trained on.

    Args:
        batch: `(images, labels)`, of arrays.
        num_identities: How many identities the classifier knows, or `None` if
            the labels are compared with each other alone.
    """
    images, labels = batch if len(batch) == 2 else (None, None)
    for part in (images, labels):
        if not isinstance(part, dict) or not set(MODALITIES) <= set(part):
            shapes = tf.nest.map_structure(np.shape, batch)
            raise ValueError(
                "A batch is a pair of dicts. "
                f"Received: elements of {shapes}. "
                f"Pass {FORM}."
            )
    sizes = {name: len(images[name]) for name in MODALITIES}
    known = {name: len(labels[name]) for name in MODALITIES}
    if sizes != known:
        raise ValueError(
            "A batch has one label for each picture. "
            f"Received: {sizes} pictures, {known} labels. "
            f"Pass {FORM}."
        )
    if not all(sizes.values()):
        raise ValueError(
            "Training compares modalities: each batch needs both. "
            f"Received: pictures={sizes}. "
            "Use an `IdentitySampler`, which draws both of every identity."
        )
    people = np.concatenate([labels[name] for name in MODALITIES])
    if num_identities is not None:
        check_labels(people, num_identities)


def check_labels(people, num_identities):
    """Raises `ValueError` for a label that the classifier has no row for."""
    if people.min() < 0 or people.max() >= num_identities:
        raise ValueError(
            f"Labels must lie in [0, {num_identities}), one for each identity "
            "of the classifier. "
            f"Received: labels from {people.min()} to {people.max()}. "
            "Number them with `identity_labels`, and give `reid_network` "
            "the same `num_identities`."
        )


@contextlib.contextmanager
def explained_labels(num_identities):
    """Says of a label in a later batch what `check_labels` says of the first.

    TensorFlow finds it inside the compiled step (on a GPU it gives NaN).
    """
    try:
        yield
    except tf.errors.InvalidArgumentError as error:
        found = re.search(r"a label value of (-?\d+)", error.message)
        if found:
            check_labels(np.array([int(found[1])]), num_identities)
        raise
