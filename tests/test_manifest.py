import shutil
import subprocess

import pytest

from nfs_keras.serving.manifest import verify_manifest, write_manifest


@pytest.fixture
def model(tmp_path):
    (tmp_path / "variables").mkdir()
    (tmp_path / "saved_model.pb").write_bytes(b"graph")
    (tmp_path / "variables" / "a name  with spaces").write_bytes(b"weights")
    write_manifest(tmp_path)
    return tmp_path


def test_what_was_written_verifies_wherever_it_lies(model, tmp_path):
    verify_manifest(model)
    copy = shutil.copytree(model, tmp_path / "copy")
    verify_manifest(copy)


def test_writing_it_again_changes_nothing(model):
    before = (model / "manifest.sha256").read_text()
    assert write_manifest(model).read_text() == before


def test_sha256sum_reads_it(model):
    subprocess.run(
        ["sha256sum", "--check", "--strict", "manifest.sha256"],
        cwd=model,
        check=True,
        capture_output=True,
    )


def change(model):
    (model / "saved_model.pb").write_bytes(b"grave")


def remove(model):
    (model / "saved_model.pb").unlink()


def add(model):
    (model / "saved_model.pb.txt").write_bytes(b"")


@pytest.mark.parametrize("harm", [change, remove, add])
def test_a_file_that_is_not_as_it_was_is_named(model, harm):
    harm(model)
    with pytest.raises(ValueError, match=r"saved_model\.pb"):
        verify_manifest(model)


def test_a_model_without_manifest_raises(tmp_path):
    with pytest.raises(ValueError, match=r"has no manifest\.sha256"):
        verify_manifest(tmp_path)
