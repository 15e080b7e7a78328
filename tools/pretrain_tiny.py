"""Pretrains the `tiny` backbone on people whom no benchmark knows.

    python tools/pretrain_tiny.py

It plays ImageNet's part: visible images only, of a synthetic crowd of its
own. One stem sees them in colour, or in one colour channel; the other sees
other images of the same people in grey of a random contrast, negatives
among them, since what is learned from colour alone is colour. The weights,
without the classifier and in float16, go into the package.
"""

import pathlib
import tempfile

import keras
import numpy as np
import tensorflow as tf
from absl import app, flags

from nfs_keras.datasets import (
    Augmentation,
    FolderDataset,
    IdentitySampler,
    identity_labels,
    synthesize_people,
    training_dataset,
)
from nfs_keras.datasets.augmentation import CHANNEL_WEIGHTS
from nfs_keras.models import Objective, TrainingModel, reid_network
from nfs_keras.presets import WarmCosine, sgd
from nfs_keras.reid.weights import CLASSIFIER, SYNTHETIC, arrays_of

FLAGS = flags.FLAGS
flags.DEFINE_integer("people", 3000, "People to pretrain on.", 16)
flags.DEFINE_integer("epochs", 28, "Epochs of `people` / 16 steps.", 1)
flags.DEFINE_integer("seed", 0, "Seed of everything.", 0)
flags.DEFINE_string("weights", str(SYNTHETIC), "The file to write.")

IMAGE_SHAPE = (64, 32, 3)
*_, GREY = CHANNEL_WEIGHTS


def pretrain(root, epochs, seed):
    """Trains a `tiny` network on a crowd; gives the network."""
    people = FolderDataset(root, csv_file="people.csv").train
    twins = [person._replace(modality="infrared") for person in people]
    labels = identity_labels(people)
    sampler = IdentitySampler([*people, *twins], 16, 2, seed=seed)
    steps = len(labels) // 16
    batches = training_dataset(
        [*people, *twins],
        sampler,
        IMAGE_SHAPE,
        Augmentation(padding=4, channel_exchange=0.5),
        seed=seed,
        num_steps=epochs * steps,
        labels=labels,
    )
    generator = tf.random.Generator.from_seed(seed)

    def grey_half(images, identities):
        infrared = random_contrast(images["infrared"], generator)
        return {**images, "infrared": infrared}, identities

    keras.utils.set_random_seed(seed)
    network = reid_network("tiny", IMAGE_SHAPE, len(labels), search=None)
    model = TrainingModel(network)
    model.compile(sgd(WarmCosine(0.1, epochs * steps)), loss=Objective())
    model.fit(
        batches.map(grey_half),
        epochs=epochs,
        steps_per_epoch=steps,
        verbose=2,
    )
    return network


def random_contrast(images, generator):
    """Shows images in grey, stronger, weaker or as negatives."""
    grey = tf.tensordot(images, GREY, 1)[..., tf.newaxis]
    mean = tf.reduce_mean(grey, axis=(1, 2), keepdims=True)
    factor = generator.uniform(tf.shape(mean), 0.4, 1.2)
    negative = generator.uniform(tf.shape(mean)) < 0.5
    grey = mean + tf.where(negative, -factor, factor) * (grey - mean)
    return tf.repeat(tf.clip_by_value(grey, 0.0, 255.0), 3, axis=-1)


def save_small(network, path):
    """Saves what any number of identities shares, in half precision."""
    arrays = arrays_of(network)
    arrays.pop(CLASSIFIER)
    half = {name: array.astype("float16") for name, array in arrays.items()}
    np.savez_compressed(path, **half)


def main(_):
    weights = pathlib.Path(FLAGS.weights)
    if not weights.parent.is_dir():
        raise app.UsageError(
            "Weights are written into a folder that exists. "
            f"Received: weights={FLAGS.weights!r}. Make {weights.parent} first."
        )
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder, "people")
        synthesize_people(root, FLAGS.people, seed=FLAGS.seed)
        network = pretrain(root, FLAGS.epochs, FLAGS.seed)
    save_small(network, weights)
    print(f"Written: {weights}")


if __name__ == "__main__":
    app.run(main)
