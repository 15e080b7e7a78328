"""A killed process resumes; `benchmarks/resume.py` kills at more moments."""

import signal
import subprocess
import sys

import pytest

from benchmarks.resume import kill, read_arrays, read_history, same


@pytest.fixture(scope="module")
def resumed(smoke_data, tmp_path_factory):
    """A search that Ctrl-C has stopped, SIGKILL has killed, and that ended."""
    folder = tmp_path_factory.mktemp("resumed") / "run"
    command = [sys.executable, "-m", "nfs_keras", "search", "--smoke"]
    command += [f"--data={smoke_data}", f"--output={folder}"]
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("TF_CPP_MIN_LOG_LEVEL")  # as a user starts it
        kill(command, folder, "==> Training and searching", 0.5, signal.SIGKILL)
        stopped = kill(command, folder, "    search 2/3", 0, signal.SIGINT)
        ended = subprocess.run(command, capture_output=True, text=True)
    return folder, stopped, ended


def test_ctrl_c_ends_with_one_line_and_the_status_that_shells_expect(resumed):
    _, (status, errors), _ = resumed
    assert status == 130
    (line,) = errors.strip().splitlines()
    assert "it resumes at the last finished epoch" in line


def test_a_killed_search_ends_as_if_nothing_had_happened(resumed, smoke_run):
    folder, _, ended = resumed
    assert ended.returncode == 0, ended.stderr
    gates = [read_arrays(run / "gates.npz") for run in (folder, smoke_run)]
    assert same(*gates)
    chosen = "architecture.json"
    assert (folder / chosen).read_bytes() == (smoke_run / chosen).read_bytes()
    assert epochs(folder) == epochs(smoke_run)


def epochs(folder):
    history = read_history(folder / "history.csv")
    return {k: row for k, row in history.items() if row["stage"] == "search"}


def test_nothing_but_the_run_is_printed(resumed):
    _, _, ended = resumed
    assert ended.stderr == ""
    assert "search 3/3" in ended.stdout
