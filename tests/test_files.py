import pytest

from nfs_keras.files import remove_partial_files, replace_file, replace_path


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_when_it_is_written_whole(tmp_path):
    with replace_file(tmp_path / "new" / "a.txt", "w") as file:
        file.write("one\n")
        assert not (tmp_path / "new" / "a.txt").exists()
    assert (tmp_path / "new" / "a.txt").read_bytes() == b"one\n"


def test_an_error_leaves_what_was_there(tmp_path):
    (tmp_path / "a.txt").write_text("before")
    with pytest.raises(OSError, match="full"):
        with replace_file(tmp_path / "a.txt", "w") as file:
            file.write("half")
            raise OSError("disk full")
    assert (tmp_path / "a.txt").read_text() == "before"
    assert names(tmp_path) == ["a.txt"]


def test_a_partial_file_keeps_the_suffix(tmp_path):
    with replace_path(tmp_path / "net.keras") as partial:
        partial.write_bytes(b"1")
        assert partial.suffix == ".keras"
    assert names(tmp_path) == ["net.keras"]


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path):
    (tmp_path / "deep").mkdir()
    for name in (".partial-a.txt", "deep/.partial-b.keras", "deep/b.keras"):
        (tmp_path / name).write_text("x")
    remove_partial_files(tmp_path)
    assert names(tmp_path) == ["deep"]
    assert names(tmp_path / "deep") == ["b.keras"]
