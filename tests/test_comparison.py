import json

from evaluation_datasets import Embed, FakeLLCM, FakeSYSUMM01
from fake_run import write_run_folder

from nfs_keras.evaluation import evaluate
from nfs_keras.pipeline.scoring import describe_scores
from nfs_keras.report import Run
from nfs_keras.report.comparison import (
    compare_networks,
    describe_results,
    format_results,
    mean_deviation,
)


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
    blocks = list(compare_networks([write_trial(tmp_path / "a", 1, 50.0)]))
    assert [x.kind for x in blocks] == ["table"]


def test_trials_of_one_dataset_have_mean_and_deviation(tmp_path):
    runs = [
        write_trial(tmp_path / f"trial{k}", k, 50.0 + 2 * k) for k in range(3)
    ]
    (row,) = tables(compare_networks(runs))[
        "Mean and standard deviation over trials, in percent"
    ].rows
    assert row[:3] == ["searched", "3", "52.0 \N{PLUS-MINUS SIGN} 2.0"]


def test_two_runs_of_the_same_trial_are_no_two_trials(tmp_path):
    runs = [write_trial(tmp_path / name, 1, 50.0) for name in "ab"]
    assert len(tables(compare_networks(runs))) == 1


def test_scores_that_are_absent_are_dashes(tmp_path):
    (table,) = compare_networks([write_trial(tmp_path / "a", 1, 50.0)])
    dash = "\N{EN DASH}"
    assert table.rows == [["a", "searched", "50.0", *[dash] * 7]]
    assert mean_deviation([None, 1.0]) == dash


def test_several_runs_are_plotted_together(tmp_path):
    runs = [
        Run(write_run_folder(tmp_path / name, images=False)) for name in "ab"
    ]
    charts = [x for x in compare_networks(runs) if x.kind == "chart"]
    assert len(charts) == 3
    for found in charts:
        assert "a" in found.alt and "b" in found.alt


def test_a_run_without_scores_has_a_note(tmp_path):
    (tmp_path / "run.json").write_text('{"seed": 1}')
    (note,) = compare_networks([Run(tmp_path)])
    assert "Nothing was evaluated" in note.text


def test_the_head_of_a_page_states_result_and_cost(tmp_path):
    run = Run(write_run_folder(tmp_path / "run", images=False))
    note, table = compare_networks([run])
    for words in ("R-1 +9.0, +9.0; mAP +9.0, +9.0", "40% fewer operations"):
        assert words in note.text
    assert table.rows[-1] == [
        *("run", "compacted against baseline", "+9.0", "+9.0", "+9.0", "+9.0"),
        *("-40%", "-32%", "+25%", "+5%"),
    ]


def test_synthetic_scores_are_labelled_first(tmp_path):
    run = write_trial(tmp_path / "a", 1, 50.0)
    run.info["dataset"]["synthetic"] = True
    label, *_ = compare_networks([run])
    assert "Synthetic people" in label.text


def network(name, *figures, flops=61.7e6, **spread):
    forth, back = (
        {"rank1": r, "mean_ap": m, **spread}
        for r, m in (figures[:2], figures[2:])
    )
    return {
        "name": name,
        "visible_to_infrared": forth,
        "infrared_to_visible": back,
        "flops": flops,
        "images_per_second": 2228.4,
        "cpu_seconds": 95.0,
    }


BASELINE = network("baseline", 50.0, 40.0, 52.0, 41.0)


def test_a_line_holds_scores_and_costs():
    *_, line = format_results([BASELINE]).splitlines()
    assert line.split() == [
        "baseline", "50.0", "40.0", "52.0", "41.0", "61.7", "M", "2,228",
        "1", "min", "35", "s",
    ]  # fmt: skip


def test_gain_and_loss_are_stated_as_they_are_with_what_was_saved():
    searched = network("compacted", 53.0, 39.0, 54.5, 41.5, flops=30.85e6)
    text = format_results([BASELINE, searched])
    assert "R-1 +3.0, +2.5; mAP -1.0, +0.5; 50% fewer operations" in text


def test_what_both_trainings_cost_is_stated():
    text = format_results([BASELINE, network("compacted", 51, 41, 51, 41)])
    assert "Processor time of training: 1 min 35 s the baseline" in text


def test_chance_is_stated_with_a_single_run():
    baseline = network(
        "baseline", 50, 40, 50, 40, intervals={"rank1": (46, 54.4)}
    )
    text = format_results([baseline, network("compacted", 51, 41, 51, 41)])
    assert "could be 4.2 off" in text


def test_deviation_is_stated_with_several_trials():
    baseline = network("baseline", 50, 40, 50, 40, deviation={"rank1": 1.5})
    text = format_results([baseline, network("compacted", 51, 41, 51, 41)])
    assert "R-1 deviates by 1.5" in text


def test_a_dataset_with_one_direction_has_one():
    del (only := network("baseline", 50, 40, 50, 40))["visible_to_infrared"]
    text = format_results([only])
    assert "R-1 I→V" in text and "V→I" not in text


def test_columns_are_aligned():
    lines = format_results([BASELINE, BASELINE]).splitlines()
    assert len({len(line) for line in lines[1:]}) == 1


def test_synthetic_people_are_named():
    assert "Synthetic people" in format_results([BASELINE], synthetic=True)
    assert "Synthetic" not in format_results([BASELINE])


def test_costs_that_are_absent_are_no_part_of_the_gain():
    rows = [
        network("baseline", 50, 40, 50, 40),
        network("compacted", 51, 41, 51, 41),
    ]
    for row in rows:
        del row["flops"], row["cpu_seconds"]
    *_, gain = format_results(rows).splitlines()
    assert gain.endswith("R-1 +1.0, +1.0; mAP +1.0, +1.0.")


def write_evaluation(folder, *readers):
    """Writes what an evaluation finds, a network for each reader."""
    folder.mkdir()
    rows = []
    for reader in readers:
        table = evaluate(Embed(), reader, ranks=(1, 5), trials=(0, 1))
        name = f"network{len(rows)}"
        rows.append({"name": name, **describe_scores(table)})
    (folder / "metrics.json").write_text(json.dumps({"rows": rows}))
    return Run(folder)


def test_every_row_of_sysu_has_its_table_with_deviations(tmp_path):
    run = write_evaluation(tmp_path / "run", FakeSYSUMM01())
    found = tables(describe_results(run))
    assert [*found] == [
        f"{mode}-search, {shots}-shot, in percent"
        for mode in ("all", "indoor")
        for shots in ("single", "multi")
    ]
    first = run.rows[0]["rows"]["indoor_search_multi_shot"]
    ((name, rank1, *_),) = found["indoor-search, multi-shot, in percent"].rows
    plus_minus = f" \N{PLUS-MINUS SIGN} {first['deviation']['rank1']:.1f}"
    assert (name, rank1) == ("network0", f"{first['rank1']:.1f}{plus_minus}")


def test_scores_are_named_where_their_direction_does_not_say_all(tmp_path):
    sysu = write_evaluation(tmp_path / "sysu", FakeSYSUMM01())
    assert "I→V is all-search, single-shot." in format_results(sysu.rows)
    paper, released = (
        write_evaluation(tmp_path / scoring, FakeLLCM(scoring=scoring))
        for scoring in ("paper", "released")
    )
    assert " is " not in format_results(paper.rows)
    name = "V→I is visible to infrared, released program."
    assert name in format_results(released.rows)
    notes = [
        x.text for x in compare_networks([paper, released]) if x.kind == "note"
    ]
    assert notes == [f"In released {name}"]
