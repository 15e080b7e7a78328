"""The benchmark of six Keras models, on the two that are quickest."""

import pytest

from benchmarks import any_model
from benchmarks.any_model import LIMIT, MODELS, main, run


@pytest.mark.parametrize("name", ["Sequential", "MobileNetV2"])
def test_a_keras_model_is_compacted_exactly_and_saves_operations(
    name, monkeypatch
):
    if name != "Sequential":  # the timings of one model will do
        monkeypatch.setattr(any_model, "caller", lambda *_: None)
        monkeypatch.setattr(any_model, "paired_ratio", lambda *_: None)
    row = run(name, with_export=False)
    assert row["difference"] < LIMIT
    saved = 1 - row["after"] / row["before"]
    assert 0.4 * row["savable"] < saved < row["savable"]


def test_every_model_has_gates_behind_at_least_four_layers():
    assert len(MODELS) == 6
    assert all(len(set(after)) >= 4 for _, after in MODELS.values())


@pytest.mark.usefixtures("quick_limits")
def test_the_program_prints_a_line_for_each_model(capsys, monkeypatch):
    row = {
        "difference": 1e-7,
        "plain": 0.0,
        "before": 100,
        "after": 60,
        "savable": 0.8,
        "seconds": 1.0,
        "ratio": {"value": 1.2},
    }
    monkeypatch.setattr(any_model, "run", lambda *a, **k: row)
    assert main(["--smoke"]) == 0
    assert "Sequential" in capsys.readouterr().out
    monkeypatch.setitem(row, "difference", 1e-3)
    assert main(["--smoke"]) == 1
    assert "not exact or not smaller" in capsys.readouterr().out
