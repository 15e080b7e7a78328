import keras
import numpy as np
import pytest
import tensorflow as tf
from nfs_keras.backbones import keras_backbone

from nfs_keras.models import (
    Architecture,
    compact,
    import_weights,
    reid_network,
)
from tests.search_cases import (
    NUM_IDENTITIES,
    make_batch,
    make_pairs,
    make_search,
)

IMAGE_SHAPE = (64, 32, 3)  # about the smallest that this family takes
STEM, STAGES = "block_2_add", ["block_4_add", "block_6_expand_relu"]
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


def make_network(model, search="dual"):
    backbone = keras_backbone(model, STEM, STAGES, preprocess)
    return reid_network(backbone, IMAGE_SHAPE, NUM_IDENTITIES, search)


@pytest.fixture(scope="module")
def network(model):
    return make_network(model)


def enlarged(*batch):
    """Doubles the sides of the pictures in a batch, or in a pair of them."""

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
        for stage in network.stages:
            maps = stage(maps, modality=index)
        end = keras.Model(model.input, model.get_layer(STAGES[-1]).output)
        expected = end(preprocess(images[modality]))
        assert np.ptp(expected) > 0.01
        np.testing.assert_allclose(maps, expected, atol=1e-5)


def test_a_search_trains_gates_and_private_stems(model, network):
    before = [np.array(v) for v in model.variables]
    search = make_search(network)
    logits = [np.array(v) for v in search.search_variables]
    search.fit(make_pairs(count=1).map(enlarged), verbose=0)
    for old, new in zip(logits, search.search_variables, strict=True):
        assert (old != np.array(new)).any()
    kernels = [s.trainable_variables[0] for s in network.stems.values()]
    assert (np.array(kernels[0]) != np.array(kernels[1])).any()
    for old, new in zip(before, model.variables, strict=True):
        np.testing.assert_array_equal(old, new)


def test_it_survives_saving(network, images, tmp_path):
    network.save(tmp_path / "network.keras")
    loaded = keras.models.load_model(tmp_path / "network.keras")
    before, after = outputs_of(network, images), outputs_of(loaded, images)
    for name in before:
        np.testing.assert_array_equal(before[name], after[name])


def test_its_weights_can_be_imported(model, network, tmp_path):
    network.save(tmp_path / "network.keras")
    plain = make_network(model, search=None)
    import_weights(plain, tmp_path / "network.keras")
    for mine, other in zip(
        plain.variables, network.feature_variables, strict=True
    ):
        np.testing.assert_array_equal(mine, other)


@pytest.mark.parametrize("search", ["channel", "spatial", None])
def test_compact_refuses_it(model, search):
    network = make_network(model, search)
    if search is not None:
        Architecture.derive(network).apply(network)
    with pytest.raises(ValueError, match="Received: stage 'stage1'"):
        compact(network)


def test_a_cut_across_a_shortcut_is_refused(model):
    with pytest.raises(ValueError, match="Received: a piece.*'block_5_add'"):
        keras_backbone(model, "block_5_expand", ["block_5_add"])


def test_a_name_must_be_of_a_layer(model):
    with pytest.raises(ValueError, match="No such layer: block_99"):
        keras_backbone(model, "block_99", STAGES)


def test_a_model_may_prepare_pixels_itself():
    image = keras.Input(IMAGE_SHAPE)
    maps = keras.layers.Rescaling(1 / 255)(image)
    maps = keras.layers.Conv2D(4, 3, 2, name="stem")(maps)
    maps = keras.layers.Conv2D(8, 3, activation="relu", name="end")(maps)
    model = keras.Model(image, maps)
    backbone = keras_backbone(model, "stem", ["end"])
    images = tf.random.uniform((2, *IMAGE_SHAPE), 0, 255)
    (stage,) = backbone.stages
    np.testing.assert_allclose(
        stage[0](backbone.make_stem("visible")(images)), model(images)
    )
