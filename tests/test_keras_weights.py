"""Weights of Keras' own files find their place."""

import keras
import numpy as np
import pytest
from search_cases import (
    IMAGE_SHAPE,
    derive_at_random,
    identical,
    make_network,
    snapshot,
)

from nfs_keras.models import import_weights, reid_network
from nfs_keras.reid.imagenet_weights import load_application
from nfs_keras.reid.weights import arrays_of, read_weights


def same(mine, others):
    """Whether two dicts of arrays are equal."""
    return mine.keys() == others.keys() and all(
        np.array_equal(array, others[name]) for name, array in mine.items()
    )


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
    before = snapshot(
        v for v in network.variables if "logits" in v.path or "mask" in v.path
    )
    import_weights(network, path)
    assert same(arrays_of(network), arrays_of(trained))
    assert identical(
        before,
        snapshot(
            v
            for v in network.variables
            if "logits" in v.path or "mask" in v.path
        ),
    )


def test_every_parameter_is_used_once(trained, path):
    arrays = read_weights(trained, path)
    assert set(arrays) == set(trained.named_variables())
    taken = {id(v) for v in trained.named_variables().values()}
    assert len(taken) == len(arrays)
    of_gates = ("logits", "mask", "searching", "temperature", "seed")
    assert taken == {
        id(v)
        for v in trained.variables
        if not v.path.split("/")[-1].startswith(of_gates)
        and "seed_generator" not in v.path
    }


def test_arrays_by_name_will_do(trained, tmp_path):
    np.savez(tmp_path / "network.npz", **arrays_of(trained))
    network = make_network(None, seed=2)
    import_weights(network, tmp_path / "network.npz")
    assert same(arrays_of(network), arrays_of(trained))


def test_one_error_lists_all_that_does_not_fit_and_nothing_is_changed(path):
    network = reid_network("resnet18", (64, 32, 3), 6, search=None)
    before = snapshot(network.variables)
    with pytest.raises(ValueError) as error:
        import_weights(network, path)
    text = str(error.value)
    assert f"Received: source={str(path)!r}" in text
    assert "stage1_block2_conv1/kernel is missing" in text
    assert "more" in text
    assert identical(before, snapshot(network.variables))


def test_flaws_are_named_with_their_shapes(trained, tmp_path):
    arrays = arrays_of(trained)
    arrays["neck/gamma"] = np.ones(3)
    arrays["bottleneck/gamma"] = np.ones(3)
    del arrays["visible_stem/conv/kernel"]
    np.savez(tmp_path / "other.npz", **arrays)
    with pytest.raises(ValueError) as error:
        import_weights(trained, tmp_path / "other.npz")
    for flaw in (
        "visible_stem/conv/kernel is missing",
        "bottleneck/gamma is unknown, of shape (3,)",
        "neck/gamma is of shape (3,), not (192,)",
    ):
        assert flaw in str(error.value)


def test_a_classifier_of_other_people_is_skipped_if_asked(trained, path):
    network = reid_network("tiny", IMAGE_SHAPE, 9, search=None)
    with pytest.raises(ValueError, match="classifier/kernel is of shape"):
        import_weights(network, path)
    before = np.array(network.named_variables()["classifier/kernel"])
    import_weights(network, path, skip_classifier=True)
    mine, others = arrays_of(network), arrays_of(trained)
    kernel, other = (
        mine.pop("classifier/kernel"),
        others.pop("classifier/kernel"),
    )
    assert same(mine, others)
    np.testing.assert_array_equal(kernel, before)
    assert kernel.shape != other.shape


@pytest.fixture(scope="module")
def application():
    keras.utils.set_random_seed(0)
    return keras.applications.ResNet50(
        include_top=False, weights=None, input_shape=(32, 32, 3)
    )


@pytest.mark.parametrize("suffix", ["weights.h5", "h5"])
def test_keras_applications_is_read_from_any_of_its_weights_files(
    suffix, application, tmp_path
):
    path = tmp_path / f"resnet.{suffix}"
    if suffix == "weights.h5":
        application.save_weights(path)
    else:
        application.save(path)
    loaded = load_application(path)
    assert identical(loaded.get_weights(), application.get_weights())


def test_keras_applications_is_read_from_a_whole_file(application, tmp_path):
    application.save(tmp_path / "resnet.keras")
    application.save_weights(tmp_path / "resnet.weights.h5")
    network = reid_network("imagenet_resnet50", (32, 32, 3), 5, search=None)
    one, other = (
        read_weights(network, tmp_path / f"resnet.{suffix}")
        for suffix in ("keras", "weights.h5")
    )
    assert same(one, other)
    import_weights(network, tmp_path / "resnet.keras")
    mine = arrays_of(network)
    assert all(np.array_equal(mine[name], one[name]) for name in one)


@pytest.mark.parametrize("top", [True, False])
def test_its_classifier_is_expected_where_there_is_one(
    top, application, tmp_path, monkeypatch
):
    import h5py

    asked = {}

    def make(**arguments):
        asked.update(arguments)
        return application

    monkeypatch.setattr(keras.applications, "ResNet50", make)
    with h5py.File(tmp_path / "resnet.h5", "w") as file:
        file["conv1_conv/conv1_conv/kernel"] = np.zeros(1)
        if top:
            file["predictions/predictions/kernel"] = np.zeros(1)
    load_application(tmp_path / "resnet.h5")
    assert asked["include_top"] is top


def test_another_model_raises(trained, tmp_path):
    other = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    other.save(tmp_path / "other.keras")
    with pytest.raises(ValueError, match="`ReIDNetwork`.*Received: source="):
        import_weights(trained, tmp_path / "other.keras")


def test_a_file_that_is_not_whole_raises(trained, tmp_path):
    path = tmp_path / "half.keras"
    trained.save(path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match="half.keras, which is no such file"):
        import_weights(trained, path)


def test_weights_files_of_our_networks_raise(trained, tmp_path):
    path = tmp_path / "ours.weights.h5"
    trained.save_weights(path)
    with pytest.raises(ValueError, match="Save a `ReIDNetwork` as .keras"):
        import_weights(trained, path)
