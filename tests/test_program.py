import errno
import gc
import os
import signal
import subprocess
import sys
import time

import pytest
from absl import flags

from nfs_keras.cli import program
from nfs_keras.cli.program import ended_by_ctrl_c, exit_status
from nfs_keras.serving import ServerError


def failing(error):
    def fail():
        raise error

    return fail


def test_success_is_zero_whatever_it_returns_not():
    assert exit_status(lambda: None, "program") == 0
    assert exit_status(lambda: 1, "program") == 1


@pytest.mark.parametrize(
    "error",
    [
        ValueError("Rule. Received: a=1. Do."),
        FileNotFoundError("no such file"),
        ImportError("Install it."),
        ServerError("host:1", "UNAVAILABLE", "away"),
    ],
)
def test_an_expected_error_is_one_line(error, capsys):
    assert exit_status(failing(error), "nfs-reid train") == 1
    printed = capsys.readouterr()
    assert printed.err == f"nfs-reid train: {error}\n"
    assert printed.out == ""


def test_a_full_disk_is_no_loss(capsys):
    error = OSError(errno.ENOSPC, "No space left on device")
    assert exit_status(failing(error), "nfs-reid train", again="Rerun.") == 1
    assert "Free some disk space. Rerun." in capsys.readouterr().err


def test_debug_shows_where_it_happened():
    with pytest.raises(ValueError, match="Rule"):
        exit_status(failing(ValueError("Rule")), "program", debug=True)


def test_a_fault_of_the_program_is_not_hidden():
    with pytest.raises(KeyError):
        exit_status(failing(KeyError("x")), "program")


def test_flags_that_are_not_understood_are_status_two(capsys):
    error = flags.UnrecognizedFlagError("fast")
    assert exit_status(failing(error), "program") == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_ctrl_c_is_one_line_about_running_again(capsys):
    status = exit_status(failing(KeyboardInterrupt()), "x", again="It resumes.")
    assert status == 130
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line == "Stopped. It resumes."


def test_a_program_may_say_what_it_does_when_it_is_run_again(
    capsys, monkeypatch
):
    monkeypatch.setattr(program, "prepare_tensorflow", lambda: None)
    monkeypatch.setattr("absl.app.run", lambda main: main(["x"]))
    with pytest.raises(SystemExit, match="130"):
        program.run(lambda _: failing(KeyboardInterrupt())(), again="Rerun.")
    assert capsys.readouterr().err == "\nStopped. Rerun.\n"


@pytest.fixture
def handle_sigint():
    """Sets a handler of SIGINT until the test ends."""
    original = signal.getsignal(signal.SIGINT)
    yield lambda handler: signal.signal(signal.SIGINT, handler)
    signal.signal(signal.SIGINT, original)


@pytest.mark.parametrize(
    "before, meanwhile",
    [
        (signal.default_int_handler, signal.SIG_DFL),
        (signal.SIG_IGN, signal.SIG_IGN),  # in the background of a script
    ],
)
def test_ctrl_c_during_the_imports_ends_a_program_at_once(
    before, meanwhile, handle_sigint
):
    handle_sigint(before)
    with ended_by_ctrl_c():
        assert signal.getsignal(signal.SIGINT) is meanwhile
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_in_the_garbage_collector_is_not_lost(capfd, handle_sigint):
    # A shell ignores SIGINT in what it starts in the background.
    handle_sigint(signal.default_int_handler)

    def interrupted(phase, info):
        gc.callbacks.remove(interrupted)
        raise KeyboardInterrupt

    def collect():
        gc.callbacks.append(interrupted)
        gc.collect()  # Python drops what its callbacks raise
        for _ in range(200):  # a single sleep would not be cut short
            time.sleep(0.1)

    assert exit_status(collect, "program", again="Rerun.") == 130
    assert capfd.readouterr().err == "\nStopped. Rerun.\n"


def test_a_reader_that_has_read_enough_is_no_error(tmp_path):
    code = (
        "from nfs_keras.cli.program import exit_status\n"
        "def run():\n    for _ in range(99999): print('a line')\n"
        "raise SystemExit(exit_status(run, 'a program'))"
    )
    errors = tmp_path / "errors"
    command = f'"{sys.executable}" -c "$CODE" 2> {errors} | head -1'
    subprocess.run(command, shell=True, env={**os.environ, "CODE": code})
    assert errors.read_text() == ""
