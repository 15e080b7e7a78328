"""What `TripletSemiHardLoss` looks for, on lines of points."""

import inspect

import numpy as np

from nfs_keras.losses import TripletSemiHardLoss


def test_its_arguments_come_in_the_order_of_tensorflow_addons():
    arguments = list(inspect.signature(TripletSemiHardLoss).parameters)
    assert arguments[:3] == ["margin", "distance_metric", "name"]


def loss_of(identities, places, margin=1.0):
    rows = np.array(places, "float32")[:, None]
    return float(TripletSemiHardLoss(margin)(np.array(identities), rows))


def test_the_nearest_negative_beyond_the_positive_counts():
    # From 0, the positive is at 2; the negatives at 1 (too near to be
    # semi-hard), 2.5 and 9. From 2 they are at 1, 0.5 and 7.
    wanted = [2 - 2.5 + 1, max(2 - 7 + 1, 0)]
    assert loss_of([1, 1, 2, 3, 4], [0, 2, 1, 2.5, 9]) == np.mean(wanted)


def test_the_farthest_negative_counts_where_none_is_beyond():
    assert loss_of([1, 1, 2, 3], [0, 4, 1, 2]) == np.mean([4 - 2, 4 - 3]) + 1


def test_it_averages_over_pairs_and_not_over_rows():
    # Lone rows form no pair, so they must not thin the mean.
    assert loss_of([1, 1, 2], [0, 1, 9]) == loss_of([1, 1, 2, 3], [0, 1, 9, 99])
    assert loss_of([1, 1, 2], [0, 1, 1.5]) == np.mean([0.5, 1.5])


def test_it_is_one_number_per_batch():
    loss = TripletSemiHardLoss(reduction=None)
    assert loss(np.array([1, 1, 2]), np.zeros((3, 2))).shape == (1,)
