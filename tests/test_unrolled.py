import types

import keras
import numpy as np
import pytest
import tensorflow as tf
from nfs_keras.models.unrolled import (
    restore_seeds,
    save_seeds,
    unrolled_gradients,
)

from nfs_keras.layers import find_gates
from tests.search_cases import (
    identical,
    make_batch,
    make_search,
    snapshot,
)

RATE = 0.1


class Point(keras.Model):
    """Weights w and logits a that stand for themselves."""

    def __init__(self, num_weights, num_logits):
        super().__init__()
        self.w = self.add_weight(shape=(num_weights,), name="w")
        self.a = self.add_weight(shape=(num_logits,), name="a")

    def call(self, inputs, training=False, sample_gates=None):
        return self.w.value, self.a.value


def quadratic_problem(seed, num_weights=4, num_logits=3):
    """A bilevel problem of two quadratics, as a search, and its hypergradient.

    Lower loss w'Hw/2 + w'Ba; upper loss |w - t|^2/2 + |a - s|^2/2. After the
    step w' = w - x (Hw + Ba) the upper gradient by a is
    (a - s) - x B'(w' - t).
    """
    generator = np.random.default_rng(seed)
    shapes = [(num_weights,) * 2, (num_weights, num_logits)]
    h, b = (generator.normal(size=s).astype("float32") for s in shapes)
    h = h @ h.T
    t = generator.normal(size=num_weights).astype("float32")
    s = generator.normal(size=num_logits).astype("float32")
    network = Point(num_weights, num_logits)
    network.w.assign(generator.normal(size=num_weights))
    network.a.assign(generator.normal(size=num_logits))

    def lower(outputs, labels):
        w, a = outputs
        return tf.tensordot(w, tf.linalg.matvec(h, w) / 2, 1) + tf.tensordot(
            w, tf.linalg.matvec(b, a), 1
        ), {}

    def upper(batch):
        w, a = network(None)
        return tf.reduce_sum((w - t) ** 2 + 0.0) / 2 + tf.reduce_sum(
            (a - s) ** 2
        ) / 2, {}

    model = types.SimpleNamespace(
        network=network,
        weight_variables=[network.w],
        search_variables=[network.a],
        optimizer=keras.optimizers.SGD(RATE),
        arch_optimizer=keras.optimizers.SGD(RATE),
        objective=lower,
        arch_loss=upper,
        track_losses=lambda **losses: None,
    )
    w, a = snapshot([network.w, network.a])
    ahead = w - RATE * (h @ w + b @ a)
    return model, (a - s) - RATE * b.T @ (ahead - t), a - s


@pytest.mark.parametrize("seed", range(3))
def test_it_is_the_hypergradient_of_a_quadratic_problem(seed):
    model, expected, first_order = quadratic_problem(seed)
    (gradient,) = unrolled_gradients(model, (None, None), None)
    np.testing.assert_allclose(gradient, expected, rtol=1e-3, atol=1e-3)
    assert np.abs(expected - first_order).max() > 0.05  # what it is about


def test_a_learning_rate_of_zero_leaves_the_first_order():
    model, _, first_order = quadratic_problem(0)
    model.optimizer.learning_rate = 0.0
    (gradient,) = unrolled_gradients(model, (None, None), None)
    np.testing.assert_allclose(gradient, first_order, rtol=1e-6)


def test_weights_are_put_back_bit_by_bit():
    model = make_search(unrolled=True)
    before = snapshot(model.weight_variables)
    unrolled_gradients(model, make_batch(0), make_batch(1))
    assert identical(before, snapshot(model.weight_variables))


def test_all_terms_see_the_same_noise():
    model = make_search(unrolled=True)
    seeds = save_seeds(model)
    model.gate_gradients(make_batch(1))  # one draw
    after_one_draw = snapshot(save_seeds(model))
    assert not identical(after_one_draw, snapshot(seeds))
    restore_seeds(model, seeds)
    unrolled_gradients(model, make_batch(0), make_batch(1))
    assert identical(after_one_draw, snapshot(save_seeds(model)))


def test_it_scales_as_the_optimizer_of_the_logits_expects():
    plain, scaled = make_search(), make_search()
    optimizer = keras.optimizers.Adam(0.1)
    scaled.arch_optimizer = keras.optimizers.LossScaleOptimizer(
        optimizer, initial_scale=8.0
    )
    scaled.arch_optimizer.build(scaled.search_variables)
    batches = make_batch(0), make_batch(1)
    for gate in find_gates(plain.network) + find_gates(scaled.network):
        gate.seed_generator.state.assign([0, 1])
    ours = unrolled_gradients(scaled, *batches)
    theirs = unrolled_gradients(plain, *batches)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, 8.0 * b, rtol=1e-4, atol=1e-6)
