"""The main job, as a program: what it leaves, and how it goes on."""

import json
import shutil
from dataclasses import replace

import keras
import numpy as np
import pytest
from examples_runner import run_example

from benchmarks.resume import differences
from nfs_keras.datasets import RegDB, split_by_identity, synthesize_regdb
from nfs_keras.models import Architecture
from nfs_keras.pipeline import STAGES, run_pipeline
from nfs_keras.pipeline.job import Job
from nfs_keras.pipeline.scoring import (
    evaluate_embedded,
    load_embedded,
    mean_average_precision,
)
from nfs_keras.pipeline.training import make_batches, start_network
from nfs_keras.recipes import demo
from nfs_keras.report import summarize_run
from nfs_keras.report.run import SYNTHETIC


def train(data, output, *flags):
    words = ("--smoke", f"--data_dir={data}", f"--output={output}", *flags)
    return run_example("train_regdb.py", *words)


def test_every_stage_is_done_and_timed(smoke_run):
    stages = json.loads((smoke_run / "run.json").read_text())["stages"]
    assert list(stages) == list(STAGES)
    assert all(stage["seconds"] > 0 for stage in stages.values())


def test_the_baseline_has_no_gates_and_the_searched_network_has(smoke_run):
    load = keras.models.load_model
    assert not load(smoke_run / "baseline.keras").cells
    searched = load(smoke_run / "searched.keras")
    chosen = Architecture.load(smoke_run / "architecture.json")
    assert searched.cells.keys() == chosen.cells.keys()
    for name, cell in searched.cells.items():
        for level, gate in cell.levels().items():
            np.testing.assert_array_equal(
                np.squeeze(gate.mask), chosen.cells[name][level]
            )


def test_too_few_people_for_a_search_are_told_before_anything_is_trained(
    smoke_data, tmp_path
):
    with pytest.raises(
        ValueError, match=r"proxy_batch\[0\]=16, but .* 4 people"
    ):
        run_pipeline(tmp_path / "run", RegDB(smoke_data), demo())
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("search", ["dual", "channel", "spatial"])
def test_compressed_means_a_budget_and_gates_inside_blocks_if_any(
    smoke_data, search
):
    recipe = demo().smoke().compressed()
    job = Job(None, RegDB(smoke_data), recipe, 0, search, ())
    cells = start_network(job, search).cells
    assert len(cells) == (4 if search == "spatial" else 8)
    assert 0 < recipe.budget < 1


def test_proxy_batches_hold_the_people_of_the_recipe(smoke_data):
    dataset = RegDB(smoke_data)
    recipe = replace(demo(), batch=(3, 4), proxy_batch=(4, 2))
    job = Job(None, dataset, recipe, 0, "dual", ())
    halves = split_by_identity(dataset.train, seed=0)
    (train, proxy), *_ = make_batches(job, halves, 0, 1)
    for (_, labels), (people, pictures) in ((train, (3, 4)), (proxy, (4, 2))):
        for name in ("visible", "infrared"):
            counts = np.unique(labels[name], return_counts=True)[1]
            assert counts.tolist() == [pictures] * people


def test_what_derivation_costs_is_kept(smoke_data, smoke_run):
    _, proxy = split_by_identity(RegDB(smoke_data).train, seed=0)
    (state,) = smoke_run.glob("checkpoints/search/last-*.keras")
    network = keras.models.load_model(state).network
    gap = json.loads((smoke_run / "discretisation_gap.json").read_text())
    assert gap["relaxed"] == pytest.approx(
        mean_average_precision(network, proxy)
    )
    chosen = Architecture.load(smoke_run / "architecture.json")
    for name, cell in network.cells.items():
        for level, gate in cell.levels().items():
            gate.freeze(chosen.gate_mask(name, level))
    assert gap["derived"] == pytest.approx(
        mean_average_precision(network, proxy)
    )
    assert "mAP on the proxy people" in (smoke_run / "log.txt").read_text()


def test_scores_on_drawn_people_say_so_wherever_they_stand(smoke_run):
    for name in ("log.txt", "metrics.md", "report.html"):
        assert SYNTHETIC in (smoke_run / name).read_text("utf-8")
    assert SYNTHETIC in summarize_run(smoke_run)
    card = (smoke_run / "saved_model" / "1" / "model_card.md").read_text()
    assert "| synthetic | True |" in card


def test_scores_on_photographs_do_not(smoke_data, smoke_run, tmp_path):
    data = shutil.copytree(smoke_data, tmp_path / "data")
    (data / "synthetic.json").unlink()
    embedded = load_embedded(smoke_run, "baseline")
    paths = np.char.replace(embedded["path"], str(smoke_data), str(data))
    table = evaluate_embedded({**embedded, "path": paths}, RegDB(data))
    assert table.notes == ()


def test_compaction_keeps_the_scores(smoke_run):
    rows = json.loads((smoke_run / "metrics.json").read_text())["rows"]
    _, searched, compacted = rows
    for direction in ("visible_to_infrared", "infrared_to_visible"):
        for figure in ("rank1", "mean_ap"):
            assert compacted[direction][figure] == pytest.approx(
                searched[direction][figure], abs=0.01
            )


def test_a_second_start_does_nothing_and_tells_the_results(
    smoke_data, smoke_run, capsys
):
    before = (smoke_run / "run.json").read_bytes()
    assert train(smoke_data, smoke_run) == 0
    said = capsys.readouterr().out
    assert said.count("done before:") == len(STAGES) and "==>" not in said
    assert "The search" in said and "FLOPs" in said
    assert (smoke_run / "run.json").read_bytes() == before


def test_other_flags_are_refused_in_one_line(smoke_data, smoke_run, capsys):
    assert train(smoke_data, smoke_run, "--seed=1") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "seed=1 (before: 0)" in line


def test_corrupted_data_stop_it_before_anything(smoke_data, tmp_path, capsys):
    data = tmp_path / "data"
    shutil.copytree(smoke_data, data)
    picture = sorted(data.rglob("*.bmp"))[3]
    picture.write_bytes(picture.read_bytes()[:500])
    assert train(data, tmp_path / "run") == 1
    told = capsys.readouterr()
    assert "error         1  image is damaged or cut off" in told.out
    assert picture.name in told.out
    (line,) = told.err.splitlines()
    assert "nfs-reid check" in line
    assert not (tmp_path / "run").exists()


def test_a_job_killed_before_it_saved_anything_trained_goes_on(
    smoke_data, smoke_run, tmp_path
):
    """Only checkpoints are left, and halves of the later stages' results."""
    folder = tmp_path / "run"
    shutil.copytree(smoke_run, folder)
    content = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**content, "stages": {}}))
    for name in ("baseline.keras", "searched.keras", "architecture.json"):
        (folder / name).unlink()
    for name in ("model.keras", "metrics.json", "embeddings/compacted.npz"):
        (folder / name).write_bytes(b"half")
    (folder / "saved_model" / "1" / "saved_model.pb").unlink()
    (folder / ".partial-model.keras").write_bytes(b"half")
    assert train(smoke_data, folder) == 0
    assert differences(smoke_run, folder) == []
    assert (folder / "saved_model" / "1" / "saved_model.pb").exists()
    assert not list(folder.rglob(".partial*"))
    events = list((folder / "tensorboard" / "report" / "search").iterdir())
    assert len(events) == 1


def test_ranks_that_cannot_be_are_refused_before_anything_is_trained(tmp_path):
    root = synthesize_regdb(tmp_path / "few", 4, 2, verbose=False)
    with pytest.raises(ValueError, match="between 1 and the 4 images"):
        run_pipeline(tmp_path / "run", RegDB(root), demo().smoke())
    assert not (tmp_path / "run").exists()
