"""What would stop a run after hours raises before it starts."""

import pytest
from dataset_trees import make_folders, make_sysu_mm01
from evaluation_datasets import Embed

from nfs_keras.datasets import SYSUMM01, FolderDataset
from nfs_keras.modalities import DIRECTIONS
from nfs_keras.pipeline import RunFolder, run_pipeline
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
