"""Laws of the contrastive loss."""

import inspect

import numpy as np

from nfs_keras.losses import ContrastiveLoss


def test_its_arguments_come_in_the_order_of_tensorflow_addons():
    arguments = list(inspect.signature(ContrastiveLoss).parameters)
    assert arguments == ["margin", "reduction", "name"]


def test_near_positives_and_far_negatives_cost_nothing():
    assert ContrastiveLoss()(np.array([1, 0, 0]), np.array([0.0, 1, 2])) == 0


def test_a_column_of_distances_does_not_become_a_matrix():
    labels = np.array([1, 0, 1])
    distances = np.array([0.5, 0.25, 2.0])
    loss = ContrastiveLoss(reduction=None)
    expected = [0.25, 0.75**2, 4.0]
    np.testing.assert_allclose(loss(labels, distances), expected)
    column = loss(labels, distances[:, None])
    np.testing.assert_allclose(column, np.array(expected)[:, None])
