import dataclasses
import json

import numpy as np
import pytest
from fake_run import CELLS, EPOCHS, write_run_folder

from nfs_keras.evaluation import LLCM, REGDB, SYSU_ALL_SEARCH, Protocol
from nfs_keras.report.run import Run, sample_at, select_modality


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return write_run_folder(tmp_path_factory.mktemp("runs") / "whole")


def test_a_whole_run_misses_nothing(whole):
    run = Run(whole)
    assert run.missing == {}
    assert run.name == "whole"
    assert run.dataset["name"] == "regdb"
    assert list(run.history) == ["baseline", "search", "retrain"]
    assert [row["name"] for row in run.rows][0] == "baseline"


def test_metrics_that_a_stage_does_not_have_are_left_out(whole):
    history = Run(whole).history
    assert "temperature" not in history["baseline"]
    assert len(history["search"]["temperature"]) == EPOCHS


def test_gates_and_choice_have_the_shapes_of_the_cells(whole):
    run = Run(whole)
    for cell, (channels, height, width) in CELLS.items():
        assert run.gates[f"{cell}_channel"].shape == (EPOCHS, 2, channels)
        assert run.cells[cell]["channel"].shape == (2, channels)
        assert run.cells[cell]["spatial"].shape == (2, height, width)


def test_embeddings_are_selected_by_modality(whole):
    embedded = Run(whole).last_embeddings()
    assert len(embedded["path"]) == 80
    assert len(select_modality(embedded, "visible")["path"]) == 40
    assert sample_at(select_modality(embedded, "infrared"), 0).camera == 2


def test_embeddings_stand_in_the_order_of_evaluation(whole, tmp_path):
    assert Run(whole).embedding_names == ["baseline", "searched"]


def test_no_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match="holds run.json"):
        Run(tmp_path / "absent")
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(ValueError, match="run.json was unreadable: Expecting"):
        Run(tmp_path)


def test_one_part_is_enough(tmp_path):
    (tmp_path / "run.json").write_text('{"seed": 3}')
    run = Run(tmp_path)
    assert run.info == {"seed": 3}
    assert run.describe_missing("gates.npz") == "gates.npz was not written"
    assert run.last_embeddings() is None


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("history.csv", "epoch,loss\n0,1.0\n"),
        ("history.csv", "stage,epoch,loss\nsearch,0,what\n"),
        ("gates.npz", "no archive"),
        ("architecture.json", '{"schema": 1}'),
        ("architecture.json", '{"cells": {"stage1": {"channel": {"a": []}}}}'),
        ("metrics.json", "[]"),
        ("metrics.json", '{"rows": [{}]}'),
        ("calibration.json", "{"),
        ("embeddings/searched.npz", "no archive"),
    ],
)
def test_a_broken_part_is_missing_with_its_reason(tmp_path, name, content):
    (tmp_path / "embeddings").mkdir()
    (tmp_path / "run.json").write_text(json.dumps({"seed": 1}))
    (tmp_path / name).write_text(content)
    run = Run(tmp_path)
    run.last_embeddings()
    assert run.missing[name].startswith("unreadable: ")


def test_objects_in_an_archive_are_not_unpickled(tmp_path):
    (tmp_path / "run.json").write_text('{"seed": 3}')
    np.savez(tmp_path / "gates.npz", **{"a/channel": np.array([{}])})
    assert "unreadable" in Run(tmp_path).missing["gates.npz"]


def run_of(tmp_path, information):
    (tmp_path / "run.json").write_text(json.dumps(information))
    return Run(tmp_path)


def test_the_rules_of_the_test_are_those_that_were_recorded(tmp_path):
    rules = dataclasses.asdict(SYSU_ALL_SEARCH)
    found = run_of(tmp_path, {"protocol": rules}).protocol
    assert found.excluded == [[3, 2]] and not found.excludes_same_camera
    own = Protocol("own images", excludes_same_camera=True)
    rules = dataclasses.asdict(own)
    assert run_of(tmp_path, {"protocol": rules}).protocol.excludes_same_camera


@pytest.mark.parametrize(
    ("name", "protocol"),
    [("llcm", LLCM), ("sysu_mm01", SYSU_ALL_SEARCH), ("regdb", REGDB)],
)
def test_a_run_of_an_earlier_version_has_the_rules_of_its_dataset(
    tmp_path, name, protocol
):
    found = run_of(tmp_path, {"dataset": {"name": name}}).protocol
    assert found is protocol


def test_an_unknown_dataset_has_no_camera_rules(tmp_path):
    assert run_of(tmp_path, {"seed": 1}).protocol is REGDB


def test_a_gate_that_modalities_share_counts_for_both(tmp_path):
    content = {"schema": 2, "gates": {"stage1_channel": [[1, 0, 1]]}}
    (tmp_path / "architecture.json").write_text(json.dumps(content))
    mask = Run(tmp_path).cells["stage1"]["channel"]
    np.testing.assert_array_equal(mask, [[1, 0, 1], [1, 0, 1]])
