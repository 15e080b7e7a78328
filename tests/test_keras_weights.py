"""Weights of our own files find their place."""

import keras
import numpy as np
import pytest
from reid_cases import two_stages
from search_cases import (
    derive_at_random,
    identical,
    make_network,
    snapshot,
)

from nfs_keras.models import import_weights
from nfs_keras.reid.weights import arrays_of, read_weights


def same(mine, others):
    """Whether two dicts of arrays are equal."""
    return mine.keys() == others.keys() and all(
        np.array_equal(array, others[name]) for name, array in mine.items()
    )


@pytest.fixture(scope="module")
def trained():
    network = two_stages("dual", inner=True)
    derive_at_random(network)
    return network


@pytest.fixture(scope="module")
def path(trained, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "network.keras"
    trained.save(path)
    return path


@pytest.mark.parametrize("search", ["dual", "channel", None])
def test_weights_find_their_place_whatever_is_searched(search, trained, path):
    network = two_stages(search)
    of_gates = [
        v for v in network.variables if "logits" in v.path or "mask" in v.path
    ]
    before = snapshot(of_gates)
    import_weights(network, path)
    assert same(arrays_of(network), arrays_of(trained))
    assert identical(before, snapshot(of_gates))


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
    network = two_stages(None)
    import_weights(network, tmp_path / "network.npz")
    assert same(arrays_of(network), arrays_of(trained))


def test_one_error_lists_all_that_does_not_fit_and_nothing_is_changed(path):
    network = make_network(None)
    before = snapshot(network.variables)
    with pytest.raises(ValueError) as error:
        import_weights(network, path)
    text = str(error.value)
    assert f"Received: source={str(path)!r}" in text
    assert "stage3_block1_conv1/kernel is missing" in text
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
        "neck/gamma is of shape (3,), not (12,)",
    ):
        assert flaw in str(error.value)


def test_a_classifier_of_other_people_is_skipped_if_asked(trained, path):
    network = two_stages(None, num_identities=9)
    with pytest.raises(ValueError, match="classifier/kernel is of shape"):
        import_weights(network, path)
    before = np.array(network.named_variables()["classifier/kernel"])
    import_weights(network, path, skip_classifier=True)
    mine, others = arrays_of(network), arrays_of(trained)
    kernel, other = (x.pop("classifier/kernel") for x in (mine, others))
    assert same(mine, others)
    np.testing.assert_array_equal(kernel, before)
    assert kernel.shape != other.shape


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
