import keras
import numpy as np

from nfs_keras.models import reid_network
from nfs_keras.scale import synchronize_batch_norm


def test_every_batch_norm_is_reached_and_nothing_else_changes():
    network = reid_network("tiny", (32, 16, 3), 4, search="dual")
    images = np.random.default_rng(0).uniform(0, 255, (2, 32, 16, 3))
    inputs = {"visible": images, "infrared": images}
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
