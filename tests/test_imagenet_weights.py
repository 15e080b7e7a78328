"""Our ResNet-50 is that of `keras.applications`, but for the last stride."""

import keras
import numpy as np
import pytest
from nfs_keras.backbones import imagenet_resnet50
from nfs_keras.models.imagenet_weights import imagenet_weights

from nfs_keras.models import import_weights, reid_network

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


def with_last_stride_1(model):
    """Clones the model with the strides that ours have."""

    def clone(layer):
        config = layer.get_config()
        if layer.name in LAST_STRIDES:
            config["strides"] = (1, 1)
        return type(layer).from_config(config)

    twin = keras.models.clone_model(model, clone_function=clone)
    twin.set_weights(model.get_weights())
    return twin


@pytest.mark.parametrize("modality", ["visible", "infrared"])
def test_every_stage_gives_the_maps_of_keras_applications(
    model, network, modality
):
    rng = np.random.default_rng(1)
    pictures = rng.uniform(0, 255, (2, *IMAGE_SHAPE)).astype("float32")
    names = ["pool1_pool", "conv2_block3_out", "conv3_block4_out"]
    names += ["conv4_block6_out", "conv5_block3_out"]
    twin = with_last_stride_1(model)
    taps = keras.Model(twin.input, [twin.get_layer(n).output for n in names])
    pixels = keras.applications.resnet50.preprocess_input(pictures.copy())
    maps = network.stems[modality](pictures)
    expected = taps(pixels)
    for stage, output in zip([None, *network.stages], expected, strict=True):
        maps = maps if stage is None else stage(maps)
        scale = np.ptp(output)
        np.testing.assert_allclose(maps / scale, output / scale, atol=1e-5)


def test_every_parameter_is_used_once(model, network):
    entries, arrays = imagenet_weights(network, model)
    assert set(entries) == set(arrays)
    biases = [v for v in model.variables if v.name == "bias"]
    assert len(arrays) == len(model.variables) - len(biases)
    taken = [id(v) for variables in entries.values() for v in variables]
    assert len(taken) == len(set(taken))
    left = {id(v) for v in network.variables} - set(taken)
    blocks = [b for s in network.stages for b in s.blocks]
    random = [b for b in blocks if b.name.startswith("non_local")]
    random = [v for x in (*random, network.head) for v in x.variables]
    assert left == {id(v) for v in random}


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
    assert network.stages[1].blocks[0].stride_first
    kernel = np.array(network.stems["infrared"].conv.conv.kernel)
    blue_first = np.array(model.get_layer("conv1_conv").kernel)
    np.testing.assert_array_equal(kernel[:, :, ::-1], blue_first)


def test_without_a_network_it_says_how_to_get_them(network, monkeypatch):
    def fail(**arguments):
        raise Exception("URL fetch failure on https://example.org: timed out")

    monkeypatch.setattr(keras.applications, "ResNet50", fail)
    with pytest.raises(ConnectionError) as error:
        import_weights(network, "imagenet")
    assert "downloaded once" in str(error.value)
    assert "Received: weights='imagenet', and URL fetch" in str(error.value)
    assert "weights=PATH" in str(error.value)


@pytest.mark.parametrize("backbone", ["resnet18", "tiny"])
def test_they_fit_no_other_backbone(backbone, model, monkeypatch):
    monkeypatch.setattr(keras.applications, "ResNet50", lambda **_: model)
    with pytest.raises(ValueError, match="backbone='imagenet_resnet50'"):
        reid_network(backbone, IMAGE_SHAPE, search=None, weights="imagenet")
