import json

import numpy as np
import pytest
from fake_run import CELLS, EPOCHS, write_run_folder

from nfs_keras.report.run import Run


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


def test_embeddings_part_by_modality(whole):
    embeddings = Run(whole).last_embeddings()
    assert len(embeddings.of("visible").path) == 40
    assert len(embeddings.path) == 80
    assert embeddings.of("infrared").sample(0).camera == 2


def test_embeddings_stand_in_the_order_of_evaluation(whole, tmp_path):
    assert Run(whole).embedding_names == ["baseline", "searched"]


def test_no_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match="holds run.json"):
        Run(tmp_path / "absent")
    with pytest.raises(ValueError, match="at least one part"):
        Run(tmp_path)


def test_one_part_is_enough(tmp_path):
    (tmp_path / "run.json").write_text('{"seed": 3}')
    run = Run(tmp_path)
    assert run.info == {"seed": 3}
    assert run.why("gates.npz") == "gates.npz was not written"
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
