import pytest
from dataset_trees import make_folders, make_regdb

from nfs_keras.datasets import (
    FolderDataset,
    RegDB,
    check_unseen,
    split_as_trained,
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


def write_table(root, name, people):
    rows = [
        f"{modality}/{person}/{i}.png,{person},{modality}"
        for modality in ("visible", "infrared")
        for person in people
        for i in range(3)
    ]
    (root / name).write_text("\n".join(["path,identity,modality", *rows]))
    return FolderDataset(root, csv_file=name, test_fraction=0.25)


def facts_of(dataset):
    return {
        "dataset": {"name": dataset.name, **dataset.options},
        "people": trained_people(dataset),
    }


def test_the_table_of_a_test_is_the_one_that_was_named(tmp_path):
    people = [f"person{i}" for i in range(8)]
    root = make_folders(tmp_path / "own", people)
    trained = write_table(root, "a.csv", people[:4])
    facts = facts_of(trained)
    write_table(root, "b.csv", people[4:])
    given = FolderDataset(root, csv_file="b.csv")
    dataset = split_as_trained(given, facts)
    assert dataset.csv_file == "b.csv" and dataset.test_fraction == 0.25
    assert dataset.identity_names == people[4:]


def test_a_dataset_is_split_as_it_was_for_the_training(tmp_path):
    root = make_regdb(tmp_path / "RegDB", trials=(1, 2))
    facts = facts_of(RegDB(root, trial=2))
    assert split_as_trained(RegDB(root), facts).trial == 2
    assert split_as_trained(RegDB(root), {}).trial == 1
    with pytest.raises(ValueError, match="trial=1.*were trained on"):
        split_as_trained(RegDB(root), facts, trial=1)
