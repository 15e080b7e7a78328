import keras
import numpy as np
from search_cases import make_batch, small_network

from nfs_keras.distribute import synchronize_batch_norm


def test_every_batch_norm_is_reached_and_nothing_else_changes():
    network = small_network()
    inputs, _ = make_batch()
    before = network(inputs)["embedding"]
    assert synchronize_batch_norm(network) is network
    norms = [
        layer
        for layer in network._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    assert all(norm.synchronized for norm in norms)
    names = [n for n in network.named_variables() if "moving_mean" in n]
    assert len(norms) == len(names) > 5
    np.testing.assert_array_equal(network(inputs)["embedding"], before)
