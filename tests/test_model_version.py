import shutil

import pytest
from tiny_saved_model import save_tiny_model

from nfs_keras.scale import model_version


@pytest.fixture(scope="module")
def saved_model(tmp_path_factory):
    return save_tiny_model(tmp_path_factory.mktemp("models") / "1")


def test_a_copied_model_keeps_its_version(saved_model, tmp_path):
    copy = shutil.copytree(saved_model, tmp_path / "elsewhere" / "7")
    assert model_version(copy) == model_version(saved_model)


def test_warm_up_requests_do_not_change_the_version(saved_model, tmp_path):
    copy = shutil.copytree(saved_model, tmp_path / "1")
    (copy / "assets.extra").mkdir()
    (copy / "assets.extra" / "tf_serving_warmup_requests").write_bytes(b"x")
    assert model_version(copy) == model_version(saved_model)


def test_other_weights_are_another_version(saved_model, tmp_path):
    other = save_tiny_model(tmp_path / "1", seed=1)
    assert model_version(other) != model_version(saved_model)


def test_a_directory_above_the_model_names_its_versions(saved_model):
    with pytest.raises(ValueError, match="Name one of its versions.*'1'"):
        model_version(saved_model.parent)


def test_a_directory_without_model_raises(tmp_path):
    with pytest.raises(ValueError, match="which has none. Export one"):
        model_version(tmp_path)
