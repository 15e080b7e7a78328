"""The study in its smoke form: every row runs and leaves its line."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from benchmarks.study_numbers import read_study, targets

PLAIN = ("baseline", "baseline_cmco", "baseline_cmco_longer")
ATTENTION = ("squeeze_excitation", "cbam")
FIRST = ("joint", "channel", "spatial", "dual", "dual_cmco_image")
SECOND = (
    "dual_cmco_identity",
    "dual_cmco_identity_longer",
    "stages_only",
    "stages_only_longer",
    "random",
    "second_order",
)


def run_study(results, rows, *flags):
    command = (sys.executable, "-m", "benchmarks.study", "--smoke")
    words = (f"--rows={','.join(rows)}", f"--results={results}", *flags)
    done = subprocess.run((*command, *words), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def lines(tmp_path_factory, smoke_data):
    """The file that two processes write together, each half of the rows."""
    path = tmp_path_factory.mktemp("study") / "study.jsonl"
    halves = ((*PLAIN, *FIRST), (*SECOND, *ATTENTION, "transferred"))
    flags = (f"--data={smoke_data}", f"--source={smoke_data}")
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda rows: run_study(path, rows, *flags), halves))
    return path


def test_every_row_leaves_its_line_and_searched_ones_a_compact_one(lines):
    (rows,) = read_study(lines).values()
    searched = {*FIRST, *SECOND, "transferred"}
    compact = {f"{row}_compact" for row in searched}
    assert set(rows) == {*PLAIN, *ATTENTION, *searched, *compact}
    for runs in rows.values():
        (line,) = runs.values()
        assert 0 <= line["visible_to_infrared"]["rank1"] <= 100
        assert line["seconds"] > 0 and line["flops"] > 0
    assert len(targets(rows)) == 12


def test_a_compacted_network_scores_as_the_whole_one(lines):
    (rows,) = read_study(lines).values()
    for row in (*FIRST, *SECOND):
        whole, small = (rows[x][0] for x in (row, f"{row}_compact"))
        for direction in ("visible_to_infrared", "infrared_to_visible"):
            assert small[direction] == pytest.approx(whole[direction], abs=1.0)
        assert small["flops"] <= whole["flops"]


def test_what_is_done_is_not_done_again(lines, smoke_data):
    before = lines.read_text()
    said = run_study(lines, PLAIN[:1], f"--data={smoke_data}")
    assert said == "" and lines.read_text() == before
    assert json.loads(before.splitlines()[0])["commit"]
