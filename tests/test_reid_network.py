import copy

import keras
import numpy as np
import pytest
import tensorflow as tf
from search_cases import (
    IMAGE_SHAPE,
    make_batch,
    make_network,
    maps_behind,
    shallow_backbone,
    snapshot,
)

from nfs_keras.layers import find_gates
from nfs_keras.models import count_flops, named_gates, reid_network


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


def empty_batches_keep_their_shape():
    """Whether TensorFlow's own convolution does; oneDNN's may not."""
    maps, kernel = tf.zeros((0, 4, 4, 2)), tf.zeros((3, 3, 2, 5))
    return tf.nn.conv2d(maps, kernel, 1, "SAME").shape[-1] == 5


@pytest.mark.parametrize(
    "sizes",
    [
        (3, 1),
        (0, 2),
        (2, 0),
        pytest.param(
            (0, 0),
            marks=pytest.mark.skipif(
                not empty_batches_keep_their_shape(),
                reason="TensorFlow's convolution of nothing has a wrong shape",
            ),
        ),
    ],
)
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


def test_an_encoder_shares_the_weights_of_its_network():
    network = make_network("channel")
    images, _ = make_batch()
    encoder = network.encoder("visible")
    before = np.array(encoder(images["visible"]))
    classifier = network.named_variables()["classifier/kernel"]
    for variable in network.variables:
        if variable is not classifier and "seed" not in variable.path:
            variable.assign(1.1 * variable)
    embedding = np.array(network(images)["embedding"])[:4]
    embedding /= np.linalg.norm(embedding, axis=1, keepdims=True)
    after = np.array(encoder(images["visible"]))
    np.testing.assert_allclose(after, embedding, atol=1e-5)
    assert np.abs(after - before).max() > 1e-3


def test_an_unknown_modality_has_no_encoder(network):
    with pytest.raises(ValueError, match="Received: modality='thermal'"):
        network.encoder("thermal")


@pytest.mark.parametrize(
    "search, options",
    [
        ("dual", {}),
        ("dual", {"combine": "sum"}),
        ("channel", {}),
        ("spatial", {}),
        ("dual", {"inner": True}),
        ("channel", {"inner": True}),
    ],
)
def test_with_open_gates_it_is_the_network_without_them(search, options):
    plain, searching = make_network(None), make_network(search, **options)
    searching.copy_features(plain)
    for gate in find_gates(searching):
        gate.open()
    images, _ = make_batch()
    for training in (False, True):
        before = plain(images, training=training)
        after = searching(images, training=training)
        for name in before:
            np.testing.assert_array_equal(before[name], after[name])


def test_the_gates_of_a_modality_act_on_its_rows_alone(network):
    images, _ = make_batch()
    before = outputs_of(network, images)
    gate = named_gates(network)["stage4_channel"]
    mask = np.ones(gate.logits.shape)
    mask[1] = 0.0
    gate.freeze(mask)
    after = outputs_of(network, images)
    gate.search()
    np.testing.assert_array_equal(before["pooled"][:4], after["pooled"][:4])
    pooling = network.trunk.get_layer("pooling")
    silent = np.array(pooling(np.zeros((1, 4, 2, 1))))  # near zero
    np.testing.assert_allclose(after["pooled"][4:], silent[0, 0], rtol=1e-5)
    assert np.abs(before["pooled"][4:]).max() > 100 * silent.max()


def test_an_embedding_lacks_what_is_closed_for_every_modality(network):
    images, _ = make_batch()
    gate = named_gates(network)["stage4_channel"]
    mask = np.ones(gate.logits.shape)
    mask[:, :3] = 0.0
    mask[0, 3] = 0.0
    gate.freeze(mask)
    embedding = outputs_of(network, images)["embedding"]
    gate.search()
    assert not embedding[:, :3].any()
    assert embedding[:, 3:].any(axis=0).all()


def test_while_a_search_lasts_the_embedding_is_the_necks():
    network = make_network("channel", initial_logit=-1.0)
    images, _ = make_batch()
    assert outputs_of(network, images)["embedding"].any(axis=0).all()


def test_a_closed_channel_is_zero_in_the_whole_stage():
    network = reid_network("resnet18", (32, 32, 3), 4, "channel")
    gate = named_gates(network)["stage2_channel"]
    mask = np.ones(gate.logits.shape)
    mask[..., 7] = 0.0
    gate.freeze(mask)
    maps = np.random.default_rng(0).normal(size=(2, 8, 8, 64))
    ends = [f"stage2_block{i}_relu" for i in (1, 2)]
    for found in maps_behind(network, maps, *ends):
        assert not np.array(found)[..., 7].any()
        assert np.array(found)[..., 8].any()


def test_a_closed_inner_channel_is_one_that_its_convolution_never_made():
    network = make_network("channel", inner=True)
    gate = named_gates(network)["stage2_block1_inner1_channel"]
    mask = np.ones(gate.logits.shape)
    mask[:, ..., 7] = 0.0
    gate.freeze(mask)
    images, _ = make_batch()
    gated = outputs_of(network, images)
    norm = network.trunk.get_layer("stage2_block1_conv1_norm")
    for variable in (norm.gamma, norm.beta):
        variable.assign(np.where(np.arange(48) == 7, 0.0, variable))
    gate.open()
    for name, value in outputs_of(network, images).items():
        np.testing.assert_allclose(gated[name], value, atol=1e-5)


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
    assert list(named_gates(loaded)) == list(named_gates(network))


def test_its_gates_are_two_per_stage(network):
    names = [
        f"stage{i}_{x}" for i in range(1, 5) for x in ("channel", "spatial")
    ]
    assert sorted(named_gates(network)) == names


def test_inner_gates_stand_between_the_convolutions_of_every_block():
    network = reid_network("resnet50", (32, 32, 3), 4, inner=True, seed=0)
    inner = [name for name in named_gates(network) if "_inner" in name]
    assert len(named_gates(network)) == 2 * 4 + 2 * 16
    assert len(inner) == 2 * 16
    assert "stage4_block3_inner2_channel" in inner


def test_no_two_gates_draw_the_same_noise():
    network = make_network(inner=True, seed=0, noise="batch")
    pixels = [g for n, g in named_gates(network).items() if "spatial" in n]
    states = {tuple(np.array(g.seed_generator.state)) for g in pixels}
    assert len(states) == len(pixels) == 4
    one, other = (np.array(g.keep(1, 0, training=True)) for g in pixels[2:])
    assert one.shape == other.shape  # stages 3 and 4 are as large
    assert not np.array_equal(one, other)


def test_two_networks_of_one_backbone_share_nothing():
    backbone = shallow_backbone([{"filters": 4, "inner": 4, "project": True}])
    one, other = (reid_network(backbone, IMAGE_SHAPE, 6) for _ in range(2))
    assert not {id(v) for v in one.variables} & {id(v) for v in other.variables}
    before = snapshot(other.variables)
    for variable in one.trainable_variables:
        variable.assign(variable + 1.0)
    for old, variable in zip(before, other.variables, strict=True):
        np.testing.assert_array_equal(old, variable)


@pytest.mark.parametrize("shape", [(64, 32, 3), (96, 48, 3)])
def test_the_tiny_backbone_stays_under_150_mflop(shape):
    network = reid_network("tiny", shape, 10, None)
    assert count_flops(network.encoder("visible")) < 150e6


@pytest.mark.parametrize("backbone", ["resnet50", "agw", "imagenet_resnet50"])
def test_resnet50_has_the_geometry_of_agw(backbone):
    network = reid_network(backbone, num_identities=10, search="channel")
    layer = network.trunk.get_layer("stage4_block3_relu")
    assert layer.output.shape == (None, 18, 9, 2048)


@pytest.mark.parametrize("backbone", ["agw", "resnet50"])
def test_agw_has_attention_behind_its_last_residual_blocks(backbone):
    network = reid_network(backbone, (32, 32, 3), 10, search=None)
    found = [
        layer.name.removesuffix("_non_local")
        for layer in network.trunk.layers
        if layer.name.endswith("_non_local")
    ]
    expected = [f"stage2_block{i}" for i in (3, 4)]
    expected += [f"stage3_block{i}" for i in (4, 5, 6)]
    assert found == (expected if backbone == "agw" else [])


def test_there_are_no_biases_in_the_head(network):
    names = network.named_variables()
    head = {n for n in names if n.startswith(("neck/", "classifier/"))}
    assert head == {
        "neck/gamma", "neck/moving_mean", "neck/moving_variance",
        "classifier/kernel",
    }  # fmt: skip


def test_the_head_starts_as_in_the_recipe():
    keras.utils.set_random_seed(0)
    network = reid_network("tiny", IMAGE_SHAPE, 300, None)
    names = {k: np.array(v) for k, v in network.named_variables().items()}
    gamma, kernel = names["neck/gamma"], names["classifier/kernel"]
    assert np.isclose(gamma.mean(), 1.0, atol=3e-3)
    assert np.isclose(gamma.std(), 0.01, rtol=0.2)
    assert np.isclose(kernel.mean(), 0.0, atol=1e-4)
    assert np.isclose(kernel.std(), 0.001, rtol=0.05)


def test_training_moves_the_neck_a_tenth_of_the_way():
    network = make_network(None)
    pooled = np.array(network(make_batch()[0], training=True)["pooled"])
    neck = network.trunk.get_layer("neck")
    np.testing.assert_allclose(
        neck.moving_mean, 0.1 * pooled.mean(axis=0), rtol=1e-3, atol=1e-6
    )


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"backbone": "vgg"}, "Received: backbone='vgg'"),
        ({"search": "all"}, "search='all'"),
        ({"search": "spatial", "inner": True}, "Received: inner=True"),
        ({"num_identities": 0}, "Received: num_identities=0"),
    ],
)
def test_arguments_that_make_no_network_raise(arguments, message):
    with pytest.raises(ValueError, match=message):
        reid_network(**{"backbone": "tiny", **arguments})


def test_pixels_are_normalised_once_inside(network):
    stem = network.stems["visible"]
    grey = np.full((1, *IMAGE_SHAPE), 128.0, "float32")
    mean, deviation = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    same = (grey / 255 - mean) / deviation
    kernel = np.array(stem.get_layer("conv").kernel)
    maps = keras.Model(stem.input, stem.get_layer("conv").output)(grey)
    np.testing.assert_allclose(
        np.array(maps)[0, 5, 5],
        np.einsum("hwio,i->o", kernel, same[0, 0, 0]),
        atol=1e-4,
    )


def test_a_configuration_that_is_read_stays_as_it_was():
    network = make_network(inner=True)
    config = network.get_config()
    before = copy.deepcopy(config)
    again = type(network).from_config(config)
    assert config == before
    assert list(named_gates(again)) == list(named_gates(network))
