"""A killed process goes on; `benchmarks/resume.py` kills at more moments."""

import csv
import pathlib
import signal
import subprocess
import sys

import pytest

from benchmarks.resume import kill, read_arrays, same

PROGRAM = pathlib.Path(__file__).parent.parent / "nfs_reid.py"


@pytest.fixture(scope="module")
def resumed(smoke_data, tmp_path_factory):
    """A search that Ctrl-C has stopped, SIGKILL has killed, and that ended."""
    folder = tmp_path_factory.mktemp("resumed") / "run"
    command = [sys.executable, str(PROGRAM), "search", "--smoke"]
    command += [f"--data={smoke_data}", f"--output={folder}"]
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("TF_CPP_MIN_LOG_LEVEL")  # as a user starts it
        kill(command, folder, "==> Searching", 0.5, signal.SIGKILL)
        stopped = kill(command, folder, "    search 1/2", 0, signal.SIGINT)
        ended = subprocess.run(command, capture_output=True, text=True)
    return folder, stopped, ended


def test_ctrl_c_ends_with_one_line_and_the_status_that_shells_expect(resumed):
    _, (status, errors), _ = resumed
    assert status == 130
    (line,) = errors.strip().splitlines()
    assert "The same command goes on" in line


def test_a_killed_search_ends_as_if_nothing_had_happened(resumed, smoke_run):
    folder, _, ended = resumed
    assert ended.returncode == 0, ended.stderr
    gates = [read_arrays(run / "gates.npz") for run in (folder, smoke_run)]
    assert same(*gates)
    chosen = "architecture.json"
    assert (folder / chosen).read_bytes() == (smoke_run / chosen).read_bytes()
    assert epochs(folder) == epochs(smoke_run)


def epochs(folder):
    with (folder / "history.csv").open(newline="") as file:
        rows = [r for r in csv.DictReader(file) if r["stage"] == "search"]
    return [{k: v for k, v in row.items() if v} for row in rows]


def test_nothing_but_the_job_speaks(resumed):
    _, _, ended = resumed
    assert ended.stderr == ""
    assert "search 2/2" in ended.stdout
