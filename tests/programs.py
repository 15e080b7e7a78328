"""Runs programs as a user does: each in a process of its own."""

import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"


def run_example(name, *words, cwd=None):
    """Runs `python examples/<name> <words>`."""
    return run([str(EXAMPLES / name), *words], cwd)


def run_verb(*words, cwd=None):
    """Runs `python -m nfs_keras <words>`, which is `nfs-reid`."""
    return run(["-m", "nfs_keras", *words], cwd)


def run(words, cwd=None, timeout=1500):
    """Runs Python; gives what it returned and printed, as text."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, *map(str, words)],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=timeout,
    )
