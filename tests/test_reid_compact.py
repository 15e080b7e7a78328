"""The two-stream network is compacted exactly, for both modalities or one."""

import functools

import keras
import numpy as np
import pytest
from reid_cases import two_stages
from search_cases import (
    IMAGE_SHAPE,
    derive_at_random,
    make_batch,
    shallow_backbone,
    small_network,
    snapshot,
)

from nfs_keras.layers import find_gates
from nfs_keras.models import (
    Architecture,
    compact,
    count_flops,
    named_gates,
    reid_network,
)
from nfs_keras.reid import Backbone

BOTH = ("visible", "infrared")
CASES = {
    "bottleneck": {"bottleneck": True, "inner": True},
    "spatial": {"search": "spatial"},
    "sum": {"combine": "sum"},
    "non-local": {"search": "channel", "inner": True, "non_local": True},
}


def derived(network):
    """Makes choices at random in a network, and masks it."""
    derive_at_random(network)
    Architecture.derive(network).apply(network)
    return network


@functools.cache
def made(case):
    """A masked network and the compacted one, neither to be changed."""
    network = derived(two_stages(**CASES[case]))
    return network, compact(network)


@pytest.fixture(params=CASES)
def pair(request):
    return made(request.param)


@pytest.fixture
def network():
    return made("bottleneck")[0]


@pytest.fixture
def small():
    return made("bottleneck")[1]


@pytest.fixture(scope="module")
def infrared():
    return compact(made("bottleneck")[0], "infrared")


def two_gates():
    """A network of one block to be changed, with choices made at random."""
    return derived(small_network("channel", inner=True))


def embed(network, name):
    images, _ = make_batch()
    return np.array(network.encoder(name)(images[name]))


def assert_same_products(*networks):
    """Checks that embeddings compare alike, modalities crossed."""
    embeddings = [
        np.concatenate([embed(network, name) for name in BOTH])
        for network in networks
    ]
    products = [rows @ rows.T for rows in embeddings]
    np.testing.assert_allclose(*products, atol=1e-5)


def test_its_embeddings_compare_as_those_of_the_masked_network(pair):
    assert_same_products(*pair)


def test_its_logits_stay_and_what_the_embedding_loses_was_zero(pair):
    images, _ = make_batch()
    masked, small = (n(images) for n in pair)
    before, after = (np.array(x["logits"]) for x in (masked, small))
    np.testing.assert_allclose(
        after, before, atol=1e-5 * max(1, np.ptp(before))
    )
    before, after = (np.array(x["embedding"]) for x in (masked, small))
    kept = before.any(axis=0)
    assert after.shape[1] <= before.shape[1]
    assert before[:, kept].shape[1] <= after.shape[1]
    order = np.argsort(-np.abs(after).sum(axis=0))
    assert after[:, order[kept.sum() :]].sum() == 0.0


def test_for_one_modality_its_encoder_is_that_of_the_masked_network(pair):
    """The entries are those of `compact` for both: they compare crosswise."""
    masked, both = pair
    check_one(compact(masked, "infrared"), both, "infrared")


def check_one(one, both, name):
    np.testing.assert_allclose(embed(one, name), embed(both, name), atol=1e-5)
    assert one.count_params() <= both.count_params()


def test_it_is_smaller_by_operations_and_parameters(network, small, infrared):
    for measure in (
        lambda n: count_flops(n.encoder("infrared")),
        lambda n: n.count_params(),
    ):
        assert measure(infrared) < measure(small) < measure(network)


def test_its_operations_are_those_the_architecture_promised(network, small):
    share = Architecture.derive(network).share_of_operations(network)
    flops = [count_flops(n.encoder("visible")) for n in (network, small)]
    np.testing.assert_allclose(flops[1] / flops[0], share, rtol=0.02)


def test_channels_inside_a_block_go_where_no_modality_keeps_them(
    network, small
):
    for name, gate in named_gates(network).items():
        if "_inner" in name:
            conv = name.replace("inner", "conv").removesuffix("_channel")
            kept = np.array(gate.mask).any(axis=0).sum()
            assert small.trunk.get_layer(conv).filters == kept


def test_a_non_local_block_loses_what_no_modality_keeps():
    network, small = made("non-local")
    mask = np.array(named_gates(network)["stage2_channel"].mask)
    kept = mask.any(axis=0).sum()
    block = small.trunk.get_layer("stage2_block2_non_local")
    assert block.w.kernel.shape[-1] == kept < mask.shape[-1]
    assert block.theta.kernel.shape[0] == kept


def test_a_gate_that_closes_nothing_any_more_is_left_out(infrared):
    assert not find_gates(infrared)
    network = two_gates()
    for gate in find_gates(network):
        gate.freeze(np.arange(gate.mask.shape[-1]) % 2)  # alike in both
    assert not find_gates(compact(network))


def test_with_every_gate_open_nothing_is_removed():
    network = small_network(inner=True)
    for gate in find_gates(network):
        gate.open()
    same = compact(network)
    assert not find_gates(same)
    for name in BOTH:
        np.testing.assert_allclose(
            embed(same, name), embed(network, name), atol=1e-6
        )


def test_a_modality_is_a_name_or_an_index(network, small, infrared):
    visible = compact(network, "visible")
    check_one(visible, small, "visible")
    for index, one in enumerate((visible, infrared)):
        name = BOTH[index]
        np.testing.assert_array_equal(
            embed(compact(network, index), name), embed(one, name)
        )
    with pytest.raises(ValueError, match="Received: modality='thermal'"):
        compact(network, "thermal")


@pytest.mark.parametrize("kind", ["small", "infrared"])
def test_it_survives_saving(kind, request, tmp_path):
    made = request.getfixturevalue(kind)
    made.save(tmp_path / "compact.keras")
    loaded = keras.models.load_model(tmp_path / "compact.keras")
    np.testing.assert_array_equal(
        embed(loaded, "infrared"), embed(made, "infrared")
    )


def test_the_network_it_was_made_from_stays_as_it_was():
    network = two_gates()
    before = snapshot(network.variables)
    small = compact(network)
    for variable in small.variables:
        variable.assign(np.zeros(variable.shape))
    for value, variable in zip(before, network.variables, strict=True):
        np.testing.assert_array_equal(value, variable)


def test_a_network_that_still_searches_raises():
    network = two_gates()
    named_gates(network)["stage1_channel"].search()
    with pytest.raises(ValueError, match="stage1_channel.*still searching"):
        compact(network)


def test_a_modality_may_keep_a_single_channel_everywhere():
    network = two_gates()
    for gate in find_gates(network):
        mask = np.zeros(gate.mask.shape)
        mask[0, ..., 0], mask[1, ..., 1] = 1.0, 1.0
        gate.freeze(mask)
    small = compact(network)
    assert_same_products(network, small)
    assert small.trunk.output["embedding"].shape[-1] == 2


def test_a_block_of_ones_own_that_keeps_to_no_rule_is_left_whole():
    """A backbone may have any layers: what is unknown is not removed."""

    @keras.saving.register_keras_serializable("tests")
    class Mixing(keras.layers.Layer):
        def call(self, inputs):
            return keras.ops.flip(inputs, axis=-1)

    def grow(maps, gates):
        maps = gates.channel("first", keras.layers.Conv2D(6, 1)(maps))
        maps = keras.layers.Conv2D(5, 3, activation="relu")(Mixing()(maps))
        return gates.output("last", gates.channel("last", maps))

    stem = shallow_backbone().make_stem
    keras.utils.set_random_seed(0)
    network = derived(reid_network(Backbone(stem, grow), IMAGE_SHAPE, 6))
    small = compact(network)
    assert_same_products(network, small)
