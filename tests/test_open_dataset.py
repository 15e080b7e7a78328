import shutil

import pytest
from dataset_trees import make_folders, make_llcm, make_regdb, make_sysu_mm01

from nfs_keras.datasets import (
    LLCM,
    SYSUMM01,
    FolderDataset,
    RegDB,
    open_dataset,
)


def test_each_dataset_is_known_by_its_folders(tmp_path):
    trees = {
        RegDB: make_regdb(tmp_path / "a", 2, 1),
        SYSUMM01: make_sysu_mm01(tmp_path / "b", [1], [], [2], {(1, 1): 1}),
        LLCM: make_llcm(tmp_path / "c", 1, 1, 1, 1),
        FolderDataset: make_folders(tmp_path / "d", ["alice"]),
    }
    for reader, root in trees.items():
        assert type(open_dataset(root)) is reader


def test_options_go_to_the_reader(tmp_path):
    root = make_regdb(tmp_path, 2, 1)
    assert open_dataset(root, trial=3).trial == 3


def test_a_folder_of_something_else_raises(tmp_path):
    (tmp_path / "holiday.jpg").touch()
    with pytest.raises(ValueError, match=r"which holds \['holiday.jpg'\]"):
        open_dataset(tmp_path)


def test_a_missing_folder_raises(tmp_path):
    with pytest.raises(ValueError, match="nowhere', which does not exist"):
        open_dataset(tmp_path / "nowhere")
    (tmp_path / "people.zip").touch()
    with pytest.raises(ValueError, match="people.zip', which is a file"):
        open_dataset(tmp_path / "people.zip")


def make_table(root, name="people.csv"):
    names = ["ann", "bob", "cy", "di"]
    rows = [
        f"{modality}/{name}/{i}.png,{name},{modality}"
        for modality in ("visible", "infrared")
        for name in names
        for i in range(3)
    ]
    make_folders(root, names)
    (root / name).write_text("\n".join(["path,identity,modality", *rows]))
    return root / name


def test_a_table_is_found_in_its_folder_or_by_its_path(tmp_path):
    file = make_table(tmp_path / "own")
    for root in (file, file.parent):
        dataset = open_dataset(root, seed=3)
        assert type(dataset) is FolderDataset
        assert dataset.csv_file == "people.csv" and dataset.seed == 3
        assert len(dataset.train) == len(dataset.test) == 12


def test_one_of_several_tables_must_be_named(tmp_path):
    first = make_table(tmp_path / "own", "a.csv")
    file = shutil.copy(first, first.with_name("b.csv"))
    with pytest.raises(ValueError, match=r"\['a.csv', 'b.csv'\]"):
        open_dataset(file.parent)
    assert open_dataset(file).csv_file == "b.csv"
    assert open_dataset(file.parent, csv_file="a.csv").csv_file == "a.csv"


def test_a_table_of_something_else_is_passed_over(tmp_path):
    root = make_folders(tmp_path, ["ann", "bob"])
    (root / "weather.csv").write_text("day,rain\n1,2\n")
    assert open_dataset(root).csv_file is None


def test_options_that_a_reader_lacks_are_named(tmp_path):
    root = make_folders(tmp_path, ["ann", "bob"])
    with pytest.raises(ValueError, match="`FolderDataset` has.*trial=2"):
        open_dataset(root, trial=2)


OWN = """
from nfs_keras.datasets import FolderDataset

class Corridor(FolderDataset):
    title = "Corridor"

number = 7
"""


def test_a_reader_of_ones_own_is_named_by_its_file(tmp_path):
    make_folders(tmp_path / "own", ["ann", "bob"])
    file = tmp_path / "my_reader.py"
    file.write_text(OWN)
    dataset = open_dataset(tmp_path / "own", reader=f"{file}:Corridor")
    assert dataset.title == "Corridor" and dataset.train
    same = open_dataset(tmp_path / "own", reader=type(dataset))
    assert same.train == dataset.train


ITS_OWN_ERRORS = {
    "class Corridor(:": r"valid Python.*line 1",
    "raise ValueError('Set CORRIDOR.')": r"^Set CORRIDOR\.$",
}


@pytest.mark.parametrize("code", ITS_OWN_ERRORS)
def test_an_error_in_the_code_of_a_reader_is_its_own(code, tmp_path):
    (tmp_path / "my_reader.py").write_text(code)
    with pytest.raises(ValueError, match=ITS_OWN_ERRORS[code]):
        open_dataset(tmp_path, reader=f"{tmp_path / 'my_reader.py'}:Corridor")


def test_the_file_of_a_reader_may_hold_dataclasses(tmp_path):
    make_folders(tmp_path / "own", ["ann", "bob"])
    (tmp_path / "my_reader.py").write_text(
        "from __future__ import annotations\n"
        "from dataclasses import dataclass\n"
        f"{OWN}\n"
        "@dataclass\n"
        "class Row:\n"
        "    number: int\n"
    )
    place = f"{tmp_path / 'my_reader.py'}:Corridor"
    assert open_dataset(tmp_path / "own", reader=place).train


@pytest.mark.parametrize("name", ["none.py:A", "{}:B", "{}:number", "A", "a:B"])
def test_a_reader_that_is_not_there_is_named(tmp_path, name):
    file = tmp_path / "my_reader.py"
    file.write_text(OWN)
    with pytest.raises(ValueError, match="my_reader.py:MyReader"):
        open_dataset(tmp_path, reader=name.format(file))
