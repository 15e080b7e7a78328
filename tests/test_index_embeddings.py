import pytest
from fake_embedder import FakeEmbedder, fake_embedding, write_pictures

from nfs_keras.scale import Gallery, embed_folder, index_embeddings

SMALL = {"batch_size": 4, "shard_size": 8, "verbose": 0}


@pytest.fixture
def folder(tmp_path):
    return write_pictures(tmp_path / "pictures", num_pictures=20)


@pytest.fixture
def gallery(tmp_path):
    with Gallery(tmp_path / "people.db") as gallery:
        yield gallery


def test_all_shards_arrive_and_are_found_by_id(folder, tmp_path, gallery):
    embed_folder(folder, tmp_path / "out", FakeEmbedder(), **SMALL)
    assert index_embeddings(gallery, tmp_path / "out", verbose=0) == 20
    assert gallery.count() == 20 and gallery.model_version == "v1"
    probe = fake_embedding(b"picture 7")
    ((match,),) = gallery.search(probe[None], "v1", top=1)
    assert match.id == "cam1/0007.png" and match.modality == "visible"


def test_a_second_time_changes_nothing(folder, tmp_path, gallery):
    embed_folder(folder, tmp_path / "out", FakeEmbedder(), **SMALL)
    for _ in range(2):
        index_embeddings(gallery, tmp_path / "out", verbose=0)
    assert gallery.count() == 20


def mix(folder, tmp_path, other):
    """A directory with shards of two runs."""
    embed_folder(folder, tmp_path / "out", FakeEmbedder(), **SMALL)
    embed_folder(folder, tmp_path / "other", other, **SMALL)
    for path in (tmp_path / "other").glob("*.parquet"):
        path.rename(tmp_path / "out" / path.name.replace("-0", "-1"))
    return tmp_path / "out"


def test_mixed_model_versions_are_refused_whole(folder, tmp_path, gallery):
    mixed = mix(folder, tmp_path, FakeEmbedder("v2"))
    with pytest.raises(ValueError, match=r"6 shards of the versions \['v1'"):
        index_embeddings(gallery, mixed, verbose=0)
    assert gallery.count() == 0


def test_ids_that_repeat_among_shards_are_refused_whole(
    folder, tmp_path, gallery
):
    mixed = mix(folder, tmp_path, FakeEmbedder())
    with pytest.raises(ValueError, match="20 repeated ids"):
        index_embeddings(gallery, mixed, verbose=0)
    assert gallery.count() == 0


def test_a_directory_without_shards_is_refused(tmp_path, gallery):
    with pytest.raises(ValueError, match="0 shards"):
        index_embeddings(gallery, tmp_path, verbose=0)
