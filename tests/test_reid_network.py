import keras
import numpy as np
import pytest

from nfs_keras.layers import find_gates
from nfs_keras.models import count_flops, reid_network
from tests.search_cases import IMAGE_SHAPE, make_batch, make_network


@pytest.fixture(scope="module")
def network():
    return make_network()


def outputs_of(network, images):
    return {k: np.array(v) for k, v in network(images).items()}


def test_visible_rows_come_first_then_infrared_rows(network):
    images, _ = make_batch()
    rows = outputs_of(network, images)["embedding"]
    halves = [
        outputs_of(network, {**images, other: images[other][:0]})["embedding"]
        for other in ("infrared", "visible")
    ]
    np.testing.assert_allclose(rows, np.concatenate(halves), atol=1e-5)


@pytest.mark.parametrize("sizes", [(3, 1), (0, 2), (2, 0), (0, 0)])
def test_the_halves_may_have_any_sizes(network, sizes):
    images, _ = make_batch()
    visible, infrared = sizes
    outputs = outputs_of(
        network,
        {
            "visible": images["visible"][:visible],
            "infrared": images["infrared"][:infrared],
        },
    )
    assert outputs["logits"].shape == (visible + infrared, 6)


def test_an_encoder_gives_the_normalised_embedding_of_its_half(network):
    images, _ = make_batch()
    embeddings = outputs_of(network, images)["embedding"]
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    for modality, rows in (("visible", slice(4)), ("infrared", slice(4, 8))):
        encoder = network.encoder(modality)
        np.testing.assert_allclose(
            encoder(images[modality]), embeddings[rows], atol=1e-5
        )


def test_an_unknown_modality_has_no_encoder(network):
    with pytest.raises(ValueError, match="Received: modality='thermal'"):
        network.encoder("thermal")


@pytest.mark.parametrize(
    "search, inner",
    [
        ("dual", False),
        ("channel", False),
        ("spatial", False),
        ("dual", True),
        ("channel", True),
    ],
)
def test_with_open_gates_it_is_the_network_without_them(search, inner):
    plain, searching = make_network(None), make_network(search, inner=inner)
    searching.copy_features(plain)
    images, _ = make_batch()
    for training in (False, True):
        before = plain(images, training=training)
        after = searching(images, training=training, sample_gates=False)
        for name in before:
            np.testing.assert_array_equal(before[name], after[name])


def test_the_gates_of_a_modality_act_on_its_rows_alone(network):
    images, _ = make_batch()
    before = outputs_of(network, images)["pooled"]
    gate = network.cells["stage4"].channel
    mask = np.ones(gate.logits.shape)
    mask[1] = 0.0
    gate.freeze(mask)
    after = outputs_of(network, images)["pooled"]
    gate.search()
    np.testing.assert_array_equal(before[:4], after[:4])
    silent = np.array(network.pooling(np.zeros((1, 4, 2, 1))))  # near zero
    np.testing.assert_allclose(after[4:], silent[0, 0], rtol=1e-5)
    assert np.abs(before[4:]).max() > 100 * silent.max()


def test_a_closed_channel_is_zero_in_the_whole_stage():
    network = reid_network("resnet18", (32, 32, 3), 4, "channel")
    stage = network.stages[1]
    mask = np.ones(stage.cell.logits.shape)
    mask[..., 7] = 0.0
    stage.cell.freeze(mask)
    maps = np.random.default_rng(0).normal(size=(2, 8, 8, 64))
    keep = stage.cell.keep(2, np.array([0, 1]))
    for block in stage.blocks:
        maps = np.array(block(maps, keep=keep))
        assert not maps[..., 7].any()
        assert maps[..., 8].any()


def test_a_closed_inner_channel_is_one_that_its_convolution_never_made():
    network = make_network("channel", inner=True)
    block = network.stages[1].blocks[0]
    mask = np.ones(block.inner_gates[0].logits.shape)
    mask[:, ..., 7] = 0.0
    block.inner_gates[0].freeze(mask)
    maps = np.random.default_rng(0).normal(size=(2, 8, 4, 24))
    gated = np.array(block(maps, modality=np.array([0, 1])))
    for variable in (block.branch[0].norm.gamma, block.branch[0].norm.beta):
        variable.assign(np.where(np.arange(48) == 7, 0.0, variable))
    block.inner_gates[0].open()
    np.testing.assert_allclose(
        gated, block(maps, modality=np.array([0, 1])), atol=1e-6
    )


@pytest.mark.parametrize("inner", [False, True])
def test_it_survives_saving(inner, tmp_path):
    network = make_network(inner=inner)
    gates = find_gates(network)
    for i, gate in enumerate(gates):  # each its own, lest two be swapped
        gate.logits.assign(np.full(gate.logits.shape, i - len(gates) / 2))
    images, _ = make_batch()
    network.save(tmp_path / "network.keras")
    loaded = keras.models.load_model(tmp_path / "network.keras")
    before, after = network(images), loaded(images)
    for name in before:
        np.testing.assert_array_equal(before[name], after[name])


def test_its_search_variables_are_two_per_dual_cell(network):
    assert len(network.search_variables) == 2 * len(network.cells) == 8
    assert len(find_gates(network)) == 8


def test_inner_gates_are_cells_of_their_own():
    network = reid_network("resnet50", (32, 32, 3), 4, inner=True, seed=0)
    assert len(network.cells) == 4 + 2 * 16
    assert len(network.search_variables) == 2 * 4 + 2 * 16
    seeds = [gate.seed for gate in find_gates(network) if "inner" in gate.name]
    assert len(set(seeds)) == 2 * 16  # no two draw the same noise


@pytest.mark.parametrize("shape", [(64, 32, 3), (96, 48, 3)])
def test_the_tiny_backbone_stays_under_150_mflop(shape):
    network = reid_network("tiny", shape, 10, None)
    assert count_flops(network.encoder("visible")) < 150e6


def test_resnet50_has_the_geometry_of_agw():
    network = reid_network("resnet50", num_identities=10)
    shape = (None, 288, 144, 3)
    shape = network.stems["visible"].compute_output_shape(shape)
    for stage in network.stages:
        shape = stage.compute_output_shape(shape)
    assert shape == (None, 18, 9, 2048)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"backbone": "vgg"}, "Received: backbone='vgg'"),
        ({"search": "all"}, "Received: search='all'"),
        ({"search": "spatial", "inner": True}, "Received: inner=True"),
    ],
)
def test_unknown_names_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        reid_network(**{"backbone": "tiny", **arguments})


def test_pixels_are_normalised_once_inside(network):
    stem = network.stems["visible"]
    grey = np.full((1, *IMAGE_SHAPE), 128.0, "float32")
    same = (grey / 255 - stem.mean) / stem.deviation
    kernel = np.array(stem.conv.conv.kernel)
    center = np.array(stem.conv.conv(same.astype("float32")))[0, 5, 5]
    np.testing.assert_allclose(
        center, np.einsum("hwio,i->o", kernel, same[0, 0, 0]), atol=1e-4
    )
