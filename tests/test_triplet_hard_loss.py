"""What `TripletHardLoss` shares with tensorflow-addons, and what not."""

import inspect

import keras
import numpy as np
from keras import ops

from nfs_keras.losses import BatchHardTriplet, TripletHardLoss


@keras.saving.register_keras_serializable(package="tests")
def city_block(embeddings):
    apart = embeddings[:, None, :] - embeddings[None, :, :]
    return ops.sum(ops.abs(apart), axis=-1)


def embeddings():
    return np.random.default_rng(0).normal(size=(6, 4)).astype("float32")


def test_its_arguments_come_in_the_order_of_tensorflow_addons():
    arguments = list(inspect.signature(TripletHardLoss).parameters)
    assert arguments[:4] == ["margin", "soft", "distance_metric", "name"]


def test_it_is_the_batch_hard_triplet_where_no_anchor_is_alone():
    identities = np.array([1, 1, 2, 2, 3, 3])
    np.testing.assert_allclose(
        TripletHardLoss(margin=0.4)(identities, embeddings()),
        BatchHardTriplet(margin=0.4)(identities, embeddings()),
        rtol=1e-6,
    )


def test_an_anchor_alone_pushes_its_nearest_neighbour_away():
    identities = np.array([1, 1, 2])
    rows = np.array([[0.0], [0.0], [0.4]])
    losses = TripletHardLoss(reduction=None)(identities, rows)
    np.testing.assert_allclose(losses, [0.6, 0.6, 0.6], rtol=1e-6)


def test_a_metric_of_ones_own_survives_the_config():
    loss = TripletHardLoss(distance_metric=city_block)
    packed = keras.losses.serialize(loss)
    twin = keras.losses.deserialize(packed)
    assert twin.distance_metric is city_block
    identities = np.array([1, 1, 2, 2, 3, 3])
    assert twin(identities, embeddings()) == loss(identities, embeddings())
    assert twin(identities, embeddings()) != TripletHardLoss()(
        identities, embeddings()
    )


def test_the_soft_margin_does_not_overflow():
    rows = np.array([[0.0], [500.0], [0.0], [500.0]])
    loss = TripletHardLoss(soft=True)(np.array([1, 1, 2, 2]), rows)
    np.testing.assert_allclose(loss, 500.0, rtol=1e-6)
