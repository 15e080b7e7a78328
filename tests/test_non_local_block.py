import numpy as np
import pytest
from nfs_keras.backbones import (
    NonLocalBlock,
    Stage,
    imagenet_resnet50,
    resnet50,
    tiny,
)
from nfs_keras.backbones.residual_block import ResidualBlock

from nfs_keras.layers import ChannelSearch
from nfs_keras.models import Architecture, compact, reid_network
from tests.search_cases import IMAGE_SHAPE, derive_at_random, make_batch

RNG = np.random.default_rng(0)


def trained_block(filters=6, inner_filters=2):
    block = NonLocalBlock(filters, inner_filters)
    block.build((None, 5, 3, filters))
    for variable in block.variables:
        variable.assign(RNG.uniform(0.1, 1.0, variable.shape))
    return block


def test_it_is_the_attention_of_every_pixel_to_every_pixel():
    block = trained_block()
    maps = RNG.normal(size=(2, 5, 3, 6)).astype("float32")
    pixels = maps.reshape(2, 15, 6)
    theta, phi, g = (
        pixels @ np.array(layer.kernel) + np.array(layer.bias)
        for layer in (block.theta, block.phi, block.g)
    )
    attention = np.einsum("bic,bjc->bij", theta, phi) / 15
    found = np.einsum("bij,bjc->bic", attention, g) @ np.array(block.w.kernel)
    gamma, beta, mean, variance = (np.array(v) for v in block.norm.variables)
    found = (found + np.array(block.w.bias) - mean) / np.sqrt(variance + 1e-5)
    expected = pixels + found * gamma + beta
    np.testing.assert_allclose(
        block(maps), expected.reshape(maps.shape), rtol=1e-4
    )


def test_untrained_it_is_the_identity():
    maps = RNG.normal(size=(2, 5, 3, 6)).astype("float32")
    for training in (False, True):
        output = NonLocalBlock(6)(maps, training=training)
        np.testing.assert_array_equal(output, maps)


def test_a_closed_channel_stays_closed_in_it():
    gate, block = ChannelSearch(num_modalities=1), trained_block()
    stage = Stage([ResidualBlock(6, 6, project=True), block], gate)
    assert stage.channel_gate is gate
    stage.build((None, 5, 3, 4))
    gate.freeze(np.array([1, 0, 1, 1, 1, 1]))
    maps = RNG.normal(size=(2, 5, 3, 4)).astype("float32")
    keep = gate.keep(2)
    before = np.array(stage.blocks[0](maps, keep=keep))
    after = np.array(block(before, keep=keep))
    assert not after[..., 1].any()
    assert (after[..., 0] != before[..., 0]).all()


def tiny_with_attention():
    backbone = tiny()
    for blocks in backbone.stages[1:3]:
        blocks.append(NonLocalBlock(blocks[-1].filters))
    return backbone


@pytest.mark.parametrize("modality", [None, "visible", "infrared"])
def test_compact_cuts_it(modality):
    network = reid_network(tiny_with_attention(), IMAGE_SHAPE, 6, "channel")
    derive_at_random(network)
    Architecture.derive(network).apply(network)
    smaller = compact(network, modality)
    assert smaller.count_params() < network.count_params()
    images, _ = make_batch()
    for name in ("visible", "infrared") if modality is None else (modality,):
        embedding = np.array(network.encoder(name)(images[name]))
        cut = np.array(smaller.encoder(name)(images[name]))
        assert cut.shape[1] < embedding.shape[1]
        np.testing.assert_allclose(
            cut @ cut.T, embedding @ embedding.T, atol=1e-5
        )


@pytest.mark.parametrize("make", [resnet50, imagenet_resnet50])
def test_agw_has_it_behind_its_last_residual_blocks(make):
    plan = [
        "".join("N" if isinstance(b, NonLocalBlock) else "R" for b in blocks)
        for blocks in make(non_local=True).stages
    ]
    assert plan == ["RRR", "RRRNRN", "RRRRNRNRN", "RRR"]
    assert all(b.inner_filters == 1 for b in make(True).stages[1][3::2])
