import itertools

import keras
import numpy as np
import pytest
from nfs_keras.backbones import Backbone, Stage
from nfs_keras.backbones.residual_block import ResidualBlock
from nfs_keras.backbones.stem import Stem
from nfs_keras.models.compact import kept_channels

from nfs_keras.layers import DualLevelSearch, find_gates
from nfs_keras.models import Architecture, compact, count_flops, reid_network
from tests.search_cases import IMAGE_SHAPE, derive_at_random, make_batch

SEARCHES = ("dual", "channel", "spatial")
BOTH = ("visible", "infrared")


def derived_network(search="dual", bottleneck=False, seed=0, inner=False):
    """A network of two residual stages, with choices made at random."""
    keras.utils.set_random_seed(seed)
    plans = ((8, 6, 1), (12, 4, 2))  # filters, inner filters, stride
    backbone = Backbone(
        make_stem=lambda name: Stem(4, 3, name=name),
        stages=[
            [
                ResidualBlock(f, n, bottleneck, stride, project=True),
                ResidualBlock(f, n, bottleneck),
            ]
            for f, n, stride in plans
        ],
    )
    network = reid_network(backbone, IMAGE_SHAPE, 6, search, inner=inner)
    derive_at_random(network, seed)
    Architecture.derive(network).apply(network)
    return network


CASES = [
    *itertools.product(SEARCHES, (False, True), (False,)),
    *itertools.product(("dual", "channel"), (False, True), (True,)),
]


@pytest.fixture(scope="module", params=CASES)
def network(request):
    search, bottleneck, inner = request.param
    return derived_network(search, bottleneck, inner=inner)


def embed(network, name):
    images, _ = make_batch()
    return np.array(network.encoder(name)(images[name]))


def test_its_outputs_are_those_of_the_masked_network(network):
    images, _ = make_batch()
    masked, small = network(images), compact(network)(images)
    kept = kept_channels(network.stages[-1])
    dropped = np.setdiff1d(np.arange(12), kept)
    embedding = np.array(masked["embedding"])
    np.testing.assert_allclose(
        small["embedding"], embedding[:, kept], atol=1e-5
    )
    np.testing.assert_allclose(embedding[:, dropped], 0.0, atol=1e-5)
    np.testing.assert_allclose(small["logits"], masked["logits"], atol=1e-5)


@pytest.mark.parametrize("modality", BOTH)
def test_for_one_modality_its_encoder_is_that_of_the_masked_network(
    network, modality
):
    kept = kept_channels(network.stages[-1])
    np.testing.assert_allclose(
        embed(compact(network, modality), modality),
        embed(network, modality)[:, kept],
        atol=1e-5,
    )


@pytest.mark.parametrize("inner", [False, True])
def test_it_is_smaller_by_flops_and_parameters(inner):
    network = derived_network("channel", inner=inner)
    whole = compact(network)
    one = compact(network, "visible")
    for measure in (
        lambda n: count_flops(n.encoder("visible")),
        lambda n: n.count_params(),
    ):
        assert measure(one) < measure(whole) < measure(network)


def test_channels_inside_a_block_are_cut_where_no_modality_keeps_them():
    network = derived_network("channel", bottleneck=True, inner=True)
    small = compact(network)
    for old, new in zip(network.stages, small.stages, strict=True):
        for block, smaller in zip(old.blocks, new.blocks, strict=True):
            kept = [np.array(g.mask).any(axis=0) for g in block.inner_gates]
            assert smaller.inner_widths == [mask.sum() for mask in kept]


def test_a_gate_that_closes_nothing_any_more_is_left_out():
    network = derived_network("channel", inner=True)
    assert find_gates(network)
    assert not find_gates(compact(network, "visible").stages[0])
    for gate in find_gates(network):
        gate.freeze(np.arange(gate.mask.shape[-1]) % 2)  # alike in both
    assert not find_gates(compact(network))


def test_with_every_gate_open_nothing_is_cut():
    network = derived_network(inner=True)
    for gate in find_gates(network):
        gate.open()
    same = compact(network)
    assert not find_gates(same)
    for name in BOTH:
        np.testing.assert_allclose(
            embed(same, name), embed(network, name), atol=1e-6
        )


def test_it_is_a_plain_keras_model_that_survives_saving(tmp_path):
    small = compact(derived_network(inner=True))
    small.save(tmp_path / "compact.keras")
    loaded = keras.models.load_model(tmp_path / "compact.keras")
    np.testing.assert_array_equal(
        embed(loaded, "visible"), embed(small, "visible")
    )


def test_the_network_it_was_made_from_stays_as_it_was():
    network = derived_network()
    before = [np.array(v) for v in network.variables]
    small = compact(network)
    for variable in small.variables:
        variable.assign(np.zeros(variable.shape))
    for value, variable in zip(before, network.variables, strict=True):
        np.testing.assert_array_equal(value, variable)


def test_a_network_that_still_searches_is_refused():
    network = derived_network()
    network.cells["stage2"].search()
    with pytest.raises(ValueError, match="cell of 'stage2', which is still"):
        compact(network)


def test_a_cell_that_sums_its_levels_is_refused():
    network = derived_network()
    blocks, cell = network.stages[1].blocks, DualLevelSearch(combine="sum")
    network.stages[1] = Stage(blocks, cell, name="stage2")
    network.stages[1].build((None, 8, 4, 8))
    cell.open()
    with pytest.raises(ValueError, match="combine='product'"):
        compact(network)


@pytest.mark.parametrize(
    "block", [keras.layers.Conv2D(12, 3), ResidualBlock(8, 4)]
)
def test_a_stage_that_starts_no_stream_of_its_own_is_refused(block):
    network = derived_network(None)
    network.stages[1] = Stage([block], name="stage2")
    with pytest.raises(ValueError, match="Received: stage 'stage2'"):
        compact(network)
