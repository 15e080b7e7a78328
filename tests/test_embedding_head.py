"""`EmbeddingHead` is the neck and the classifier of the shared recipe."""

import numpy as np
import pytest
from keras import ops

from nfs_keras.layers import EmbeddingHead

POOLED = np.random.default_rng(0).normal(3.0, 2.0, (64, 512)).astype("float32")


def array(tensor):
    return ops.convert_to_numpy(tensor)


def test_there_are_no_biases():
    head = EmbeddingHead(num_identities=10)
    head.build(POOLED.shape)
    trained = {
        variable.path.split("/", 1)[1] for variable in head.trainable_weights
    }
    assert trained == {"neck/gamma", "classifier/kernel"}


def test_weights_start_as_in_the_recipe():
    head = EmbeddingHead(num_identities=300)
    head.build(POOLED.shape)
    gamma, kernel = array(head.neck.gamma), array(head.classifier.kernel)
    assert np.isclose(gamma.mean(), 1.0, atol=2e-3)
    assert np.isclose(gamma.std(), 0.01, rtol=0.15)
    assert np.isclose(kernel.mean(), 0.0, atol=1e-4)
    assert np.isclose(kernel.std(), 0.001, rtol=0.05)


def test_the_neck_normalises_each_channel_over_the_batch():
    head = EmbeddingHead(num_identities=10)
    embedding = array(head(POOLED, training=True)[0])
    gamma = array(head.neck.gamma)
    np.testing.assert_allclose(embedding.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(embedding.std(axis=0), np.abs(gamma), rtol=1e-3)


def test_logits_are_the_embedding_times_the_kernel():
    head = EmbeddingHead(num_identities=10)
    embedding, logits = head(POOLED)
    expected = array(embedding) @ array(head.classifier.kernel)
    np.testing.assert_allclose(array(logits), expected, rtol=1e-4, atol=1e-6)


def test_training_moves_the_statistics_a_tenth_of_the_way():
    head = EmbeddingHead(num_identities=10)
    head(POOLED, training=True)
    np.testing.assert_allclose(
        array(head.neck.moving_mean), 0.1 * POOLED.mean(axis=0), rtol=1e-4
    )
    before = array(head.neck.moving_mean)
    head(POOLED)
    np.testing.assert_array_equal(array(head.neck.moving_mean), before)


def test_no_identities_are_refused():
    with pytest.raises(ValueError, match="Received: num_identities=0"):
        EmbeddingHead(num_identities=0)
