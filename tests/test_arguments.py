"""The errors that the losses share."""

import numpy as np
import pytest

from nfs_keras.losses import (
    BatchHardTriplet,
    ContrastiveLoss,
    TripletHardLoss,
    TripletSemiHardLoss,
    WeightedRegularizedTriplet,
)

TRIPLETS = (
    BatchHardTriplet,
    TripletHardLoss,
    TripletSemiHardLoss,
    WeightedRegularizedTriplet,
)


@pytest.mark.parametrize("cls", TRIPLETS)
def test_one_hot_labels_raise(cls):
    with pytest.raises(ValueError, match="Pass identities, not one-hot"):
        cls()(np.eye(4), np.zeros((4, 3)))


@pytest.mark.parametrize("cls", TRIPLETS)
def test_feature_maps_raise(cls):
    with pytest.raises(ValueError, match=r"y_pred.shape=\(4, 2, 2, 3\)"):
        cls()(np.zeros(4), np.zeros((4, 2, 2, 3)))


@pytest.mark.parametrize("cls", TRIPLETS)
def test_a_column_of_identities_is_as_good_as_a_vector(cls):
    rng = np.random.default_rng(0)
    identities = np.array([1, 1, 2, 2, 3])
    embeddings = rng.normal(size=(5, 4))
    loss = cls()
    assert loss(identities[:, None], embeddings) == loss(identities, embeddings)


@pytest.mark.parametrize("margin", [-0.1, float("nan"), "hard", True, None])
@pytest.mark.parametrize(
    "cls",
    [BatchHardTriplet, ContrastiveLoss, TripletHardLoss, TripletSemiHardLoss],
)
def test_a_margin_below_zero_or_no_number_raises(cls, margin):
    with pytest.raises(ValueError, match="`margin` must be a number"):
        cls(margin=margin)


@pytest.mark.parametrize("cls", [TripletHardLoss, TripletSemiHardLoss])
def test_an_unknown_metric_raises(cls):
    with pytest.raises(ValueError, match="distance_metric='cosine'"):
        cls(distance_metric="cosine")
