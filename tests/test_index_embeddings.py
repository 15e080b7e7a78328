import textwrap
import time

import pytest
from fake_embedder import FakeEmbedder, fake_embedding, write_images
from programs import Program

from nfs_keras.scale import Gallery, embed_folder, index_embeddings

SMALL = {"batch_size": 4, "shard_size": 8, "verbose": 0}


@pytest.fixture
def folder(tmp_path):
    return write_images(tmp_path / "images", num_images=20)


@pytest.fixture
def gallery(tmp_path):
    with Gallery(tmp_path / "people.db") as gallery:
        yield gallery


def test_all_shards_arrive_and_are_found_by_id(folder, tmp_path, gallery):
    embed_folder(folder, tmp_path / "out", FakeEmbedder(), **SMALL)
    assert index_embeddings(gallery, tmp_path / "out", verbose=0) == (20, 0, 0)
    assert gallery.count() == 20 and gallery.model_version == "v1"
    probe = fake_embedding(b"image 7")
    ((match,),) = gallery.search(probe[None], "v1", top=1)
    assert match.id == "cam1/0007.png" and match.modality == "visible"


def test_a_second_time_changes_nothing(folder, tmp_path, gallery):
    embed_folder(folder, tmp_path / "out", FakeEmbedder(), **SMALL)
    index_embeddings(gallery, tmp_path / "out", verbose=0)
    again = index_embeddings(gallery, tmp_path / "out", verbose=0)
    assert again == (0, 0, 20)
    assert gallery.count() == 20


def test_an_id_of_another_image_is_replaced_only_if_asked(
    folder, tmp_path, gallery
):
    embed_folder(folder, tmp_path / "out", FakeEmbedder(), **SMALL)
    index_embeddings(gallery, tmp_path / "out", verbose=0)
    other = write_images(tmp_path / "other", num_images=25)
    for number in range(15):  # five are the same image in both folders
        path = other / f"cam{number % 2}" / f"{number:04d}.png"
        path.write_bytes(b"another %d" % number)
    embed_folder(other, tmp_path / "more", FakeEmbedder(), **SMALL)
    with pytest.raises(ValueError, match="15 ids belong to other images"):
        index_embeddings(gallery, tmp_path / "more", verbose=0)
    assert gallery.count() == 20
    counts = index_embeddings(
        gallery, tmp_path / "more", replace=True, verbose=0
    )
    assert counts == (5, 20, 0)
    assert gallery.count() == 25
    probe = fake_embedding(b"another 7")
    ((match,),) = gallery.search(probe[None], "v1", top=1)
    assert match.similarity == pytest.approx(1.0, abs=1e-6)


def test_a_killed_index_is_completed_by_the_same_call(folder, tmp_path):
    embed_folder(folder, tmp_path / "out", FakeEmbedder(), **SMALL)
    program = f"""
        import time
        from nfs_keras.scale import Gallery, index_embeddings
        add = Gallery.add
        def slow(*arguments, **names):
            add(*arguments, **names)
            print("added", flush=True)
            time.sleep(0.5)
        Gallery.add = slow
        index_embeddings(Gallery("{tmp_path}/people.db"), "{tmp_path}/out")
    """
    with Program(["-c", textwrap.dedent(program)]) as process:
        while "added" not in process.printed()[0]:
            assert process.poll() is None
            time.sleep(0.02)
    with Gallery(tmp_path / "people.db") as gallery:
        done = gallery.count()
        assert 0 < done < 20
        counts = index_embeddings(gallery, tmp_path / "out", verbose=0)
        assert counts == (20 - done, 0, done)
        assert gallery.count() == 20


def mix(folder, tmp_path, other):
    """A directory with shards of two runs."""
    embed_folder(folder, tmp_path / "out", FakeEmbedder(), **SMALL)
    embed_folder(folder, tmp_path / "other", other, **SMALL)
    for path in (tmp_path / "other").glob("*.parquet"):
        path.rename(tmp_path / "out" / path.name.replace("-0", "-1"))
    return tmp_path / "out"


def test_mixed_model_versions_raise_whole(folder, tmp_path, gallery):
    mixed = mix(folder, tmp_path, FakeEmbedder("v2"))
    with pytest.raises(ValueError, match=r"6 shards of the versions \['v1'"):
        index_embeddings(gallery, mixed, verbose=0)
    assert gallery.count() == 0


def test_ids_that_repeat_among_shards_raise_whole(folder, tmp_path, gallery):
    mixed = mix(folder, tmp_path, FakeEmbedder())
    with pytest.raises(ValueError, match="20 repeated ids"):
        index_embeddings(gallery, mixed, verbose=0)
    assert gallery.count() == 0


def test_a_directory_without_shards_raises(tmp_path, gallery):
    with pytest.raises(ValueError, match="0 shards"):
        index_embeddings(gallery, tmp_path, verbose=0)


def test_a_correction_of_known_images_replaces_them(folder, tmp_path, gallery):
    embed_folder(folder, tmp_path / "wrong", FakeEmbedder(), **SMALL)
    index_embeddings(gallery, tmp_path / "wrong", verbose=0)
    infrared = FakeEmbedder(modality="infrared")
    embed_folder(folder, tmp_path / "right", infrared, **SMALL)
    right = tmp_path / "right"
    assert index_embeddings(gallery, right, verbose=0) == (0, 0, 20)
    counts = index_embeddings(gallery, right, replace=True, verbose=0)
    assert counts == (0, 20, 0)
    assert gallery.count(modality="infrared") == gallery.count() == 20


def test_a_directory_of_directories_names_those_with_shards(tmp_path, gallery):
    for name in ("visible", "infrared"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "embeddings-00000.parquet").touch()
    with pytest.raises(ValueError, match="folders in it, .*infrared and .*vis"):
        index_embeddings(gallery, tmp_path, verbose=0)
