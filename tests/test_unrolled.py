import types

import keras
import numpy as np
import pytest
import tensorflow as tf
from search_cases import (
    compiled_search,
    identical,
    plain_batch,
    plain_search,
    snapshot,
)

from nfs_keras.layers import ChannelSearch, find_gates
from nfs_keras.search.unrolled import (
    lower_gradients,
    restore_seeds,
    save_seeds,
    unrolled_gradients,
)

RATE = 0.1


class Point(keras.Model):
    """Weights w and logits a that stand for themselves."""

    def __init__(self, num_weights, num_logits):
        super().__init__()
        self.w = self.add_weight(shape=(num_weights,), name="w")
        self.a = self.add_weight(shape=(num_logits,), name="a")


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
    point = Point(num_weights, num_logits)
    point.w.assign(generator.normal(size=num_weights))
    point.a.assign(generator.normal(size=num_logits))

    def lower(batch):
        w, a = point.w.value, point.a.value
        return tf.tensordot(w, tf.linalg.matvec(h, w) / 2, 1) + tf.tensordot(
            w, tf.linalg.matvec(b, a), 1
        )

    def upper(batch):
        w, a = point.w.value, point.a.value
        return tf.reduce_sum((w - t) ** 2) / 2 + tf.reduce_sum((a - s) ** 2) / 2

    model = types.SimpleNamespace(
        model=point,
        weight_variables=[point.w],
        search_variables=[point.a],
        optimizer=keras.optimizers.SGD(RATE),
        arch_optimizer=keras.optimizers.SGD(RATE),
        lower_loss=lower,
        arch_loss=upper,
    )
    w, a = snapshot([point.w, point.a])
    ahead = w - RATE * (h @ w + b @ a)
    return model, (a - s) - RATE * b.T @ (ahead - t), a - s


@pytest.mark.parametrize("seed", range(3))
def test_it_is_the_hypergradient_of_a_quadratic_problem(seed):
    model, expected, first_order = quadratic_problem(seed)
    (gradient,) = unrolled_gradients(model, None, None)
    np.testing.assert_allclose(gradient, expected, rtol=1e-3, atol=1e-3)
    assert np.abs(expected - first_order).max() > 0.05  # what it is about


def test_a_learning_rate_of_zero_leaves_the_first_order():
    model, _, first_order = quadratic_problem(0)
    model.optimizer.learning_rate = 0.0
    (gradient,) = unrolled_gradients(model, None, None)
    np.testing.assert_allclose(gradient, first_order, rtol=1e-6)


def gated_model():
    """A smooth model with one gate of a few logits."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4,))
    x = keras.layers.Dense(3, activation="tanh")(inputs)
    gate = ChannelSearch(relaxation="binary_concrete", initial_temperature=1.0)
    return keras.Model(inputs, keras.layers.Dense(2)(gate(x)))


def test_it_is_what_trying_out_every_logit_gives():
    """A network with a gate against differences of the whole two steps."""
    generator = np.random.default_rng(0)

    def batch():
        x, y = (generator.normal(size=(8, n)) for n in (4, 2))
        return tf.constant(x, "float32"), tf.constant(y, "float32")

    model = compiled_search(gated_model(), "mse", mode="second_order")
    rate = 2.0  # a large step, so that the second order is seen
    model.optimizer.learning_rate = rate
    train, proxy = batch(), batch()
    (logits,) = model.search_variables
    weights = model.weight_variables
    start, at, seeds = snapshot(weights), np.array(logits), save_seeds(model)

    def upper_after_a_step(values):
        logits.assign(values)
        restore_seeds(model, seeds)
        for v, g in zip(weights, lower_gradients(model, train, weights),
                        strict=True):  # fmt: skip
            v.assign_sub(rate * g)
        restore_seeds(model, seeds)
        loss = float(model.arch_loss(proxy))
        for v, value in zip(weights, start, strict=True):
            v.assign(value)
        logits.assign(at)
        return loss

    step = 0.02
    expected = [
        (upper_after_a_step(at + step * e) - upper_after_a_step(at - step * e))
        / (2 * step)
        for e in np.eye(at.size, dtype="float32").reshape(at.size, *at.shape)
    ]
    restore_seeds(model, seeds)
    (gradient,) = unrolled_gradients(model, train, proxy)
    restore_seeds(model, seeds)
    (first_order,) = model.gate_gradients(proxy)
    np.testing.assert_allclose(np.ravel(gradient), expected, atol=2e-3)
    assert np.abs(np.ravel(first_order) - expected).max() > 0.02


def test_all_terms_see_the_same_noise_and_weights_are_put_back_bit_by_bit():
    model = plain_search(mode="second_order")
    seeds, weights = save_seeds(model), snapshot(model.weight_variables)
    model.gate_gradients(plain_batch(1))  # one sample
    after_one_sample = snapshot(save_seeds(model))
    assert not identical(after_one_sample, snapshot(seeds))
    restore_seeds(model, seeds)
    unrolled_gradients(model, plain_batch(0), plain_batch(1))
    assert identical(after_one_sample, snapshot(save_seeds(model)))
    assert identical(weights, snapshot(model.weight_variables))


def test_it_scales_as_the_optimizer_of_the_logits_expects():
    plain, scaled = plain_search(), plain_search()
    optimizer = keras.optimizers.Adam(0.1)
    scaled.arch_optimizer = keras.optimizers.LossScaleOptimizer(
        optimizer, initial_scale=8.0
    )
    scaled.arch_optimizer.build(scaled.search_variables)
    batches = plain_batch(0), plain_batch(1)
    for gate in find_gates(plain.model) + find_gates(scaled.model):
        gate.seed_generator.state.assign([0, 1])
    ours = unrolled_gradients(scaled, *batches)
    theirs = unrolled_gradients(plain, *batches)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, 8.0 * b, rtol=1e-4, atol=1e-6)


def test_a_gradient_that_float16_cannot_hold_is_found_by_scaling():
    point = Point(3, 1)

    def lower(batch):
        return 1e-8 * tf.cast(
            tf.reduce_sum(tf.cast(point.w, "float16")), "float32"
        )

    model = types.SimpleNamespace(lower_loss=lower)
    found = []
    sgd = keras.optimizers.SGD(RATE)
    for optimizer in (sgd, keras.optimizers.LossScaleOptimizer(sgd)):
        model.arch_optimizer = optimizer
        found += lower_gradients(model, None, [point.w])
    np.testing.assert_array_equal(found[0], np.zeros(3))
    np.testing.assert_allclose(found[1], np.full(3, 1e-8), rtol=1e-2)
