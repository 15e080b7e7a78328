"""The pipeline, as a program: what it leaves, and how it resumes."""

import json
import shutil
from dataclasses import replace

import keras
import numpy as np
import pytest
from programs import EXAMPLES, SMALL, run
from small_smoke import small_smoke

from benchmarks.resume import differences
from nfs_keras.datasets import (
    FolderDataset,
    RegDB,
    open_dataset,
    trained_people,
)
from nfs_keras.evaluation import LLCM
from nfs_keras.layers import find_gates
from nfs_keras.models import Architecture, named_gates
from nfs_keras.pipeline import STAGES, run_pipeline
from nfs_keras.pipeline.run_pipeline import open_run
from nfs_keras.pipeline.scoring import evaluate_embedded
from nfs_keras.pipeline.training import RotatingSampler, search_batches
from nfs_keras.presets import Demo
from nfs_keras.report import Run, summarize_run
from nfs_keras.run_folder import read_embeddings
from nfs_keras.synthetic import synthesize_llcm, synthesize_regdb
from nfs_keras.synthetic.tree import SYNTHETIC_NOTE

DONE = [name for name in STAGES if name != "retrain"]  # which is an option


def train(data, output, *flags):
    words = ("--smoke", f"--data={data}", f"--output={output}", *flags)
    return run([SMALL, "traced", EXAMPLES / "train_regdb.py", *words])


def test_every_stage_is_done_and_timed(smoke_run):
    stages = json.loads((smoke_run / "run.json").read_text())["stages"]
    assert list(stages) == DONE
    assert all(stage["seconds"] > 0 for stage in stages.values())


def test_the_baseline_has_no_gates_and_the_searched_network_has(smoke_run):
    load = keras.models.load_model
    assert not find_gates(load(smoke_run / "baseline.keras"))
    searched = named_gates(load(smoke_run / "searched.keras"))
    chosen = Architecture.load(smoke_run / "architecture.json")
    assert searched.keys() == chosen.masks.keys()
    for name, gate in searched.items():
        assert gate.is_frozen
        np.testing.assert_array_equal(gate.mask, chosen.masks[name])


def test_the_budget_is_met_in_the_compacted_network(smoke_run):
    rows = json.loads((smoke_run / "metrics.json").read_text())["rows"]
    flops = {row["name"]: row["flops"] for row in rows}
    share = flops["compacted"] / flops["searched"]
    assert share == pytest.approx(Demo().budget, abs=0.01)


def test_too_few_people_for_a_search_raise_before_anything_is_trained(
    smoke_data, tmp_path
):
    with pytest.raises(ValueError, match=r"batch\[0\]=8, but a part .* 5\."):
        run_pipeline(tmp_path / "run", RegDB(smoke_data), Demo())
    assert not (tmp_path / "run").exists()


def test_a_bad_architecture_raises_before_there_is_a_folder(
    smoke_data, tmp_path
):
    (tmp_path / "bad.json").write_text("{}")
    with pytest.raises(ValueError, match="JSON file with a schema"):
        run_pipeline(
            tmp_path / "run",
            RegDB(smoke_data),
            Demo().smoke(),
            architecture=tmp_path / "bad.json",
        )
    assert not (tmp_path / "run").exists()


def test_ranks_that_cannot_be_raise_before_anything_is_trained(tmp_path):
    root = synthesize_regdb(tmp_path / "few", 4, 2, verbose=False)
    with pytest.raises(ValueError, match="Received"):
        run_pipeline(tmp_path / "run", RegDB(root), Demo().smoke())
    assert not (tmp_path / "run").exists()


def test_an_unknown_search_raises(smoke_data, tmp_path):
    with pytest.raises(ValueError, match="Received: search='colour'"):
        run_pipeline(
            tmp_path, RegDB(smoke_data), Demo().smoke(), search="colour"
        )


def rotating(samples, proxy):
    epochs, batch = range(1, 3), (2, 2)
    return RotatingSampler(samples, 5, 4, epochs, batch, 0, proxy)


def test_in_the_search_proxy_and_training_people_are_others(smoke_data):
    samples = RegDB(smoke_data).train
    train, proxy = (rotating(samples, proxy) for proxy in (False, True))
    folds = set()
    for step in range(4, 12):
        people = [
            {samples[i].identity for part in s.batch(step) for i in part}
            for s in (train, proxy)
        ]
        assert not people[0] & people[1]
        folds.add((step // 4, tuple(sorted(people[1]))))
    first, second = ({p for e, f in folds for p in f if e == n} for n in (1, 2))
    assert not first & second  # another fold in each epoch


def test_over_the_folds_everybody_is_the_proxy_once(smoke_data):
    samples = RegDB(smoke_data).train
    seen = [
        {samples[i].identity for i in rows}
        for rows, _ in rotating(samples, True).parts
    ]
    assert sum(map(len, seen)) == len(set.union(*seen)) == 12


@pytest.fixture(scope="module")
def pairs(smoke_data):
    """The pairs of batches of three epochs, and anew those of the last two."""
    preset = replace(Demo().smoke(), batch=(3, 4), proxy_batch=(2, 2))
    given = preset, RegDB(smoke_data).train, 0, 2
    return [
        list(search_batches(*given, first, 3).as_numpy_iterator())
        for first in (0, 1)
    ]


def test_outside_of_the_search_the_proxy_is_blank(pairs):
    blank = []
    for (_, labels), (images, people) in pairs[0]:
        for name in ("visible", "infrared"):
            counts = np.unique(labels[name], return_counts=True)[1]
            assert counts.tolist() == [4, 4, 4]
            assert len(people[name]) == 4
        blank.append(not images["visible"].any())
    assert blank == [True, True, False, False, True, True]


def test_batches_are_functions_of_their_step(pairs):
    whole, rest = pairs
    for one, other in zip(whole[2:], rest, strict=True):
        keras.tree.map_structure(np.testing.assert_array_equal, one, other)


def test_scores_on_synthetic_people_are_marked_everywhere(smoke_run):
    for name in ("log.txt", "metrics.md", "report.html"):
        assert SYNTHETIC_NOTE in (smoke_run / name).read_text("utf-8")
    assert SYNTHETIC_NOTE in summarize_run(smoke_run)
    card = (smoke_run / "saved_model" / "1" / "model_card.md").read_text()
    assert "| synthetic | True |" in card


def test_scores_on_other_images_do_not(smoke_data, smoke_run, tmp_path):
    data = shutil.copytree(smoke_data, tmp_path / "data")
    (data / "synthetic.json").unlink()
    embedded = read_embeddings(smoke_run / "embeddings/baseline.npz")
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


def test_people_who_calibrate_were_neither_trained_nor_tested_on(
    smoke_run, smoke_data
):
    calibration = json.loads((smoke_run / "calibration.json").read_text())
    dataset, held_out = RegDB(smoke_data), set(calibration["people"])
    assert held_out < {s.identity for s in dataset.train}
    assert not held_out & {s.identity for s in dataset.test}
    baseline = keras.models.load_model(smoke_run / "baseline.keras")
    assert baseline.num_identities == 12 - len(held_out)


def test_a_run_records_the_camera_rules_of_its_test(smoke_data, tmp_path):
    dataset = RegDB(smoke_data)
    dataset.protocol = LLCM
    with open_run(tmp_path / "run", dataset, Demo(), 0, "dual", None, False):
        assert Run(tmp_path / "run").protocol.excludes_same_camera


def test_a_network_knows_whom_it_was_trained_on(smoke_run, smoke_data):
    network = keras.models.load_model(smoke_run / "model.keras")
    assert network.facts["people"] == trained_people(RegDB(smoke_data))
    facts = network.facts["dataset"]
    assert (facts["name"], facts["trial"]) == ("regdb", 1)


def test_a_second_start_does_nothing_and_prints_the_results(
    smoke_data, smoke_run
):
    before = (smoke_run / "run.json").read_bytes()
    ended = train(smoke_data, smoke_run)
    assert ended.returncode == 0
    assert ended.stdout.count("done before:") == len(DONE)
    assert "==>" not in ended.stdout
    assert "fewer operations" in ended.stdout
    assert (smoke_run / "run.json").read_bytes() == before


def test_other_flags_raise_in_one_line(smoke_data, smoke_run):
    ended = train(smoke_data, smoke_run, "--seed=1")
    assert ended.returncode == 1
    assert "seed=1 (before: 0)" in ended.stderr.splitlines()[-1]


def test_corrupted_data_stop_it_before_anything(smoke_data, tmp_path):
    data = shutil.copytree(smoke_data, tmp_path / "data")
    image = sorted(data.rglob("*.bmp"))[3]
    image.write_bytes(image.read_bytes()[:500])
    ended = train(data, tmp_path / "run")
    assert ended.returncode == 1
    assert image.name in ended.stdout
    assert "nfs-reid check" in ended.stderr.splitlines()[-1]
    assert not (tmp_path / "run").exists()


def test_a_run_killed_before_it_saved_a_network_resumes(
    smoke_data, smoke_run, tmp_path
):
    """Only checkpoints are left, and halves of the later stages' results."""
    folder = shutil.copytree(smoke_run, tmp_path / "run")
    content = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**content, "stages": {}}))
    for name in ("baseline.keras", "searched.keras"):
        (folder / name).unlink()
    for name in ("model.keras", "metrics.json", "embeddings/compacted.npz"):
        (folder / name).write_bytes(b"half")
    (folder / "saved_model" / "1" / "saved_model.pb").unlink()
    (folder / ".partial-model.keras").write_bytes(b"half")
    ended = train(smoke_data, folder)
    assert ended.returncode == 0, ended.stderr
    assert differences(smoke_run, folder) == []
    assert (folder / "saved_model" / "1" / "saved_model.pb").exists()
    assert not list(folder.rglob(".partial*"))
    events = list((folder / "tensorboard" / "report" / "search").iterdir())
    assert len(events) == 1


def small_dataset(kind, root, smoke_data):
    """A dataset of a kind that trains and tests in seconds."""
    if kind == "llcm":
        return open_dataset(synthesize_llcm(root, 64, 1, verbose=False))
    for theirs, ours in (("Visible", "visible"), ("Thermal", "infrared")):
        shutil.copytree(smoke_data / theirs, root / ours)
    rows = ["path,identity,modality"]
    for file in sorted(root.rglob("*.bmp")):
        place = file.relative_to(root)
        rows.append(f"{place},{place.parts[1]},{place.parts[0]}")
    (root / "people.csv").write_text("\n".join(rows))

    class Corridor(FolderDataset):
        pass

    return Corridor(root, csv_file="people.csv")


@pytest.mark.parametrize("kind", ["llcm", "reader of a csv"])
def test_every_kind_of_dataset_is_searched_and_scored(
    kind, tmp_path, smoke_data
):
    """RegDB, SYSU-MM01 and folders have examples; `test_examples.py`."""
    with small_smoke():
        dataset = small_dataset(kind, tmp_path / "data", smoke_data)
        preset = Demo().smoke()
        if kind == "llcm":
            preset = replace(preset, batch=(8, 2))
        stages = ("search", "compact", "evaluate")
        run = run_pipeline(tmp_path / "run", dataset, preset, stages=stages)
    rows = run.read_json("metrics.json")["rows"]
    assert [row["name"] for row in rows] == ["searched", "compacted"]
    assert len({row["title"] for row in rows[-1]["rows"].values()}) == 2
