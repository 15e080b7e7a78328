import json

from fake_run import write_run_folder

from nfs_keras.report.compare import compare_runs, mean_deviation
from nfs_keras.report.run import Run


def write_trial(folder, trial, rank1):
    """Writes a run with scores only."""
    folder.mkdir()
    row = {"name": "searched", "visible_to_infrared": {"rank1": rank1}}
    info = {"dataset": {"name": "regdb", "trial": trial}}
    (folder / "metrics.json").write_text(json.dumps({"rows": [row]}))
    (folder / "run.json").write_text(json.dumps(info))
    return Run(folder)


def tables(blocks):
    return {x.caption: x for x in blocks if x.kind == "table"}


def test_one_trial_has_no_deviation(tmp_path):
    blocks = list(compare_runs([write_trial(tmp_path / "a", 1, 50.0)]))
    assert [x.kind for x in blocks] == ["table", "note"]
    assert "no deviation over trials" in blocks[1].text


def test_trials_of_one_dataset_have_mean_and_deviation(tmp_path):
    runs = [
        write_trial(tmp_path / f"trial{k}", k, 50.0 + 2 * k) for k in range(3)
    ]
    (row,) = tables(compare_runs(runs))[
        "Mean and standard deviation over trials, in percent"
    ].rows
    assert row[:3] == ["searched", "3", "52.0 \N{PLUS-MINUS SIGN} 2.0"]


def test_two_runs_of_the_same_trial_are_no_two_trials(tmp_path):
    runs = [write_trial(tmp_path / name, 1, 50.0) for name in "ab"]
    assert len(tables(compare_runs(runs))) == 1


def test_scores_that_are_absent_are_dashes(tmp_path):
    (table, _) = compare_runs([write_trial(tmp_path / "a", 1, 50.0)])
    dash = "\N{EN DASH}"
    assert table.rows == [["a", "searched", "50.0", *[dash] * 6]]
    assert mean_deviation([None, 1.0]) == dash


def test_several_runs_are_drawn_together(tmp_path):
    runs = [
        Run(write_run_folder(tmp_path / name, pictures=False)) for name in "ab"
    ]
    charts = [x for x in compare_runs(runs) if x.kind == "chart"]
    assert len(charts) == 3
    for drawing in charts:
        assert "a" in drawing.alt and "b" in drawing.alt


def test_without_scores_it_says_so(tmp_path):
    (tmp_path / "run.json").write_text('{"seed": 1}')
    (note,) = compare_runs([Run(tmp_path)])
    assert "Nothing was evaluated" in note.text
