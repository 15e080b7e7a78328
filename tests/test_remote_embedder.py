import pickle
import shutil

import numpy as np
import pytest
from exported_model import exported_model, pictures

from nfs_keras.scale import Embedder, embed_folder
from nfs_keras.serving import RemoteEmbedder, ServerError, StandInServer


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
    files = [*pictures(3), b"broken"]
    for ours, theirs in zip(
        embedder.embed(files), local.embed(files), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    assert embedder.dim == local.dim
    assert embedder.embed([])[0].shape == (0, local.dim)


def test_a_copy_asks_for_the_version_that_the_first_one_found(embedder):
    assert embedder.model_version == "nfs_reid/1"
    copy = pickle.loads(pickle.dumps(embedder))
    assert copy.version == 1
    np.testing.assert_allclose(
        copy.embed(pictures(1))[0], embedder.embed(pictures(1))[0], atol=1e-6
    )


def test_it_takes_the_place_of_a_local_model_over_a_folder(embedder, tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number, contents in enumerate([*pictures(3), b"broken"]):
        (folder / f"{number}.png").write_bytes(contents)
    counts = embed_folder(folder, tmp_path / "shards", embedder)
    assert counts[:2] == (3, 1)
    shutil.rmtree(tmp_path / "shards")


def test_a_server_without_the_model_is_an_error(server):
    with pytest.raises(ServerError, match="no version of 'other'"):
        RemoteEmbedder(server.grpc_address, "visible", "other").embed([b"x"])


def test_an_unknown_modality_is_refused():
    with pytest.raises(ValueError, match="modality='thermal'"):
        RemoteEmbedder("localhost:8500", "thermal")
