"""`NonLocal` looks from every pixel at every pixel, and can be compacted."""

from functools import partial

import keras
import numpy as np
import pytest

from nfs_keras.layers import ChannelSearch
from nfs_keras.models import compact, reid_network
from nfs_keras.reid import Backbone, NonLocal
from nfs_keras.reid.backbones import grow_residual, make_stem
from nfs_keras.search.graph import trace

MAPS = np.random.default_rng(0).normal(size=(2, 5, 3, 6)).astype("float32")


def trained(layer):
    if not layer.built:
        layer.build(MAPS.shape)
    rng = np.random.default_rng(1)
    for variable in layer.variables:
        variable.assign(rng.uniform(0.1, 1.0, variable.shape))
    return layer


def test_it_is_the_attention_of_every_pixel_to_every_pixel():
    layer = trained(NonLocal(4, inner_filters=2))
    pixels = MAPS.reshape(2, 15, 6)
    theta, phi, g = (
        pixels @ np.array(part.kernel) + np.array(part.bias)
        for part in (layer.theta, layer.phi, layer.g)
    )
    attention = np.einsum("bic,bjc->bij", theta, phi) / 15
    found = np.einsum("bij,bjc->bic", attention, g)
    expected = found @ np.array(layer.w.kernel) + np.array(layer.w.bias)
    np.testing.assert_allclose(
        layer(MAPS), expected.reshape(2, 5, 3, 4), rtol=1e-4
    )


def test_compact_removes_what_it_need_not_read_and_write():
    image = keras.Input((5, 3, 6))
    before, after = ChannelSearch(name="before"), ChannelSearch(name="after")
    layer = NonLocal(6, inner_filters=2)
    outputs = keras.layers.Dense(3)(after(layer(before(image))))
    model = keras.Model(image, outputs)
    trained(layer)
    before.freeze([1, 0, 1, 1, 0, 1])
    after.freeze([0, 0, 1, 1, 0, 1])
    smaller = compact(model)
    (layer,) = (x for x in smaller.layers if isinstance(x, NonLocal))
    assert layer.theta.kernel.shape == (4, 2)
    assert layer.w.kernel.shape == (2, 3)
    np.testing.assert_allclose(smaller(MAPS), model(MAPS), atol=1e-5)


def small_agw():
    """A network of AGW's kind: non-local blocks behind stages 2 and 3."""
    block = {"filters": 8, "inner": 6}
    stages = [
        [{**block, "project": True}, *[block] * (depth - 1)]
        for depth in (1, 2, 3)
    ]
    backbone = Backbone(
        partial(make_stem, filters=4, kernel_size=3),
        partial(grow_residual, stages=stages, non_local=True),
    )
    return reid_network(backbone, (16, 8, 3), 3, "channel", inner=True)


@pytest.mark.parametrize("modality", [None, "visible", "infrared"])
def test_an_agw_network_is_compacted_exactly(modality):
    network = small_agw()
    generator = np.random.default_rng(0)
    for name, variable in network.named_variables().items():
        if name.endswith(("gamma", "moving_variance")):
            variable.assign(generator.uniform(0.5, 1.0, variable.shape))
        elif name.endswith(("beta", "moving_mean")):
            variable.assign(generator.normal(size=variable.shape) / 10)
    for layer in network.trunk.layers:
        if isinstance(layer, ChannelSearch):
            layer.freeze(generator.random(layer.mask.shape) < 0.4)
    smaller = compact(network, modality)
    assert smaller.count_params() < 0.6 * network.count_params()
    image = generator.uniform(0, 255, (2, 16, 8, 3)).astype("float32")
    for name in ("visible", "infrared") if modality is None else (modality,):
        whole = np.array(network.encoder(name)(image))
        short = np.array(smaller.encoder(name)(image))
        assert short.shape[1] < whole.shape[1]
        np.testing.assert_allclose(short @ short.T, whole @ whole.T, atol=1e-5)


def test_agw_has_it_behind_its_last_residual_blocks():
    network = reid_network("agw", (32, 16, 3), 3, None)
    nodes = trace(network.trunk).nodes
    found = [n.layer for n in nodes if isinstance(n.layer, NonLocal)]
    names = [layer.name.removesuffix("_non_local") for layer in found]
    assert names == [
        *("stage2_block3", "stage2_block4"),
        *("stage3_block4", "stage3_block5", "stage3_block6"),
    ]
    assert {layer.inner_filters for layer in found} == {1}
    for node in nodes:  # each block's norm starts at zero: it is the identity
        if node.layer.name.endswith("non_local_norm"):
            assert not np.any(node.layer.gamma)
