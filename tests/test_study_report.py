import json

import numpy as np
import pytest
from scipy import stats

from benchmarks import study_report
from benchmarks.study_numbers import (
    BUDGETED,
    FULL,
    difference,
    flops_saved,
    read_study,
    targets,
)

DIRECTIONS = ("visible_to_infrared", "infrared_to_visible")


def made_up_lines(levels, seeds=(0, 1, 2, 3, 4), dataset="regdb:made_up"):
    """Lines of rows that score about `levels`, shifted alike by the seed."""
    generator = np.random.default_rng(0)
    lines = []
    for seed in seeds:
        luck = generator.normal(0, 3)
        for row, level in levels.items():
            scores = level + luck + generator.normal(0, 0.5, (2, 3))
            figures = ("rank1", "mean_ap", "mean_inp")
            line = {
                "row": row,
                "seed": seed,
                "dataset": dataset,
                "flops": 20e6 if row.endswith("_compact") else 40e6,
                "seconds": 100.0 + seed,
                "command": f"python -m benchmarks.study --rows={row}",
                "commit": "c0ffee",
                "epochs": 20,  # a key that the page does not know
            }
            for name, values in zip(DIRECTIONS, scores, strict=True):
                line[name] = dict(zip(figures, values, strict=True))
            if row not in ("baseline", "baseline_cmco", "cbam"):
                line["open_fraction"] = 0.75
                line["discretisation_gap_mean_ap"] = 1.0
            lines.append(line)
    return lines


def write_lines(path, lines):
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def study_of(tmp_path, *arguments, **options):
    lines = made_up_lines(*arguments, **options)
    return read_study(write_lines(tmp_path / "study.jsonl", lines))


LEVELS = {
    "baseline": 20,
    "baseline_cmco": 25,
    FULL: 35,
    f"{FULL}_compact": 35,
    "random": 22,
    "cbam": 26,
}


@pytest.mark.parametrize("metric", ["rank1", "mean_ap"])
def test_a_difference_and_its_interval_are_those_of_a_paired_t_test(
    tmp_path, metric
):
    (rows,) = study_of(tmp_path, LEVELS).values()
    mine, theirs = (
        np.array(
            [
                (line[DIRECTIONS[0]][metric] + line[DIRECTIONS[1]][metric]) / 2
                for line in rows[row].values()
            ]
        )
        for row in (FULL, "baseline")
    )
    found = difference(rows[FULL], rows["baseline"], metric)
    test = stats.ttest_rel(mine, theirs)
    interval = test.confidence_interval(0.95)
    assert found.mean == pytest.approx(np.mean(mine - theirs))
    assert (found.low, found.high) == pytest.approx(tuple(interval))
    assert (found.verdict == "above") == (test.pvalue < 0.05)


def test_pairing_takes_out_the_luck_that_rows_share(tmp_path):
    (rows,) = study_of(tmp_path, LEVELS).values()
    found = difference(rows[FULL], rows["random"], "mean_ap")
    assert found.verdict == "above"
    assert found.half < 1.5  # the seeds themselves differ by three and more


def test_only_seeds_that_both_rows_have_are_compared(tmp_path):
    lines = made_up_lines(LEVELS)
    lines = [x for x in lines if x["row"] != "cbam" or x["seed"] in (1, 3, 4)]
    (rows,) = read_study(write_lines(tmp_path / "lines", lines)).values()
    assert difference(rows["cbam"], rows["baseline"], "rank1").num_seeds == 3
    others = {9: rows["baseline"][0]}
    assert difference(rows["cbam"], others, "rank1") is None


def test_one_seed_gets_neither_interval_nor_verdict(tmp_path):
    study = study_of(tmp_path, LEVELS, seeds=(0,))
    (rows,) = study.values()
    found = difference(rows[FULL], rows["baseline"], "rank1")
    assert found.half is None and found.verdict == "one seed"
    assert {target.met for target in targets(rows)} <= {None, True}
    page = study_report.write_page(study)
    assert "±" not in page.partition("### Targets")[0].replace("mean ±", "")
    assert " to +" not in page


@pytest.mark.parametrize(
    "full, random, met",
    [
        (35, 22, [True] * 12),
        (27, 22, [False] * 4 + [True] * 8),
        (20, 22, [False] * 6 + [True, True, False] * 2),
    ],
)
def test_targets_are_judged_by_the_numbers(tmp_path, full, random, met):
    levels = LEVELS | {FULL: full, BUDGETED: full, "random": random}
    (rows,) = study_of(tmp_path, levels).values()
    for row in (FULL, BUDGETED):
        rows[f"{row}_compact"] = {
            seed: {**line, "flops": 20e6} for seed, line in rows[row].items()
        }
    judged = [target.met for target in targets(rows)]
    assert judged == met


def test_a_target_whose_runs_are_missing_is_not_known(tmp_path):
    (rows,) = study_of(tmp_path, {"baseline": 20, FULL: 35}).values()
    met = [target.met for target in targets(rows)]
    assert met[0] is True and set(met[1:]) == {None}


def test_half_the_operations_are_half_saved(tmp_path):
    (rows,) = study_of(tmp_path, LEVELS).values()
    assert flops_saved(rows[f"{FULL}_compact"], rows[FULL]) == 50
    assert flops_saved(None, rows[FULL]) is None


def test_of_two_lines_of_one_run_the_last_counts(tmp_path):
    lines = made_up_lines({"baseline": 20}, seeds=(0,))
    again = {**lines[0], "seconds": 7.0}
    (rows,) = read_study(write_lines(tmp_path / "x", [*lines, again])).values()
    assert rows["baseline"][0]["seconds"] == 7.0


def test_the_page_has_every_row_mean_and_dataset(tmp_path):
    lines = made_up_lines(LEVELS) + made_up_lines(
        {"baseline": 50, "a_new_row": 51}, dataset="sysu_mm01:other"
    )
    study = read_study(write_lines(tmp_path / "study.jsonl", lines))
    page = study_report.write_page(study, discussed="It is so.")
    assert "## On `regdb:made_up`" in page and "sysu_mm01:other" in page
    assert "## Discussion\n\nIt is so." in page
    for row in ("baseline", FULL, "random", "cbam", "a_new_row"):
        assert f"\n| `{row}` | 5 |" in page
    rank1 = [
        line["visible_to_infrared"]["rank1"]
        for line in study["regdb:made_up"]["cbam"].values()
    ]
    mean, deviation = np.mean(rank1), np.std(rank1, ddof=1)
    assert f"| `cbam` | 5 | {mean:.1f} ± {deviation:.1f} |" in page


def test_the_program_writes_the_page_and_its_figures(tmp_path):
    path = write_lines(tmp_path / "study.jsonl", made_up_lines(LEVELS))
    output = tmp_path / "docs" / "results.md"
    output.parent.mkdir()
    study_report.main([f"--results={path}", f"--output={output}"])
    page = output.read_text()
    assert "![" in page and (output.parent / "images" / "study.png").exists()


def test_the_committed_page_is_up_to_date():
    """`python -m benchmarks.study_report` makes it so."""
    if not study_report.LINES.exists():
        assert not study_report.PAGE.exists()
        return
    study = read_study(study_report.LINES)
    page = study_report.write_page(study, study_report.discussion())
    assert study_report.PAGE.read_text() == page
