"""What the verbs make of their words before anything is trained or loaded."""

import importlib
import pathlib

import keras
import pytest
from dataset_trees import make_folders, make_regdb

from nfs_keras.cli.main import main

ARCHITECTURE = "--architecture=architecture.json"
TRAINING = ("train", "search", "retrain")


@pytest.fixture
def started(monkeypatch):
    """The datasets of the runs that would have been started."""
    found = []

    def pretend(output, dataset, *options, **more):
        found.append(dataset)
        return pathlib.Path(output)

    for verb in TRAINING:
        module = importlib.import_module(f"nfs_keras.cli.{verb}")
        monkeypatch.setattr(module, "run_pipeline", pretend)
    module = importlib.import_module("nfs_keras.cli.train")
    monkeypatch.setattr(module, "run_trials", pretend)
    return found


def nfs_reid(verb, *words):
    more = [ARCHITECTURE] if verb == "retrain" else []
    return main(["nfs-reid", verb, *more, "--output=run", *map(str, words)])


@pytest.mark.parametrize("verb", TRAINING)
def test_data_are_named_with_or_without_a_flag(verb, started, tmp_path):
    root = make_folders(tmp_path / "my_images", ["ann", "bob"])
    assert nfs_reid(verb, root) == nfs_reid(verb, f"--data={root}") == 0
    assert [dataset.root for dataset in started] == [root, root]


@pytest.mark.parametrize("words", [[], ["a", "b"], ["a", "--data=b"]])
def test_data_are_named_once(words, started, capsys):
    assert nfs_reid("train", *words) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "takes 1 argument: DATA. Received: [" in line


def test_a_trial_is_chosen_where_there_are_some(started, tmp_path, capsys):
    regdb = make_regdb(tmp_path / "RegDB")
    assert nfs_reid("train", regdb, "--trial=3") == 0
    assert nfs_reid("train", regdb, "--trial=all") == 0
    assert [dataset.trial for dataset in started] == [3, 1]
    own = make_folders(tmp_path / "my_images", ["ann", "bob"])
    assert nfs_reid("train", own, "--trial=3") == 1
    assert "Received: trial=3 for FolderDataset" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["evaluate", "export"])
def test_a_plain_keras_model_is_no_network(verb, tmp_path, capsys):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.save(tmp_path / "smaller.keras")
    root = make_folders(tmp_path / "my_images", ["ann", "bob"])
    flag = f"--model={tmp_path / 'smaller.keras'}"
    assert main(["nfs-reid", verb, flag, str(root)]) == 1
    assert "smaller.keras, a Sequential. Pass" in capsys.readouterr().err
