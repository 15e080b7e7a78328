import csv
import hashlib
import os
import textwrap
import time

import numpy as np
import pytest
from fake_embedder import FakeEmbedder, fake_embedding, write_images
from programs import Program
from pyarrow import parquet

from nfs_keras.files import lock
from nfs_keras.scale import embed_folder, embed_images, image_list

SMALL = {"batch_size": 4, "shard_size": 10, "num_threads": 2, "verbose": 0}


def bad_rows(output):
    rows = []
    for path in sorted(output.glob("_bad-*.csv")):
        with path.open(newline="") as file:
            rows += csv.DictReader(file)
    return rows


@pytest.fixture
def folder(tmp_path):
    return write_images(tmp_path / "images", num_images=50)


def test_every_image_is_embedded_once_with_its_checksum(folder, tmp_path):
    counts = embed_folder(folder, tmp_path / "out", FakeEmbedder(), **SMALL)
    assert counts == (50, 0, 0)
    rows = parquet.read_table(tmp_path / "out").to_pylist()
    assert len({row["id"] for row in rows}) == len(rows) == 50
    for row in rows:
        image = (folder / row["id"]).read_bytes()
        assert row["checksum"] == hashlib.sha256(image).hexdigest()
        np.testing.assert_array_equal(row["embedding"], fake_embedding(image))
        assert (row["modality"], row["model_version"]) == ("visible", "v1")


def test_a_shard_is_named_when_it_holds_whole_batches(folder, tmp_path):
    embed_folder(folder, tmp_path / "out", FakeEmbedder(), **SMALL)
    sizes = [
        parquet.read_metadata(path).num_rows
        for path in sorted((tmp_path / "out").glob("embeddings-*.parquet"))
    ]
    assert sizes == [8] * 6 + [2]


def test_columns_of_an_image_are_copied_to_its_row(folder, tmp_path):
    paths = sorted(str(path) for path in folder.rglob("*.png"))[:3]
    images = image_list(
        {
            "id": ["a", "b", "c"],
            "path": paths,
            "identity": [7, None, 9],
            "camera": [1, 2, None],
            "time": [None, 10**9, 0],
        }
    )
    embed_images(images, tmp_path / "out", FakeEmbedder(), **SMALL)
    table = parquet.read_table(tmp_path / "out")
    for name in ("id", "identity", "camera", "time"):
        assert table[name] == images[name]


def test_a_second_start_skips_what_is_done(folder, tmp_path):
    out = tmp_path / "out"
    embed_folder(folder, out, FakeEmbedder(), **SMALL)
    before = {path: path.stat().st_mtime_ns for path in out.iterdir()}
    assert embed_folder(folder, out, FakeEmbedder(), **SMALL) == (0, 0, 50)
    (folder / "new.png").write_bytes(b"new")
    assert embed_folder(folder, out, FakeEmbedder(), **SMALL) == (1, 0, 50)
    for path, changed in before.items():
        assert path.stat().st_mtime_ns == changed
    assert parquet.read_table(out).num_rows == 51


def test_bad_images_are_listed_with_the_reason(tmp_path):
    folder = write_images(tmp_path / "images", num_images=9)
    (folder / "broken.png").write_bytes(b"broken")
    (folder / "empty.png").write_bytes(b"")
    (folder / "missing.png").symlink_to("nowhere")
    out = tmp_path / "out"
    assert embed_folder(folder, out, FakeEmbedder(), **SMALL) == (9, 3, 0)
    reasons = {row["id"]: row["reason"] for row in bad_rows(out)}
    assert reasons == {
        "broken.png": "not an image",
        "empty.png": "not an image",
        "missing.png": "No such file or directory",
    }
    assert embed_folder(folder, out, FakeEmbedder(), **SMALL) == (0, 0, 12)


def test_a_folder_of_nothing_but_bad_images_ends_well(tmp_path):
    (tmp_path / "broken.png").write_bytes(b"broken")
    out = tmp_path / "out"
    assert embed_folder(tmp_path, out, FakeEmbedder(), **SMALL) == (0, 1, 0)
    assert embed_folder(tmp_path, out, FakeEmbedder(), **SMALL) == (0, 0, 1)


class FailingEmbedder(FakeEmbedder):
    def embed(self, images):
        if b"image 33" in images:
            raise RuntimeError("out of memory")
        return super().embed(images)


def test_a_failing_model_loses_nothing_that_was_written(folder, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(RuntimeError, match="out of memory"):
        embed_folder(folder, out, FailingEmbedder(), **SMALL)
    done = parquet.read_table(out).num_rows
    assert 0 < done < 50
    counts = embed_folder(folder, out, FakeEmbedder(), **SMALL)
    assert counts == (50 - done, 0, done)
    ids = parquet.read_table(out)["id"].to_pylist()
    assert len(ids) == len(set(ids)) == 50


def test_a_killed_run_resumes_with_each_image_once(folder, tmp_path):
    program = f"""
        import sys
        sys.path.insert(0, {os.path.dirname(__file__)!r})
        from fake_embedder import FakeEmbedder
        from nfs_keras.scale import embed_folder
        slow = FakeEmbedder(seconds=0.2)
        embed_folder("{folder}", "{tmp_path}/out", slow, **{SMALL})
    """
    with Program(["-c", textwrap.dedent(program)]) as process:
        while len(list(tmp_path.glob("out/*.parquet"))) < 2:
            assert process.poll() is None
            time.sleep(0.02)
    left_over = tmp_path / "out" / ".partial-embeddings-00009.parquet"
    left_over.write_bytes(b"half a shard")

    counts = embed_folder(folder, tmp_path / "out", FakeEmbedder(), **SMALL)
    assert counts.skipped >= 8 and counts.embedded + counts.skipped == 50
    ids = parquet.read_table(tmp_path / "out")["id"].to_pylist()
    assert len(ids) == len(set(ids)) == 50
    assert not left_over.exists()


@pytest.mark.parametrize(
    "other", [{"model_version": "v2"}, {"modality": "infrared"}]
)
def test_another_model_or_modality_raises(folder, tmp_path, other):
    out = tmp_path / "out"
    embed_folder(folder, out, FakeEmbedder(), **SMALL)
    (folder / "new.png").write_bytes(b"new")
    with pytest.raises(ValueError, match="one model and modality"):
        embed_folder(folder, out, FakeEmbedder(**other), **SMALL)
    assert parquet.read_table(out).num_rows == 50


def test_an_unknown_engine_raises(folder, tmp_path):
    with pytest.raises(ValueError, match="Received: engine='spark'"):
        embed_folder(folder, tmp_path / "out", FakeEmbedder(), engine="spark")


def test_a_second_run_of_a_directory_raises_and_removes_nothing(
    folder, tmp_path
):
    output = tmp_path / "out"
    with lock(output):
        partial = output / ".partial-embeddings-00000.parquet"
        partial.touch()
        with pytest.raises(ValueError, match="Only one process at a time"):
            embed_folder(folder, output, FakeEmbedder(), **SMALL)
        assert partial.exists()
    embed_folder(folder, output, FakeEmbedder(), **SMALL)
    assert not partial.exists()
