"""What would stop a run after hours raises before it starts."""

import json
import sys
from dataclasses import replace

import keras
import pytest
from dataset_trees import make_folders, make_regdb, make_sysu_mm01
from evaluation_datasets import Embed
from exported_model import shrink_tiny

from nfs_keras.datasets import SYSUMM01, FolderDataset, RegDB
from nfs_keras.modalities import DIRECTIONS
from nfs_keras.models import Architecture, keras_backbone
from nfs_keras.pipeline import (
    RunFolder,
    embed_test,
    evaluate_embedded,
    run_pipeline,
    run_trials,
)
from nfs_keras.pipeline.run_pipeline import describe_preset, open_run
from nfs_keras.pipeline.scoring import calibrate_network
from nfs_keras.presets import Demo


def test_indoor_search_is_calibrated_on_its_own_cameras(tmp_path):
    counts = {(c, i): 2 for c in range(1, 7) for i in range(1, 8)}
    root = make_sysu_mm01(tmp_path / "x", range(1, 6), [6], [7], counts)
    dataset = SYSUMM01(root, mode="indoor")
    _, held_out = dataset.hold_out()
    assert {s.camera for s in held_out} > {4, 5}
    with RunFolder(tmp_path / "run", {}) as run:
        calibrate_network(run, Embed(), dataset, held_out)
        found = run.read_json("calibration.json")["directions"]
    assert found.keys() == DIRECTIONS.keys()


def one_camera(root):
    """A table in which all training people stand before one camera."""
    names = [f"person{i:02d}" for i in range(16)]
    make_folders(root, names)
    rows = ["path,identity,modality,camera,split"]
    for i, name in enumerate(names):
        for number, modality in enumerate(("visible", "infrared"), 1):
            half, camera = ("train", 1) if i < 8 else ("test", number)
            rows += [
                f"{modality}/{name}/{k}.png,{name},{modality},{camera},{half}"
                for k in range(3)
            ]
    (root / "people.csv").write_text("\n".join(rows))
    return FolderDataset(root, csv_file="people.csv")


def test_people_who_cannot_calibrate_raise_before_training(tmp_path):
    dataset = one_camera(tmp_path / "data")
    with pytest.raises(ValueError, match="held out of .* without a match"):
        run_pipeline(tmp_path / "run", dataset, Demo().smoke())
    assert not (tmp_path / "run").exists()


@pytest.fixture
def regdb(tmp_path):
    """Twenty people, who suffice for a smoke preset."""
    trials = range(1, 11)
    return RegDB(make_regdb(tmp_path / "RegDB", 20, 5, trials))


@pytest.mark.parametrize("search", ["channel", "dual"])
def test_an_architecture_that_does_not_fit_leaves_no_folder(
    search, regdb, tmp_path, monkeypatch
):
    shrink_tiny(monkeypatch)
    preset = replace(Demo().smoke(), weights=None)
    file = tmp_path / "architecture.json"
    found = Architecture.derive(preset.network(2, "dual"))
    if search == "dual":  # with other images
        preset = replace(preset, image_shape=(64, 32, 3))
    found.save(file)
    with pytest.raises(ValueError, match="An architecture fits gates"):
        run_pipeline(
            *(tmp_path / "run", regdb, preset),
            search=search,
            architecture=file,
        )
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "stages, message",
    [
        (("evaluate",), "no model.keras for 'evaluate'"),
        (("export",), "no calibration.json for 'export'"),
        (("retrain", "compact"), "no searched.keras for 'compact'"),
        (("serach",), "stages='serach'"),
        ("search", "stages='s'"),
    ],
)
def test_a_stage_without_those_before_it_raises(
    stages, message, regdb, tmp_path
):
    with pytest.raises(ValueError, match=message):
        run_pipeline(tmp_path / "run", regdb, Demo().smoke(), stages=stages)
    assert not (tmp_path / "run" / "metrics.json").exists()


def test_a_run_that_could_write_no_report_does_not_start(
    regdb, tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(ImportError, match="report"):
        run_pipeline(tmp_path / "run", regdb, Demo().smoke())
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("run", [run_pipeline, run_trials])
def test_exchanged_arguments_are_named(run, regdb, tmp_path):
    with pytest.raises(ValueError, match=r"Received: output=RegDB\("):
        run(regdb, tmp_path / "run", Demo().smoke())


def test_data_are_found_from_another_folder(regdb, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    here = RegDB("RegDB")
    with open_run("run", here, Demo(), 0, "dual", None, False):
        pass
    embedded = embed_test(Embed(), here)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    facts = json.loads((tmp_path / "run" / "run.json").read_text())
    assert facts["dataset"]["root"] == str(tmp_path / "RegDB")
    table = evaluate_embedded(embedded, RegDB("../RegDB"))
    assert len(table.rows) == 2
    (tmp_path / "RegDB").rename(tmp_path / "moved")
    with pytest.raises(ValueError, match="Received: 100 images.*Move the data"):
        evaluate_embedded(embedded, RegDB("../moved"))


def own_backbone(filters):
    """A backbone of functions, whose addresses differ each time."""
    image = keras.Input((32, 16, 3))
    maps = keras.layers.Conv2D(filters, 3, 2, name="stem")(image)
    maps = keras.layers.Conv2D(filters, 3, 2, name="end")(maps)
    return keras_backbone(keras.Model(image, maps), "stem", ["end"])


def test_a_run_knows_its_own_backbone_again():
    first, same, other = (
        describe_preset(
            replace(Demo().smoke(), backbone=own_backbone(n), weights=None)
        )
        for n in (4, 4, 8)
    )
    assert first == same
    differs = {name for name in first if first[name] != other[name]}
    assert differs == {"backbone"}
