"""Small networks, batches and searches for the tests of the models."""

import keras
import numpy as np
import tensorflow as tf
from nfs_keras.backbones import Backbone
from nfs_keras.backbones.residual_block import ResidualBlock
from nfs_keras.backbones.stem import Stem

from nfs_keras.layers import find_gates
from nfs_keras.models import SearchModel, reid_network

IMAGE_SHAPE = (32, 16, 3)
NUM_IDENTITIES = 6


def make_network(search="dual", seed=0, **cell_arguments):
    keras.utils.set_random_seed(seed)
    return reid_network(
        "tiny", IMAGE_SHAPE, NUM_IDENTITIES, search, **cell_arguments
    )


def small_network(search="dual", seed=0, **cell_arguments):
    """A network of two shallow stages, quick to trace and to compile."""
    keras.utils.set_random_seed(seed)
    backbone = Backbone(
        make_stem=lambda name: Stem(4, 3, pool=False, name=name),
        stages=[
            [ResidualBlock(8, 8, project=True, name="block1")],
            [ResidualBlock(8, 8, project=True, name="block1")],
        ],
    )
    return reid_network(
        backbone, IMAGE_SHAPE, NUM_IDENTITIES, search, **cell_arguments
    )


def make_batch(seed=0, size=4):
    """A batch of `size` pictures per modality, two of each person."""
    generator = np.random.default_rng(seed)
    names = ("visible", "infrared")
    shape = (size, *IMAGE_SHAPE)
    images = {
        k: tf.constant(generator.uniform(0, 255, shape), "float32")
        for k in names
    }
    people = np.repeat(generator.permutation(NUM_IDENTITIES), 2)[:size]
    return images, {k: tf.constant(people, "int32") for k in names}


def make_pairs(first=0, count=4):
    """Training and proxy batches of some steps, as `SearchModel` takes them."""
    pairs = [
        (make_batch(2 * step), make_batch(2 * step + 1))
        for step in range(first, first + count)
    ]
    stacked = tf.nest.map_structure(lambda *x: tf.stack(x), *pairs)
    return tf.data.Dataset.from_tensor_slices(stacked)


def make_search(network=None, **options):
    model = SearchModel(network or small_network(initial_logit=0.5))
    model.compile(
        keras.optimizers.SGD(0.01, momentum=0.9),
        keras.optimizers.Adam(0.1),
        **options,
    )
    return model


def derive_at_random(network, seed=0):
    """Gives every gate a random choice, and batch norms random statistics."""
    generator = np.random.default_rng(seed)
    for gate in find_gates(network):
        gate.logits.assign(generator.normal(size=gate.logits.shape))
    for variable in network.feature_variables:
        if variable.path.split("/")[-1] in ("gamma", "moving_variance"):
            variable.assign(generator.uniform(0.5, 1.5, variable.shape))
        if variable.path.split("/")[-1] in ("beta", "moving_mean"):
            variable.assign(generator.normal(size=variable.shape))


def snapshot(variables):
    return [np.array(v) for v in variables]


def identical(before, after):
    return all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
