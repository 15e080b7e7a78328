"""What the tests of `search` share: random models, closed gates, one law."""

import keras
import numpy as np
from keras import ops, tree

from nfs_keras.layers import ChannelSearch, find_gates
from nfs_keras.models import compact

SHAPE = (9, 8, 3)  # (H, W, C)
IMAGES = np.random.default_rng(0).normal(size=(3, *SHAPE)).astype("float32")
OF_SCALE = ("gamma", "moving_variance")
OF_PLACE = ("beta", "moving_mean", "bias", "alpha")


def randomize(model, seed=0):
    """Gives batch norms and biases values that are no special case."""
    generator = np.random.default_rng(seed)
    for variable in model.variables:
        name = variable.path.split("/")[-1]
        if name in OF_SCALE:
            variable.assign(generator.uniform(0.5, 1.5, variable.shape))
        elif name in OF_PLACE:
            variable.assign(generator.normal(0, 0.5, variable.shape))


def close_at_random(model, seed=0, share=0.5):
    """Freezes every gate of a model with a share of its choices closed."""
    generator = np.random.default_rng(seed)
    for gate in find_gates(model):
        closed = np.arange(int(np.prod(gate.mask.shape))) < (
            share * np.prod(gate.mask.shape)
        )
        mask = ~generator.permutation(closed).reshape(gate.mask.shape)
        gate.freeze(mask.astype("float32"))


def gate(maps, name=None):
    """Puts a channel gate behind a symbolic tensor."""
    return ChannelSearch(name=name)(maps)


def model_of(grow, shape=SHAPE):
    """A model of a function of symbolic images, gates closed at random."""
    keras.utils.set_random_seed(0)
    image = keras.Input(shape)
    model = keras.Model(image, grow(image))
    randomize(model)
    close_at_random(model)
    return model


def check_compacted(model, inputs=IMAGES, **arguments):
    """Checks the law of `compact`, and gives the smaller model."""
    smaller = compact(model, **arguments)
    assert_same_outputs(smaller(inputs), model(inputs))
    return smaller


def assert_same_outputs(found, expected):
    found, expected = tree.flatten(found), tree.flatten(expected)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(
            ops.convert_to_numpy(a), ops.convert_to_numpy(b), atol=1e-5
        )


def layer_of(model, kind, number=0):
    """The layer of a kind in a model."""
    return [x for x in model.layers if isinstance(x, kind)][number]
