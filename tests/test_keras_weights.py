"""Weights of Keras' own files find their place."""

import keras
import numpy as np
import pytest
from nfs_keras.models.keras_weights import (
    keras_weights,
    load_application,
    stored_arrays,
)

from nfs_keras.models import import_weights, reid_network
from tests.search_cases import IMAGE_SHAPE, derive_at_random, make_network


def same(mine, others):
    return all(np.array_equal(a, b) for a, b in zip(mine, others, strict=True))


@pytest.fixture(scope="module")
def trained():
    network = make_network("dual", seed=1)
    derive_at_random(network)
    return network


@pytest.fixture(scope="module")
def path(trained, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "network.keras"
    trained.save(path)
    return path


@pytest.mark.parametrize("search", ["dual", "channel", None])
def test_weights_find_their_place_whatever_is_searched(search, trained, path):
    network = make_network(search, seed=2)
    gates = [np.array(v) for v in network.search_variables]
    import_weights(network, path)
    assert same(network.feature_variables, trained.feature_variables)
    assert same(network.search_variables, gates)


def test_every_parameter_is_used_once(trained, path):
    entries, arrays = keras_weights(trained, path)
    assert set(entries) == set(arrays)
    taken = [id(v) for variables in entries.values() for v in variables]
    assert sorted(taken) == sorted(id(v) for v in trained.feature_variables)


def test_the_weights_alone_will_do(trained, tmp_path):
    trained.save_weights(tmp_path / "network.weights.h5")
    network = make_network(None, seed=2)
    import_weights(network, tmp_path / "network.weights.h5")
    assert same(network.feature_variables, trained.feature_variables)


def test_all_that_does_not_fit_is_told_at_once(path):
    network = reid_network("resnet18", (64, 32, 3), 6, search=None)
    with pytest.raises(ValueError) as error:
        import_weights(network, path)
    text = str(error.value)
    assert f"Received: source={str(path)!r}" in text
    stem = "layers/stem/conv/conv/vars/0 is of shape (3, 3, 3, 24), not (7, 7,"
    assert stem in text or "more" in text
    assert (
        "blocks/residual_block_1/branch/conv_norm/conv/vars/0 is miss" in text
    )


def test_a_classifier_of_other_people_is_skipped_if_asked(trained, path):
    network = reid_network("tiny", IMAGE_SHAPE, 9, search=None)
    with pytest.raises(ValueError, match="head/classifier/vars/0 is of shape"):
        import_weights(network, path)
    import_weights(network, path, skip_classifier=True)
    mine, others = network.feature_variables, trained.feature_variables
    assert same(mine[:-1], others[:-1])
    assert mine[-1].shape != others[-1].shape


@pytest.fixture(scope="module")
def application():
    keras.utils.set_random_seed(0)
    return keras.applications.ResNet50(
        include_top=False, weights=None, input_shape=(32, 32, 3)
    )


@pytest.mark.parametrize("suffix", ["weights.h5", "h5", "keras"])
def test_keras_applications_is_read_from_any_of_its_files(
    suffix, application, tmp_path
):
    path = tmp_path / f"resnet.{suffix}"
    if suffix == "weights.h5":
        application.save_weights(path)
    else:
        application.save(path)
    loaded = load_application(path, stored_arrays(path))
    assert same(loaded.get_weights(), application.get_weights())


@pytest.mark.parametrize(
    "name, top",
    [("predictions/kernel", True), ("layers/dense/vars/0", True), ("", False)],
)
def test_its_classifier_is_expected_where_there_is_one(
    name, top, application, monkeypatch
):
    asked = {}

    def make(**arguments):
        asked.update(arguments)
        return application

    monkeypatch.setattr(keras.applications, "ResNet50", make)
    load_application("resnet.h5", {"conv1_conv/kernel": 0, name: 0})
    assert asked["include_top"] is top


@pytest.mark.parametrize("suffix", ["weights.h5", "keras"])
def test_another_model_is_refused(suffix, trained, tmp_path):
    other = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    path = tmp_path / f"other.{suffix}"
    other.save_weights(path) if "5" in suffix else other.save(path)
    with pytest.raises(ValueError, match="network of ours.*Received: source="):
        import_weights(trained, path)
