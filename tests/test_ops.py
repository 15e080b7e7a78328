"""The mathematics agrees with NumPy and keeps its laws."""

import keras
import numpy as np
import pytest
from backends import BACKEND, gradients
from keras import ops as K
from scipy.special import expit

from nfs_keras import ops

LOGITS = np.linspace(-6.0, 6.0, 25).astype("float32")
RELAXATIONS = pytest.mark.parametrize("relaxation", ops.RELAXATIONS)


def rng():
    """A generator of a test's own: no test changes what another draws."""
    return np.random.default_rng(0)


def array(x):
    return K.convert_to_numpy(x)


def gate(logits, temperature, relaxation):
    """The NumPy twin of a relaxed gate."""
    soft = expit(logits / temperature)
    if relaxation == "binary_concrete":
        return soft
    if relaxation == "hard_concrete":
        return np.clip(soft * 1.2 - 0.1, 0, 1)
    return (soft > 0.5).astype("float32")


@RELAXATIONS
@pytest.mark.parametrize("temperature", (0.1, 0.5, 2.0))
def test_gates_agree_with_numpy(relaxation, temperature):
    noise = rng().logistic(size=LOGITS.shape).astype("float32")
    gates = ops.relaxed_bernoulli(LOGITS, temperature, relaxation, noise)
    expected = gate(LOGITS + noise, temperature, relaxation)
    np.testing.assert_allclose(array(gates), expected, rtol=1e-5, atol=1e-6)


@RELAXATIONS
def test_gates_lie_between_zero_and_one(relaxation):
    for noise in (None, 1e6 * LOGITS):
        gates = ops.relaxed_bernoulli(LOGITS, 0.01, relaxation, noise)
        assert np.all((array(gates) >= 0) & (array(gates) <= 1))


@RELAXATIONS
def test_without_noise_gates_tend_to_the_derived_ones(relaxation):
    derived = array(ops.derived_gate(LOGITS))
    decided = LOGITS != 0
    gaps = [
        np.abs(array(ops.relaxed_bernoulli(LOGITS, t, relaxation)) - derived)
        for t in (4.0, 1.0, 0.3, 0.1, 0.01)
    ]
    for warm, cold in zip(gaps, gaps[1:], strict=False):
        assert np.all(cold <= warm + 1e-7)
    assert np.all(gaps[-1][decided] < 1e-6)


def test_derived_gate_opens_above_zero_only():
    np.testing.assert_array_equal(
        array(ops.derived_gate(K.array([-1.0, 0.0, 1e-6]))), [0, 0, 1]
    )


@RELAXATIONS
@pytest.mark.parametrize("temperature", (0.2, 1.0))
def test_open_probability_is_the_share_of_open_samples(relaxation, temperature):
    num_samples = 40_000
    noise = rng().logistic(size=(num_samples, 5)).astype("float32")
    logits = np.array([-2, -0.5, 0, 0.5, 2], "float32")
    if relaxation == "binary_concrete":
        samples = gate(logits + noise, temperature, relaxation) > 0.5
    else:
        samples = gate(logits + noise, temperature, relaxation) > 0
    probability = array(ops.open_probability(logits, temperature, relaxation))
    error = np.sqrt(probability * (1 - probability) / num_samples)
    assert np.all(np.abs(samples.mean(axis=0) - probability) < 5 * error)


def test_unknown_relaxation_raises():
    with pytest.raises(ValueError, match="Received: relaxation='gumbel'"):
        ops.relaxed_bernoulli(LOGITS, 0.5, "gumbel")


def test_logistic_noise_is_finite_and_logistic():
    noise = array(ops.logistic_noise((20_000,), seed=1))
    assert np.all(np.isfinite(noise))
    for quantile in (0.1, 0.5, 0.9):
        exact = np.log(quantile / (1 - quantile))
        assert abs(np.mean(noise < exact) - quantile) < 0.015


def test_logistic_noise_follows_its_seed():
    noise = [array(ops.logistic_noise((8,), seed=s)) for s in (1, 1, 2)]
    np.testing.assert_array_equal(noise[0], noise[1])
    assert np.all(noise[0] != noise[2])


def test_entropy_is_a_bit_when_undecided_and_none_when_decided():
    logits = np.array([0.0, 1.3, -1.3, 200.0, -200.0], "float32")
    p = expit(1.3)
    middle = -p * np.log2(p) - (1 - p) * np.log2(1 - p)
    np.testing.assert_allclose(
        array(ops.gate_entropy(logits)), [1, middle, middle, 0, 0], atol=1e-6
    )


def test_generalized_mean_spans_average_and_maximum():
    maps = rng().uniform(0.1, 1.0, size=(3, 4, 5, 6)).astype("float32")
    average = array(ops.generalized_mean(maps, 1.0))
    np.testing.assert_allclose(average, maps.mean(axis=(1, 2)), rtol=1e-5)
    cubic = array(ops.generalized_mean(maps, 3.0))
    expected = (maps**3).mean(axis=(1, 2)) ** (1 / 3)
    np.testing.assert_allclose(cubic, expected, rtol=1e-5)
    high = array(ops.generalized_mean(maps, 60.0))
    assert np.all((average < cubic) & (cubic < high))
    np.testing.assert_allclose(high, maps.max(axis=(1, 2)), rtol=0.06)


def test_generalized_mean_of_a_constant_is_the_constant():
    maps = np.full((1, 3, 3, 2), 0.7, "float32")
    for power in (0.5, 1.0, 3.0):
        pooled = array(ops.generalized_mean(maps, power))
        np.testing.assert_allclose(pooled, 0.7, rtol=1e-5)


def test_generalized_mean_raises_what_is_below_epsilon():
    pooled = array(ops.generalized_mean(-np.ones((1, 2, 2, 1), "float32"), 3.0))
    np.testing.assert_allclose(pooled, 1e-4, rtol=1e-3)


def test_pairwise_distances_agree_with_a_double_loop():
    a, b = np.split(rng().normal(size=(9, 7)), [4])
    loop = [[np.linalg.norm(x - y) for y in b] for x in a]
    found = ops.pairwise_distances(K.array(a), K.array(b))
    np.testing.assert_allclose(array(found), loop, rtol=1e-4)
    found = ops.pairwise_distances(K.array(a), K.array(b), squared=True)
    np.testing.assert_allclose(array(found), np.square(loop), rtol=1e-4)


def test_a_point_is_at_distance_zero_from_itself():
    points = np.array([[1, 0], [0, 2], [1, 0]], "float32")
    distances = array(ops.pairwise_distances(points))
    np.testing.assert_array_equal(np.diag(distances), 0)
    assert distances[0, 2] == distances[2, 0] == 0
    np.testing.assert_array_equal(distances, distances.T)


def test_safe_sqrt_is_the_square_root():
    x = np.array([0.0, 0.25, 4.0], "float32")
    np.testing.assert_array_equal(array(ops.safe_sqrt(x)), [0, 0.5, 2])


def test_l2_normalized_vectors_have_length_one_even_from_float16():
    x = rng().normal(size=(3, 2048), scale=30).astype("float16")
    unit = array(ops.l2_normalize(x))
    assert unit.dtype == "float32"
    np.testing.assert_allclose(np.linalg.norm(unit, axis=-1), 1, rtol=1e-5)
    expected = x.astype("float32")
    expected /= np.linalg.norm(expected, axis=-1, keepdims=True)
    np.testing.assert_allclose(unit, expected, rtol=1e-5)


def test_a_zero_vector_stays_zero():
    np.testing.assert_array_equal(array(ops.l2_normalize(np.zeros((2, 3)))), 0)


def test_half_precision_is_raised_and_no_other():
    for dtype in ("float16", "bfloat16", "float32"):
        raised = ops.at_least_float32(K.zeros((2,), dtype))
        assert array(raised).dtype == "float32"
    if BACKEND != "jax":  # which has float64 only by a switch of its own
        kept = ops.at_least_float32(K.zeros((2,), "float64"))
        assert array(kept).dtype == "float64"


def slope(function, x):
    """Gives d sum(function(x)) / dx."""
    layer = keras.layers.Lambda(function)
    return gradients(K.sum, layer, np.asarray(x, "float32"))[0]


def test_straight_through_has_the_gradient_of_the_soft_gate():
    hard, soft = (
        slope(lambda a, r=r: ops.relaxed_bernoulli(a, 0.5, r), LOGITS)
        for r in ("straight_through", "binary_concrete")
    )
    keep = expit(LOGITS / 0.5)
    np.testing.assert_allclose(hard, keep * (1 - keep) / 0.5, atol=1e-5)
    np.testing.assert_allclose(hard, soft, atol=1e-6)


def test_coincident_points_have_a_finite_gradient():
    points = [[1.0, 2.0], [1.0, 2.0], [4.0, 6.0]]
    assert np.all(np.isfinite(slope(ops.pairwise_distances, points)))
    np.testing.assert_allclose(
        slope(ops.safe_sqrt, [0.0, 4.0]), [0, 0.25], rtol=1e-6
    )
