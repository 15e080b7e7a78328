"""The study's page compares rows in pairs of the same world and seed."""

import json

import numpy as np

from benchmarks import study_page
from benchmarks.study_page import (
    RESULTS,
    format_tables,
    interval,
    read_lines,
)


def line(row, world, rank1, operations=100, seconds=50.0):
    scores = {"rank1": rank1, "mean_ap": rank1 - 5, "mean_inp": 1.0}
    return {
        "row": row,
        "dataset": "regdb",
        "world": world,
        "seed": 0,
        "budget": "demo",
        "visible_to_infrared": scores,
        "infrared_to_visible": {k: v + 2 for k, v in scores.items()},
        "operations": operations,
        "cpu_seconds": seconds,
        "epochs": 3,
        "command": "command",
        "commit": "abc",
    }


LINES = [
    line("plain", 1, 50),
    line("plain", 2, 60),
    line("searched_compact", 1, 53, operations=60),
    line("searched_compact", 2, 64, operations=60, seconds=55.0),
    line("searched_compact", 3, 99),  # nothing to compare it with
]


def write(path, lines):
    path.write_text("".join(json.dumps(x) + "\n" for x in lines))


def test_differences_are_of_pairs(tmp_path):
    write(tmp_path / "study.jsonl", LINES)
    text = format_tables(read_lines(tmp_path / "study.jsonl"))
    (row,) = [x for x in text.splitlines() if x.startswith("| `searched_com")]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    half = 12.706 * np.std([3, 4], ddof=1) / 2**0.5  # Student's, one degree
    difference = f"+3.5 ± {half:.1f}"
    assert cells[1:] == [
        "2",
        "59.5",
        "54.5",
        difference,
        difference,
        "",
        "60%",
        "1.05",
    ]


def test_a_control_stands_below_or_above_the_search(tmp_path):
    lines = [*LINES, line("random", 1, 40), line("random", 2, 49)]
    other = [line("plain", None, 20), line("random", None, 10)]
    lines += [{**each, "dataset": "places"} for each in other]
    write(tmp_path / "study.jsonl", lines)
    text = format_tables(read_lines(tmp_path / "study.jsonl"))
    row, _ = [x for x in text.splitlines() if x.startswith("| `random`")]
    assert "-10.5" in row and "+14.0" in row
    head, _, rest = text.partition("Dataset `places`")
    assert "21.0" not in head and "21.0" in rest


def test_of_a_repeated_run_the_first_counts(tmp_path):
    again = {**line("plain", 1, 90, seconds=20.0), "commit": "other"}
    small = {**line("channel", 1, 50, seconds=30.0), "commit": "other"}
    write(tmp_path / "study.jsonl", [*LINES, again, small])
    text = format_tables(read_lines(tmp_path / "study.jsonl"))
    rows = [x.split("|")[1:-1] for x in text.splitlines() if "`plain`" in x]
    assert [cell.strip() for cell in rows[0]][1:3] == ["2", "56.0"]
    (row,) = [x for x in text.splitlines() if x.startswith("| `channel`")]
    assert row.endswith("| 1.50 |")  # plain training on the same machine is 1


def test_one_pair_has_no_interval():
    mean, half = interval([2.0])
    assert mean == 2.0 and np.isnan(half)


def test_the_page_is_written_between_its_markers(tmp_path, monkeypatch):
    longer = {**line("plain", 1, 55, seconds=150.0), "budget": "converged"}
    write(tmp_path / "study.jsonl", [*LINES, longer])
    page = tmp_path / "results.md"
    page.write_text(
        "above\n<!-- study -->\nold\n<!-- end of study -->\nbelow\n"
    )
    for name, path in (
        ("RESULTS", tmp_path / "study.jsonl"),
        ("PAGE", page),
        ("FIGURE", tmp_path / "study.png"),
        ("CURVES", tmp_path / "lengths.png"),
    ):
        monkeypatch.setattr(study_page, name, path)
    study_page.main()
    first = page.read_text()
    assert first.startswith("above\n") and first.endswith("\nbelow\n")
    assert "old" not in first and "searched_compact" in first
    study_page.main()
    assert page.read_text() == first
    assert (tmp_path / "study.png").stat().st_size > 1000
    assert (tmp_path / "lengths.png").stat().st_size > 1000


def test_the_page_in_docs_is_of_the_results():
    tables = format_tables(read_lines(RESULTS))
    assert tables in study_page.PAGE.read_text("utf-8")


def test_a_curve_is_of_the_lengths_of_one_world():
    lengths = {"demo": (50, 50.0), "converged": (55, 150.0), "half": (40, 25.0)}
    lines = [
        {**line("plain", world, rank1, seconds=seconds), "budget": budget}
        for budget, (rank1, seconds) in lengths.items()
        for world in ((1, 2, None) if budget == "demo" else (1, None))
    ]
    for each in lines:
        each["rank1"] = each["visible_to_infrared"]["rank1"]
    (axes,) = study_page.plot_lengths(lines).axes
    (curve,) = axes.lines
    np.testing.assert_allclose(curve.get_xdata(), [0.5, 1.0, 3.0])
    np.testing.assert_allclose(curve.get_ydata(), [40, 50, 55])
