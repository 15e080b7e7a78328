import string
from pathlib import PurePosixPath

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nfs_keras.datasets.index_files import read_identities, read_rows

# One file serves all examples of a property: each overwrites it.
one_file = settings(
    deadline=None,
    max_examples=100,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
names = st.text(
    st.characters(
        codec="utf-8",
        exclude_categories=("Cc", "Cs", "Zl", "Zp"),
        exclude_characters="/\\",
    ),
    min_size=1,
).filter(lambda name: name.strip() == name and name not in (".", ".."))
paths = st.lists(names, min_size=1, max_size=4).map("/".join)
labels = st.integers(0, 10**6)


@one_file
@given(st.dictionaries(paths, labels, min_size=1))
def test_every_well_formed_row_is_read_back(tmp_path, rows):
    file = tmp_path / "train.txt"
    lines = [f"{path} {label}\n" for path, label in rows.items()]
    file.write_text("".join(lines), encoding="utf-8")
    read = {row.path: row.label for row in read_rows(file)}
    assert read == {PurePosixPath(p): label for p, label in rows.items()}


@one_file
@given(st.sets(st.integers(0, 10**6), min_size=1), st.randoms())
def test_identities_come_back_sorted(tmp_path, identities, random):
    file = tmp_path / "train_id.txt"
    shuffled = random.sample(sorted(identities), len(identities))
    file.write_text(",".join(str(identity) for identity in shuffled))
    assert read_identities(file) == sorted(identities)


@one_file
@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_read_or_raise_with_the_file_named(
    tmp_path, contents
):
    file = tmp_path / "train.txt"
    file.write_bytes(contents)
    for read in (read_rows, read_identities):
        try:
            read(file)
        except ValueError as error:
            assert str(file) in str(error) and "Received: " in str(error)


@one_file
@given(st.text(string.printable, max_size=60))
def test_no_path_that_is_read_leaves_the_root(tmp_path, text):
    file = tmp_path / "train.txt"
    file.write_text(f"{text} 0\n")
    try:
        rows = read_rows(file)
    except ValueError:
        return
    for row in rows:
        inside = tmp_path / row.path
        assert inside.resolve().is_relative_to(tmp_path.resolve())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a.bmp 0\nb.bmp\n", r"'b\.bmp' in .*train\.txt, line 2"),
        ("a.bmp 0\n\n\nb.bmp x\n", r"'b\.bmp x' in .*train\.txt, line 4"),
        ("a.bmp -1", "path, one space and a label"),
        ("a.bmp ٣", "path, one space and a label"),
        ("a/../../b.bmp 0", r"inside the dataset's folder.*line 1"),
        ("/etc/passwd 0", "inside the dataset's folder"),
        ("..\\b.bmp 0", "inside the dataset's folder"),
        ("a.bmp 0\na.bmp 1", "name everything once.*line 1 and again.*line 2"),
        ("", "must not be empty"),
        (" \n\n", "must not be empty"),
    ],
)
def test_a_malformed_row_raises(tmp_path, text, message):
    file = tmp_path / "train.txt"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        read_rows(file)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,2,x", "'x' in .*ids.txt, line 1"),
        ("1,,2", "'' in .*ids.txt, line 1"),
        ("1 2", "commas between them"),
        ("3,4,3", "name everything once"),
        ("", "must not be empty"),
    ],
)
def test_malformed_identities_raise(tmp_path, text, message):
    file = tmp_path / "ids.txt"
    file.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_identities(file)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ValueError, match="train.txt', which does not exist"):
        read_rows(tmp_path / "train.txt")


def test_a_folder_in_place_of_a_file_raises(tmp_path):
    with pytest.raises(ValueError, match="must be readable text"):
        read_rows(tmp_path)


def test_windows_line_ends_change_nothing(tmp_path):
    file = tmp_path / "train.txt"
    file.write_bytes(b"a.bmp 0\r\nb.bmp 1\r\n")
    assert [row.label for row in read_rows(file)] == [0, 1]
