import keras
import numpy as np
import pytest
import tensorflow as tf
from search_cases import (
    NUM_IDENTITIES,
    make_batch,
    make_pairs,
    make_search,
    maps_behind,
    snapshot,
)

from nfs_keras.layers import find_gates
from nfs_keras.models import (
    Architecture,
    compact,
    count_flops,
    import_weights,
    keras_backbone,
    named_gates,
    reid_network,
)

IMAGE_SHAPE = (64, 32, 3)  # about the smallest that this family takes
STEM = "expanded_conv_project_BN"
AFTER = ["block_2_add", "block_3_expand_relu"]
preprocess = keras.applications.mobilenet_v2.preprocess_input


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    model = keras.applications.MobileNetV2(
        IMAGE_SHAPE, alpha=0.35, include_top=False, weights=None
    )
    for variable in model.variables:
        if variable.name == "moving_variance":  # keeps random maps alive
            variable.assign(0.1 * variable)
    return model


@pytest.fixture(scope="module")
def backbone(model):
    return keras_backbone(model, STEM, AFTER, preprocess)


@pytest.fixture(scope="module")
def network(backbone):
    return reid_network(backbone, IMAGE_SHAPE, NUM_IDENTITIES)


@pytest.fixture(scope="module")
def path(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("backbone") / "network.keras"
    network.save(path)
    return path


def enlarged(*batch):
    """Doubles the sides of the images in a batch, or in a pair of them."""

    def enlarge(x):
        return tf.repeat(tf.repeat(x, 2, 1), 2, 2) if x.ndim == 4 else x

    return tf.nest.map_structure(enlarge, batch)


@pytest.fixture(scope="module")
def images():
    return enlarged(*make_batch())[0]


def outputs_of(network, images):
    return {k: np.array(v) for k, v in network(images).items()}


def test_with_open_gates_its_maps_are_those_of_the_model(
    model, network, images
):
    for modality, index in (("visible", 0), ("infrared", 1)):
        maps = network.stems[modality](images[modality])
        maps = maps_behind(network, maps, index=index)
        end = keras.Model(model.input, model.get_layer(AFTER[-1]).output)
        expected = end(preprocess(images[modality]))
        assert np.ptp(expected) > 0.01
        np.testing.assert_allclose(maps, expected, atol=1e-5)


def test_its_gates_are_named_like_the_layers_before_them(network):
    assert sorted(named_gates(network)) == sorted(
        f"{layer}_{level}"
        for layer in AFTER
        for level in ("channel", "spatial")
    )


def test_a_search_trains_gates_and_private_stems(model, backbone):
    network = reid_network(backbone, IMAGE_SHAPE, NUM_IDENTITIES)
    before = snapshot(model.variables)
    search = make_search(network, run_eagerly=True)
    logits = snapshot(search.search_variables)
    search.fit(make_pairs(count=1).map(enlarged), verbose=0)
    for old, new in zip(logits, search.search_variables, strict=True):
        assert (old != np.array(new)).any()
    kernels = [s.trainable_variables[0] for s in network.stems.values()]
    assert (np.array(kernels[0]) != np.array(kernels[1])).any()
    for old, new in zip(before, model.variables, strict=True):
        np.testing.assert_array_equal(old, new)


def test_two_networks_of_one_backbone_share_nothing(backbone, network):
    other = reid_network(backbone, IMAGE_SHAPE, NUM_IDENTITIES)
    ours = {id(v) for v in network.variables}
    assert not ours & {id(v) for v in other.variables}
    stems = [{id(v) for v in stem.variables} for stem in other.stems.values()]
    assert not stems[0] & stems[1]
    theirs = other.named_variables()
    for name, mine in network.named_variables().items():
        if name.startswith(("visible_stem", "block_")):
            np.testing.assert_array_equal(mine, theirs[name])


def test_its_batch_norms_move_in_a_short_training(model, network):
    slow = keras_backbone(model, STEM, AFTER, batch_norm_momentum=0.5)
    other = reid_network(slow, IMAGE_SHAPE, NUM_IDENTITIES, search=None)
    for made, momentum in ((network, 0.9), (other, 0.5)):
        norms = [
            layer
            for part in (made.trunk, *made.stems.values())
            for layer in part.layers
            if isinstance(layer, keras.layers.BatchNormalization)
            and layer.name != "neck"
        ]
        assert len(norms) > 10
        assert {norm.momentum for norm in norms} == {momentum}
    of_model = model.get_layer("block_1_expand_BN")
    assert of_model.momentum == 0.999  # stays as it was


def test_it_survives_saving(network, path, images):
    loaded = keras.models.load_model(path)
    before, after = outputs_of(network, images), outputs_of(loaded, images)
    for name in before:
        np.testing.assert_array_equal(before[name], after[name])


def test_its_weights_can_be_imported(backbone, network, path):
    plain = reid_network(backbone, IMAGE_SHAPE, NUM_IDENTITIES, search=None)
    import_weights(plain, path)
    theirs = network.named_variables()
    for name, mine in plain.named_variables().items():
        np.testing.assert_array_equal(mine, theirs[name])


def choose_at_random(network):
    generator = np.random.default_rng(0)
    for gate in find_gates(network):
        gate.logits.assign(generator.normal(size=gate.logits.shape))


@pytest.mark.parametrize("search", ["dual", "spatial"])
def test_it_is_compacted_like_any_other(search, backbone, images):
    network = reid_network(backbone, IMAGE_SHAPE, NUM_IDENTITIES, search)
    choose_at_random(network)
    Architecture.derive(network).apply(network)
    for names in (["visible", "infrared"], ["visible"], ["infrared"]):
        small = compact(network, None if len(names) == 2 else names[0])
        encoders = [[n.encoder(x) for x in names] for n in (network, small)]
        before, after = (
            np.concatenate(
                [e(images[x]) for e, x in zip(made, names, strict=True)]
            )
            for made in encoders
        )
        np.testing.assert_allclose(
            after @ after.T, before @ before.T, atol=1e-5
        )
        operations = [count_flops(made[0]) for made in encoders]
        if search == "spatial":
            assert operations[1] == operations[0]
        else:
            assert operations[1] < operations[0]
            assert after.shape[1] < before.shape[1]


def test_a_budget_is_met_in_it(model):
    after = [f"block_{i}_expand_relu" for i in (1, 2, 3)]
    backbone = keras_backbone(model, STEM, after, preprocess)
    network = reid_network(backbone, IMAGE_SHAPE, NUM_IDENTITIES)
    choose_at_random(network)
    architecture = Architecture.derive(network, budget=0.8)
    assert abs(architecture.share_of_operations(network) - 0.8) < 0.01
    architecture.apply(network)
    flops = [
        count_flops(n.encoder("visible")) for n in (network, compact(network))
    ]
    np.testing.assert_allclose(flops[1] / flops[0], 0.8, atol=0.01)


def test_a_split_across_a_shortcut_raises(model):
    backbone = keras_backbone(model, "block_2_expand", ["block_2_add"])
    with pytest.raises(ValueError, match="Received: a part.*'block_2_add'"):
        reid_network(backbone, IMAGE_SHAPE, 6)


def test_a_name_must_be_of_a_layer(model):
    with pytest.raises(ValueError, match="does not have.*block_99"):
        keras_backbone(model, "block_99", AFTER)


def test_a_model_may_prepare_pixels_itself():
    image = keras.Input(IMAGE_SHAPE)
    maps = keras.layers.Rescaling(1 / 255)(image)
    maps = keras.layers.Conv2D(4, 3, 2, name="stem")(maps)
    maps = keras.layers.Conv2D(8, 3, activation="relu", name="end")(maps)
    model = keras.Model(image, maps)
    network = reid_network(
        keras_backbone(model, "stem", ["end"]), IMAGE_SHAPE, 6, search=None
    )
    images = tf.random.uniform((2, *IMAGE_SHAPE), 0, 255)
    maps = network.stems["visible"](images)
    np.testing.assert_allclose(
        maps_behind(network, maps), model(images), atol=1e-6
    )
