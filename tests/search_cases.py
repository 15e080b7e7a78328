"""Small networks, batches and searches for the tests of search and reid."""

from functools import partial

import keras
import numpy as np
import tensorflow as tf

from nfs_keras.layers import DualLevelSearch, find_gates
from nfs_keras.models import Objective, SearchModel, reid_network
from nfs_keras.reid.backbones import Backbone, grow_residual, make_stem

IMAGE_SHAPE = (32, 16, 3)
NUM_IDENTITIES = 6
NAMES = ("visible", "infrared")
CROSS_ENTROPY = "sparse_categorical_crossentropy"


def make_network(search="dual", seed=0, **gate_arguments):
    keras.utils.set_random_seed(seed)
    return reid_network(
        "tiny", IMAGE_SHAPE, NUM_IDENTITIES, search, **gate_arguments
    )


def shallow_backbone(*stages, non_local=False):
    """A backbone of few residual blocks, each a dict of its arguments."""
    stages = [list(blocks) for blocks in stages]
    return Backbone(
        partial(make_stem, filters=4, kernel_size=3, pool=False),
        partial(grow_residual, stages=stages, non_local=non_local),
    )


def small_network(search="dual", seed=0, **gate_arguments):
    """A network of a single block, quick to trace and to compile."""
    keras.utils.set_random_seed(seed)
    block = {"filters": 8, "inner": 8, "project": True}
    return reid_network(
        shallow_backbone([block]),
        IMAGE_SHAPE,
        NUM_IDENTITIES,
        search,
        **gate_arguments,
    )


def make_batch(seed=0, size=4):
    """A batch of `size` images per modality, two of each person."""
    generator = np.random.default_rng(seed)
    shape = (size, *IMAGE_SHAPE)
    images = {
        k: tf.constant(generator.uniform(0, 255, shape), "float32")
        for k in NAMES
    }
    people = np.repeat(generator.permutation(NUM_IDENTITIES), 2)[:size]
    return images, {k: tf.constant(people, "int32") for k in NAMES}


def dataset_of(elements):
    """A `tf.data.Dataset` of elements that are alike."""
    stacked = tf.nest.map_structure(lambda *x: tf.stack(x), *elements)
    return tf.data.Dataset.from_tensor_slices(stacked)


def make_pairs(first=0, count=4, make=make_batch):
    """Training and proxy batches of some steps, as `SearchModel` takes them."""
    steps = range(first, first + count)
    return dataset_of([(make(2 * i), make(2 * i + 1)) for i in steps])


def make_search(network=None, **options):
    """A search of a two-stream network, by the losses of re-identification."""
    return compiled_search(
        network or small_network(initial_logit=0.5),
        **{
            "loss": Objective(),
            "arch_loss": Objective(0.0, 1.0, 1.0),
            **options,
        },
    )


def compiled_search(model, loss, **options):
    search = SearchModel(model)
    search.compile(
        keras.optimizers.SGD(0.01, momentum=0.9),
        keras.optimizers.Adam(0.1),
        loss=loss,
        **options,
    )
    return search


def plain_model(seed=0, two_outputs=False, regularizer=None, **gate_arguments):
    """A functional classifier of 8 x 8 maps, with a dual cell."""
    keras.utils.set_random_seed(seed)
    maps = keras.Input((8, 8, 3), name="maps")
    x = keras.layers.Conv2D(
        6, 3, padding="same", kernel_regularizer=regularizer, name="conv"
    )(maps)
    x = keras.layers.BatchNormalization(name="norm")(x)
    x = keras.layers.ReLU(name="relu")(x)
    x = DualLevelSearch(
        **{"initial_logit": 0.5, **gate_arguments}, name="cell"
    )(x)
    x = keras.layers.Conv2D(5, 3, activation="relu", name="last")(x)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    kind = keras.layers.Dense(4, activation="softmax", name="kind")(x)
    if not two_outputs:
        return keras.Model(maps, kind)
    size = keras.layers.Dense(1, name="size")(x)
    return keras.Model(maps, {"kind": kind, "size": size})


def plain_batch(seed=0, size=6):
    """Maps and their kinds, for `plain_model`."""
    generator = np.random.default_rng(seed)
    maps = generator.normal(size=(size, 8, 8, 3)).astype("float32")
    return tf.constant(maps), tf.constant(np.arange(size) % 4, "int32")


def plain_pairs(first=0, count=4):
    return make_pairs(first, count, plain_batch)


def plain_search(loss=CROSS_ENTROPY, model=None, **options):
    """A search of a plain model, eager: tracing costs more than few steps."""
    options = {"run_eagerly": True, **options}
    return compiled_search(model or plain_model(), loss, **options)


def maps_behind(network, maps, *layers, index=0):
    """The maps behind some layers of a trunk, for those of one stem.

    Without layers, the maps that are pooled.
    """
    trunk = network.trunk
    ends = [trunk.get_layer(name).output for name in layers]
    end = keras.Model(trunk.inputs, ends or trunk.get_layer("pooling").input)
    return end([np.array(maps), np.full(len(maps), index, "int32")])


def derive_at_random(network, seed=0):
    """Gives every gate a random choice, and batch norms random statistics."""
    generator = np.random.default_rng(seed)
    for gate in find_gates(network):
        gate.logits.assign(generator.normal(size=gate.logits.shape))
    for variable in network.variables:
        if variable.path.split("/")[-1] in ("gamma", "moving_variance"):
            variable.assign(generator.uniform(0.5, 1.5, variable.shape))
        if variable.path.split("/")[-1] in ("beta", "moving_mean"):
            variable.assign(generator.normal(size=variable.shape))


def everything(search):
    """All that a resumed search must get back."""
    seeds = [gate.seed_generator.state for gate in find_gates(search.model)]
    optimizers = (search.optimizer, search.arch_optimizer)
    slots = [v for optimizer in optimizers for v in optimizer.variables]
    return snapshot([*search.variables, *slots, *seeds])


def snapshot(variables):
    return [np.array(v) for v in variables]


def identical(before, after):
    return all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
