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


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "holiday.jpg").touch()
    with pytest.raises(ValueError, match=r"which holds \['holiday.jpg'\]"):
        open_dataset(tmp_path)


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match="root='.*nowhere'"):
        open_dataset(tmp_path / "nowhere")
