import pytest
from dataset_trees import make_folders, make_regdb

from nfs_keras.datasets import (
    FolderDataset,
    RegDB,
    check_unseen,
    trained_people,
)


def test_the_people_of_another_trial_were_partly_trained_on(tmp_path):
    root = make_regdb(tmp_path / "RegDB", trials=(1, 2))
    trained = trained_people(RegDB(root, trial=1))
    assert len(trained) == len(set(trained)) == 4
    check_unseen(RegDB(root, trial=1), trained)
    with pytest.raises(ValueError, match="trial=2.*1 were trained on"):
        check_unseen(RegDB(root, trial=2), trained)


def test_another_dataset_has_other_people_of_the_same_numbers(tmp_path):
    regdb = RegDB(make_regdb(tmp_path / "a"))
    other = RegDB(make_regdb(tmp_path / "b", images=4))
    check_unseen(other.replace(trial=1), trained_people(regdb))


def test_a_folder_may_move_and_its_people_are_known_all_the_same(tmp_path):
    names = ["ann", "bob", "cy", "di"]
    dataset = FolderDataset(make_folders(tmp_path / "here", names))
    trained = trained_people(dataset)
    dataset.root.rename(tmp_path / "there")
    check_unseen(FolderDataset(tmp_path / "there"), trained)
    with pytest.raises(ValueError, match="was not trained on"):
        for seed in range(1, 9):
            check_unseen(FolderDataset(tmp_path / "there", seed=seed), trained)
