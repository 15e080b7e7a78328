"""A killed process resumes; `benchmarks/resume.py` kills at more moments."""

import signal

import pytest
from programs import SMALL, Program, run_anew

from benchmarks.resume import kill_after, read_arrays, read_history, same


@pytest.fixture(scope="module")
def resumed(smoke_data, tmp_path_factory):
    """A search that Ctrl-C has stopped, SIGKILL has killed, and that ended.

    It begins in forks, and ends in a process of its own: only that one has
    other hashes than the run it is compared with.
    """
    folder = tmp_path_factory.mktemp("resumed") / "run"
    words = [SMALL, "traced", "-m", "nfs_keras", "search", "--smoke"]
    words += [f"--data={smoke_data}", f"--output={folder}"]
    kills = [
        ("==> Training and searching", 0.5, signal.SIGKILL),
        ("    search 2/3", 0, signal.SIGINT),
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("TF_CPP_MIN_LOG_LEVEL")  # as a user starts it
        for moment in kills:
            with Program(words) as program:
                status = kill_after(program, folder, *moment)
                _, errors = program.printed()
        ended = run_anew(words)
    return folder, (status, errors), ended


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
