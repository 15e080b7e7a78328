"""The pipeline under `--strategy=mirrored`, on two logical devices."""

import csv
import json
import pathlib
import sys

import mirrored_run
import numpy as np
import pytest
from programs import run

from benchmarks.resume import read_arrays, same
from nfs_keras.cli.main import main
from nfs_keras.datasets import RegDB
from nfs_keras.pipeline import STAGES, run_pipeline
from nfs_keras.presets import Demo
from nfs_keras.scale import Embedder

PROGRAM = pathlib.Path(mirrored_run.__file__)


@pytest.fixture(scope="module")
def runs(smoke_data, tmp_path_factory):
    """The folder of the three runs of `mirrored_run.py`."""
    folder = tmp_path_factory.mktemp("mirrored")
    words = [PROGRAM, smoke_data, folder]
    run(words, check=True, CUDA_VISIBLE_DEVICES="")
    return folder


def run_facts(run):
    return json.loads((run / "run.json").read_text())


def first_epoch(run):
    """The values of the search's first epoch, which draws no noise."""
    with (run / "history.csv").open(newline="") as file:
        rows = [r for r in csv.DictReader(file) if r["stage"] == "search"]
    return {
        name: float(value)
        for name, value in rows[0].items()
        if value and name != "stage" and "seconds" not in name
    }


def test_every_stage_is_done(runs):
    assert list(run_facts(runs / "whole")["stages"]) == [
        name for name in STAGES if name != "retrain"
    ]


def test_a_killed_search_ends_as_if_nothing_had_happened(runs):
    one, other = runs / "resumed", runs / "whole"
    _, killed, resumed = (one / "log.txt").read_text().split("--- ")
    assert "search 1/3" in killed and "search 1/3" not in resumed
    assert same(*(read_arrays(run / "gates.npz") for run in (one, other)))
    chosen = "architecture.json"
    assert (one / chosen).read_bytes() == (other / chosen).read_bytes()


def test_two_devices_train_on_a_batch_as_one_does(runs):
    mirrored, single = (first_epoch(runs / x) for x in ("whole", "single"))
    assert mirrored["triplet"] > 0 and mirrored["contrast"] > 0
    assert mirrored == pytest.approx(single, rel=1e-4)


def test_one_device_serves_what_two_have_trained(runs):
    test = read_arrays(runs / "whole" / "embeddings" / "compacted.npz")
    image = pathlib.Path(test["path"][0]).read_bytes()
    model = runs / "whole" / "saved_model" / "1"
    embedder = Embedder(model, str(test["modality"][0]))
    expected = test["embedding"][:1]
    np.testing.assert_allclose(embedder([image]), expected, atol=1e-4)


def test_a_run_resumes_on_as_many_devices_only(
    runs, smoke_data, capsys, monkeypatch
):
    monkeypatch.setattr("nfs_keras.cli.main.prepare_tensorflow", lambda: None)
    assert run_facts(runs / "whole")["options"]["replicas"] == 2
    flags = [f"--data={smoke_data}", f"--output={runs / 'whole'}", "--smoke"]
    assert main(["nfs-reid", "search", *flags]) == 1
    assert "replicas=1 (before: 2)" in capsys.readouterr().err


def test_people_that_cannot_be_shared_out_raise(
    smoke_data, tmp_path, monkeypatch
):
    module = sys.modules["nfs_keras.pipeline.check_run"]
    monkeypatch.setattr(module, "num_replicas", lambda: 3)
    with pytest.raises(ValueError, match="num_identities=2, num_shards=3"):
        run_pipeline(tmp_path / "run", RegDB(smoke_data), Demo().smoke())
    assert not (tmp_path / "run").exists()
