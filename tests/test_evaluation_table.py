import json

import numpy as np
import pytest
from evaluation_datasets import Embed, FakeRegDB

from nfs_keras.evaluation import evaluate_regdb


@pytest.fixture
def table():
    embeds = {trial: Embed() for trial in (1, 2, 3)}
    return evaluate_regdb(embeds, FakeRegDB(), ranks=(1, 5))


def test_mean_and_deviation_are_over_trials(table):
    row = table["infrared to visible"]
    values = [100 * metrics.mean_ap for metrics in row.trials.values()]
    assert row.mean["mean_ap"] == pytest.approx(np.mean(values))
    assert row.deviation["mean_ap"] == pytest.approx(np.std(values, ddof=1))


def test_one_trial_has_no_deviation():
    table = evaluate_regdb(Embed(), FakeRegDB())
    assert set(table.rows[0].deviation.values()) == {0}
    assert "±" not in str(table)


def test_columns_are_aligned(table):
    lines = str(table).splitlines()
    assert lines[0] == "RegDB"
    assert len({len(line) for line in lines[1:4]}) == 1
    assert lines[1].split() == [
        *("R-1", "R-5", "mAP", "mINP"),
        *("valid", "queries", "trials"),
    ]


def test_json_holds_every_trial(table, tmp_path):
    table.save(tmp_path / "table.json")
    saved = json.loads((tmp_path / "table.json").read_text())
    assert saved == table.to_dict()
    trials = saved["rows"][0]["trials"]
    assert [*trials] == ["1", "2", "3"]
    assert trials["2"]["num_valid_queries"] == 30


def test_markdown_is_a_table(table, tmp_path):
    table.save(tmp_path / "table.md")
    lines = (tmp_path / "table.md").read_text(encoding="utf-8").splitlines()
    rows = [line for line in lines if line.startswith("|")]
    assert len(rows) == 4
    assert len({line.count("|") for line in rows}) == 1
    assert "±" in rows[2]


def test_other_formats_raise(table, tmp_path):
    with pytest.raises(ValueError, match="table.csv"):
        table.save(tmp_path / "table.csv")


def test_an_unknown_row_is_named(table):
    with pytest.raises(KeyError, match="visible to infrared"):
        table["all-search"]
