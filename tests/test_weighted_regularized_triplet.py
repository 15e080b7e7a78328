"""Laws of the weighted regularised triplet loss."""

import numpy as np

from nfs_keras.losses import BatchHardTriplet, WeightedRegularizedTriplet

IDENTITIES = np.array([1, 1, 1, 2, 2, 2])


def embeddings():
    return np.random.default_rng(0).normal(size=(6, 4)).astype("float32")


def test_far_apart_it_sees_only_the_hardest_pairs():
    # The softmax of large distances is a maximum.
    rows = 500 * embeddings()
    weighted = WeightedRegularizedTriplet(reduction=None)(IDENTITIES, rows)
    hardest = BatchHardTriplet("soft", reduction=None)(IDENTITIES, rows)
    np.testing.assert_allclose(weighted, hardest, rtol=1e-3, atol=1e-3)


def test_with_one_positive_and_one_negative_nothing_is_left_to_weigh():
    identities = np.array([1, 1, 2])
    rows = np.array([[0.0], [1.0], [3.0]])
    losses = WeightedRegularizedTriplet(reduction=None)(identities, rows)
    near_soft = np.log1p(np.exp(1.0 - 2.0))  # row 1: 1 to row 0, 2 to row 2
    np.testing.assert_allclose(losses[1], near_soft, rtol=1e-5)
    np.testing.assert_allclose(losses[2], 0.0)


def test_collapsed_embeddings_cost_the_logarithm_of_two():
    loss = WeightedRegularizedTriplet()(IDENTITIES, np.ones((6, 4)))
    np.testing.assert_allclose(loss, np.log(2), rtol=1e-6)


def test_it_is_gentler_than_the_hardest_triplet():
    weighted = WeightedRegularizedTriplet()(IDENTITIES, embeddings())
    assert weighted < BatchHardTriplet("soft")(IDENTITIES, embeddings())


def test_2048_large_channels_in_float16_stay_finite():
    rng = np.random.default_rng(0)
    rows = rng.uniform(0, 200, size=(6, 2048)).astype("float16")
    assert np.isfinite(float(WeightedRegularizedTriplet()(IDENTITIES, rows)))
