"""Laws of the batch-hard triplet loss."""

import numpy as np
import pytest

from nfs_keras.losses import BatchHardTriplet

IDENTITIES = np.array([1, 1, 2, 2, 3, 3])


def embeddings():
    return np.random.default_rng(0).normal(size=(6, 4)).astype("float32")


def test_identities_are_names_and_may_be_renamed():
    renamed = np.array([70, 70, 5, 5, 900, 900])
    loss = BatchHardTriplet()
    assert loss(renamed, embeddings()) == loss(IDENTITIES, embeddings())


def test_moving_all_embeddings_changes_nothing():
    loss = BatchHardTriplet()
    np.testing.assert_allclose(
        loss(IDENTITIES, embeddings() + 3.0),
        loss(IDENTITIES, embeddings()),
        rtol=1e-5,
    )


def test_people_farther_apart_than_the_margin_cost_nothing():
    apart = 0.31 * IDENTITIES[:, None]
    assert BatchHardTriplet(margin=0.3)(IDENTITIES, apart) == 0
    assert BatchHardTriplet(margin=0.32)(IDENTITIES, apart) > 0


def test_collapsed_embeddings_cost_the_margin_or_the_logarithm_of_two():
    same = np.ones((6, 4))
    np.testing.assert_allclose(
        BatchHardTriplet(margin=0.3)(IDENTITIES, same), 0.3, rtol=1e-6
    )
    np.testing.assert_allclose(
        BatchHardTriplet(margin="soft")(IDENTITIES, same), np.log(2), rtol=1e-6
    )


def test_the_soft_margin_does_not_overflow():
    far = np.array([[0.0], [1e4], [0.0], [1e4]])
    loss = BatchHardTriplet(margin="soft")(np.array([1, 1, 2, 2]), far)
    np.testing.assert_allclose(loss, 1e4, rtol=1e-6)


def test_an_anchor_alone_costs_nothing():
    identities = np.array([1, 1, 2])
    rows = np.array([[0.0], [1.0], [0.5]])
    losses = BatchHardTriplet(reduction=None)(identities, rows)
    np.testing.assert_allclose(losses, [0.8, 0.8, 0.0], rtol=1e-5)


def test_sample_weights_choose_anchors():
    loss = BatchHardTriplet(reduction="sum")
    rows = embeddings()
    weights = np.array([0, 0, 0, 1, 0, 0])
    each = BatchHardTriplet(reduction=None)(IDENTITIES, rows)
    assert loss(IDENTITIES, rows, sample_weight=weights) == each[3]


@pytest.mark.parametrize("margin", [0.3, "soft"])
def test_margin_keeps_the_value_that_was_given(margin):
    assert BatchHardTriplet(margin=margin).margin == margin
