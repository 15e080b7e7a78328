"""Our ResNet-50 is that of `keras.applications`, but for the last stride."""

from functools import partial

import h5py
import keras
import numpy as np
import pytest
from search_cases import identical, maps_behind

from nfs_keras.models import import_weights, reid_network
from nfs_keras.reid.backbones import (
    grow_residual,
    imagenet_resnet50,
    residual_stages,
)
from nfs_keras.reid.imagenet_weights import imagenet_arrays, load_application
from nfs_keras.reid.weights import arrays_of

IMAGE_SHAPE = (64, 32, 3)
LAST_STRIDES = ("conv5_block1_0_conv", "conv5_block1_1_conv")


@pytest.fixture(scope="module")
def model():
    """The model with weights, biases and statistics that are no special case.

    One layer's variances are zero: there another epsilon shows.
    """
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    model = keras.applications.ResNet50(
        include_top=False, weights=None, input_shape=IMAGE_SHAPE
    )
    for variable in model.variables:
        if variable.name in ("gamma", "beta", "bias", "moving_mean"):
            middle = float(variable.name == "gamma")
            values = rng.uniform(middle - 0.5, middle + 0.5, variable.shape)
            variable.assign(values)
        if variable.name == "moving_variance":
            variable.assign(rng.uniform(0.5, 1.5, variable.shape))
    silent = model.get_layer("conv5_block3_3_bn").moving_variance
    silent.assign(np.zeros(silent.shape))
    return model


@pytest.fixture(scope="module")
def network(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("imagenet") / "resnet50.weights.h5"
    model.save_weights(path)
    return reid_network(
        imagenet_resnet50(non_local=True),
        IMAGE_SHAPE,
        num_identities=5,
        search=None,
        weights=path,
    )


def test_every_stage_gives_the_maps_of_keras_applications(
    model, network, monkeypatch
):
    rng = np.random.default_rng(1)
    images = rng.uniform(0, 255, (2, *IMAGE_SHAPE)).astype("float32")
    names = ["pool1_pool", "conv2_block3_out", "conv3_block4_out"]
    names += ["conv4_block6_out", "conv5_block3_out"]
    taps = keras.Model(model.input, [model.get_layer(n).output for n in names])
    for name in LAST_STRIDES:  # as ours have it
        monkeypatch.setattr(model.get_layer(name), "strides", (1, 1))
    pixels = keras.applications.resnet50.preprocess_input(images.copy())
    theirs = taps(pixels)
    stems = [np.array(stem(images)) for stem in network.stems.values()]
    np.testing.assert_array_equal(*stems)
    maps = stems[0]
    ends = [f"stage{i}_block{n}_relu" for i, n in enumerate((3, 4, 6, 3), 1)]
    # A non-local block, which starts as the identity, follows some of them.
    found = [maps, *maps_behind(network, maps, *ends)]
    assert found[-1].shape == (2, 4, 2, 2048)  # the geometry of AGW
    for output, expected in zip(found, theirs, strict=True):
        scale = np.ptp(expected)
        np.testing.assert_allclose(output / scale, expected / scale, atol=1e-5)


@pytest.fixture(scope="module")
def begun(model):
    """The model up to the first block of its second stage."""
    end = model.get_layer("conv3_block1_out").output
    return keras.Model(model.input, end)


def test_its_weights_are_read_from_an_h5_file_too(begun, tmp_path, monkeypatch):
    def make(weights, **arguments):
        twin = keras.models.clone_model(begun)
        twin.load_weights(weights)
        return twin

    monkeypatch.setattr(keras.applications, "ResNet50", make)
    begun.save(tmp_path / "resnet.h5")
    loaded = load_application(tmp_path / "resnet.h5")
    assert identical(loaded.get_weights(), begun.get_weights())


def test_they_are_read_from_a_whole_file(begun, tmp_path):
    begun.save(tmp_path / "resnet.keras")
    stages = residual_stages((3, 1, 0, 0), bottleneck=True, stride_first=True)
    grow = partial(grow_residual, stages=stages)
    backbone = imagenet_resnet50()._replace(grow=grow)
    network = reid_network(backbone, IMAGE_SHAPE, 5, search=None)
    whole = imagenet_arrays(network, begun)
    import_weights(network, tmp_path / "resnet.keras")
    mine = arrays_of(network)
    assert set(mine) - set(whole) == {
        *("neck/gamma", "neck/moving_mean", "neck/moving_variance"),
        "classifier/kernel",
    }
    for name, array in whole.items():
        np.testing.assert_array_equal(mine[name], array)


@pytest.mark.parametrize("top", [True, False])
def test_its_classifier_is_expected_where_there_is_one(
    top, tmp_path, monkeypatch
):
    monkeypatch.setattr(keras.applications, "ResNet50", lambda **given: given)
    with h5py.File(tmp_path / "resnet.h5", "w") as file:
        file["conv1_conv/conv1_conv/kernel"] = np.zeros(1)
        if top:
            file["predictions/predictions/kernel"] = np.zeros(1)
    assert load_application(tmp_path / "resnet.h5")["include_top"] is top


def test_every_parameter_is_used_once(model, network):
    arrays = imagenet_arrays(network, model)
    biases = [v for v in model.variables if v.name == "bias"]
    stem = 5  # kernel and batch norm, which both stems take
    assert len(arrays) == len(model.variables) - len(biases) + stem
    left = set(network.named_variables()) - set(arrays)
    assert set(arrays) < set(network.named_variables())
    assert left == {
        name
        for name in network.named_variables()
        if "non_local" in name or name.startswith(("neck/", "classifier/"))
    }


def test_imagenet_makes_the_backbone_that_fits(model, monkeypatch):
    asked = {}

    def no_download(**arguments):
        asked.update(arguments)
        return model

    monkeypatch.setattr(keras.applications, "ResNet50", no_download)
    network = reid_network(
        "resnet50", IMAGE_SHAPE, 5, search=None, weights="imagenet"
    )
    assert asked["weights"] == "imagenet"
    trunk = network.trunk
    assert trunk.get_layer("stage2_block1_conv1").strides == (2, 2)
    assert trunk.get_layer("stage2_block1_conv2").strides == (1, 1)
    kernel = np.array(network.stems["infrared"].get_layer("conv").kernel)
    blue_first = np.array(model.get_layer("conv1_conv").kernel)
    np.testing.assert_array_equal(kernel[:, :, ::-1], blue_first)


def test_without_a_network_the_error_says_how_to_get_them(network, monkeypatch):
    def fail(**arguments):
        raise Exception("URL fetch failure on https://example.org: timed out")

    monkeypatch.setattr(keras.applications, "ResNet50", fail)
    with pytest.raises(ConnectionError) as error:
        import_weights(network, "imagenet")
    assert "downloaded once" in str(error.value)
    assert "Received: weights='imagenet', and URL fetch" in str(error.value)
    assert "weights=PATH" in str(error.value)


def test_they_fit_no_other_backbone(model, monkeypatch):
    monkeypatch.setattr(keras.applications, "ResNet50", lambda **_: model)
    with pytest.raises(ValueError, match="backbone='imagenet_resnet50'"):
        reid_network("tiny", IMAGE_SHAPE, search=None, weights="imagenet")
