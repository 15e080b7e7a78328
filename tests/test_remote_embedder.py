import pickle
import shutil

import numpy as np
import pytest
from exported_model import add_version, exported_model, images

from nfs_keras.scale import Embedder, embed_folder, model_version
from nfs_keras.serving import (
    RemoteEmbedder,
    ServerError,
    StandInServer,
)


@pytest.fixture(scope="module")
def server():
    directory = exported_model().parent
    with StandInServer(directory, warm_up=False) as server:
        yield server


@pytest.fixture
def embedder(server):
    return RemoteEmbedder(server.grpc_address, "infrared")


def test_it_embeds_as_the_model_on_disk_does(embedder):
    local = Embedder(exported_model(), "infrared")
    files = [*images(3), b"broken"]
    for ours, theirs in zip(
        embedder.embed(files), local.embed(files), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    assert embedder.dim == local.dim
    assert embedder.embed([])[0].shape == (0, local.dim)


def test_server_file_and_copy_agree_about_the_model(embedder, tmp_path):
    copied = shutil.copytree(exported_model(), tmp_path / "elsewhere" / "9")
    assert embedder.model_version == model_version(exported_model())
    assert embedder.model_version == model_version(copied)


def test_a_copy_asks_for_the_version_that_the_first_one_found(embedder):
    assert len(embedder.model_version) == 16
    copy = pickle.loads(pickle.dumps(embedder))
    assert copy.version == 1
    np.testing.assert_allclose(
        copy.embed(images(1))[0], embedder.embed(images(1))[0], atol=1e-6
    )


def test_it_takes_the_place_of_a_local_model_over_a_folder(embedder, tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    for number, contents in enumerate([*images(3), b"broken"]):
        (folder / f"{number}.png").write_bytes(contents)
    counts = embed_folder(folder, tmp_path / "shards", embedder)
    assert counts[:2] == (3, 1)
    shutil.rmtree(tmp_path / "shards")


def test_a_server_without_the_model_is_an_error(server):
    with pytest.raises(ServerError, match="no version of 'other'"):
        RemoteEmbedder(server.grpc_address, "visible", "other").embed([b"x"])


def test_an_unknown_modality_raises():
    with pytest.raises(ValueError, match="modality='thermal'"):
        RemoteEmbedder("localhost:8500", "thermal")


def test_a_new_version_does_not_end_or_mix_a_run(tmp_path):
    shutil.copytree(exported_model(), tmp_path / "1")
    with StandInServer(tmp_path, warm_up=False, poll_seconds=3600) as server:
        embedder = RemoteEmbedder(server.grpc_address, "visible")
        before, version = embedder.embed(images(2)), embedder.model_version
        add_version(tmp_path)
        server.watcher.look()
        np.testing.assert_array_equal(embedder.embed(images(2))[0], before[0])
        assert pickle.loads(pickle.dumps(embedder)).model_version == version
        newer = RemoteEmbedder(server.grpc_address, "visible")
        assert newer.version is None and newer.model_version != version
        assert newer.version == 2


def test_another_model_under_the_same_number_is_an_error(embedder):
    embedder.embed(images(1))
    copy = pickle.loads(pickle.dumps(embedder))
    copy._model_version = "another"
    with pytest.raises(ServerError, match="version 1 was another and is"):
        copy.embed(images(1))
