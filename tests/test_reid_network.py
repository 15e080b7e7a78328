import copy

import keras
import numpy as np
import pytest
import tensorflow as tf
from reid_cases import two_stages
from search_cases import (
    IMAGE_SHAPE,
    make_batch,
    maps_behind,
    shallow_backbone,
    snapshot,
)

from nfs_keras.layers import find_gates
from nfs_keras.models import count_flops, named_gates, reid_network
from nfs_keras.reid import NonLocal


@pytest.fixture(scope="module")
def network():
    return two_stages()


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
    images["visible"] = images["visible"][:visible]
    images["infrared"] = images["infrared"][:infrared]
    logits = outputs_of(network, images)["logits"]
    assert logits.shape == (visible + infrared, 6)


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
    network = two_stages("channel")
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


@pytest.fixture(scope="module")
def plain():
    """A network without gates, and its outputs by whether it trains."""
    network = two_stages(None)
    images, _ = make_batch()
    trained = network(images, training=True)  # moves the statistics
    return network, {True: trained, False: network(images)}


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
def test_with_open_gates_it_is_the_network_without_them(search, options, plain):
    network, outputs = plain
    searching = two_stages(search, **options)
    searching.copy_features(network)
    for gate in find_gates(searching):
        gate.open()
    images, _ = make_batch()
    for training in (False, True):
        after = searching(images, training=training)
        for name, before in outputs[training].items():
            np.testing.assert_array_equal(before, after[name])


def test_the_gates_of_a_modality_act_on_its_rows_alone(network):
    images, _ = make_batch()
    before = outputs_of(network, images)
    gate = named_gates(network)["stage2_channel"]
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
    gate = named_gates(network)["stage2_channel"]
    mask = np.ones(gate.logits.shape)
    mask[:, :3] = 0.0
    mask[0, 3] = 0.0
    gate.freeze(mask)
    embedding = outputs_of(network, images)["embedding"]
    gate.search()
    assert not embedding[:, :3].any()
    assert embedding[:, 3:].any(axis=0).all()


def test_while_a_search_lasts_the_embedding_is_the_necks():
    network = two_stages("channel", initial_logit=-1.0)
    images, _ = make_batch()
    assert outputs_of(network, images)["embedding"].any(axis=0).all()


def test_a_closed_channel_is_zero_in_the_whole_stage():
    network = two_stages("channel")
    gate = named_gates(network)["stage2_channel"]
    mask = np.ones(gate.logits.shape)
    mask[..., 7] = 0.0
    gate.freeze(mask)
    maps = np.random.default_rng(0).normal(size=(2, 16, 8, 4))
    ends = [f"stage2_block{i}_relu" for i in (1, 2)]
    for found in maps_behind(network, maps, *ends):
        assert not np.array(found)[..., 7].any()
        assert np.array(found)[..., 8].any()


def test_a_closed_inner_channel_is_one_that_its_convolution_never_made():
    network = two_stages("channel", inner=True)
    gate = named_gates(network)["stage2_block1_inner1_channel"]
    mask = np.ones(gate.logits.shape)
    mask[:, ..., 2] = 0.0
    gate.freeze(mask)
    images, _ = make_batch()
    gated = outputs_of(network, images)
    norm = network.trunk.get_layer("stage2_block1_conv1_norm")
    for variable in (norm.gamma, norm.beta):
        variable.assign(np.where(np.arange(4) == 2, 0.0, variable))
    gate.open()
    for name, value in outputs_of(network, images).items():
        np.testing.assert_allclose(gated[name], value, atol=1e-5)


def test_it_survives_saving(tmp_path):
    network = two_stages(inner=True)
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
    names = [f"stage{i}_{x}" for i in (1, 2) for x in ("channel", "spatial")]
    assert sorted(named_gates(network)) == names


def test_no_two_gates_draw_the_same_noise():
    stages = 4 * [[{"filters": 4, "inner": 4, "project": True}]]
    backbone = shallow_backbone(*stages)
    network = reid_network(
        backbone, IMAGE_SHAPE, 6, inner=True, seed=0, noise="batch"
    )
    pixels = [g for n, g in named_gates(network).items() if "spatial" in n]
    states = {tuple(np.array(g.seed_generator.state)) for g in pixels}
    assert len(states) == len(pixels) == 4
    one, other = (np.array(g.keep(1, 0, training=True)) for g in pixels[2:])
    assert one.shape == other.shape
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


@pytest.mark.parametrize("backbone", ["agw", "resnet50"])
def test_resnet50_is_agw_without_its_attention(backbone):
    """Inner gates stand between the convolutions of all 16 blocks."""
    network = reid_network(
        backbone, num_identities=10, search="channel", inner=True
    )
    maps = network.trunk.get_layer("stage4_block3_relu").output
    assert maps.shape == (None, 18, 9, 2048)
    gates = list(named_gates(network))
    inner = [name for name in gates if "_inner" in name]
    assert len(gates) == 4 + 2 * 16
    assert len(inner) == 2 * 16
    assert "stage4_block3_inner2_channel" in inner
    found = [x for x in network.trunk.layers if isinstance(x, NonLocal)]
    names = [layer.name.removesuffix("_non_local") for layer in found]
    expected = [f"stage2_block{i}" for i in (3, 4)]
    expected += [f"stage3_block{i}" for i in (4, 5, 6)]
    assert names == (expected if backbone == "agw" else [])
    assert all(layer.inner_filters == 1 for layer in found)
    for layer in found:  # its norm starts at zero: it is the identity
        norm = network.trunk.get_layer(f"{layer.name}_norm")
        assert not np.any(norm.gamma)


def test_resnet18_has_two_blocks_a_stage_and_a_last_stride_of_one():
    network = reid_network("resnet18", (32, 32, 3), 4, search=None)
    layers = {layer.name: layer for layer in network.trunk.layers}
    ends = [name for name in layers if name.endswith("_conv2")]
    assert ends == [
        f"stage{i}_block{k}_conv2" for i in range(1, 5) for k in (1, 2)
    ]
    assert layers["stage4_block2_relu"].output.shape == (None, 2, 2, 512)


def test_there_are_no_biases_in_the_head(network):
    names = network.named_variables()
    head = {n for n in names if n.startswith(("neck/", "classifier/"))}
    assert head == {
        "neck/gamma", "neck/moving_mean", "neck/moving_variance",
        "classifier/kernel",
    }  # fmt: skip


def test_the_head_starts_as_in_the_recipe():
    keras.utils.set_random_seed(0)
    stage = [{"filters": 192, "inner": 4, "project": True}]
    network = reid_network(shallow_backbone(stage), IMAGE_SHAPE, 300, None)
    names = {k: np.array(v) for k, v in network.named_variables().items()}
    gamma, kernel = names["neck/gamma"], names["classifier/kernel"]
    assert np.isclose(gamma.mean(), 1.0, atol=3e-3)
    assert np.isclose(gamma.std(), 0.01, rtol=0.2)
    assert np.isclose(kernel.mean(), 0.0, atol=1e-4)
    assert np.isclose(kernel.std(), 0.001, rtol=0.05)


def test_training_moves_the_neck_a_tenth_of_the_way():
    network = two_stages(None)
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
    network = two_stages(inner=True)
    config = network.get_config()
    before = copy.deepcopy(config)
    again = type(network).from_config(config)
    assert config == before
    assert list(named_gates(again)) == list(named_gates(network))
