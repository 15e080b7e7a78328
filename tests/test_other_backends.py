"""Layers, losses, gating and compaction pass on JAX and PyTorch too.

A backend is chosen once per process, so each gets a process of its own. JAX
is a test requirement; PyTorch takes part where it is installed.
"""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FILES = (
    "test_channel_search.py",
    "test_conformance.py",
    "test_dual_level_search.py",
    "test_generalized_mean_pooling2d.py",
    "test_loss_conformance.py",
    "test_ops.py",
    "test_search_gate.py",
    "test_search_on_other_backends.py",
    "test_spatial_search.py",
)

# What is the same Python on any backend, and what the backend has not got.
SAME = "config or docstring or catalog"
LEFT_OUT = {
    "jax": SAME,
    "torch": f"{SAME} or xla or in_a_graph or model_serves",
}
BACKENDS = [b for b in LEFT_OUT if importlib.util.find_spec(b)]


def test_jax_is_among_the_backends():
    assert "jax" in BACKENDS


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Runs the checks on all backends side by side; gives each one's end."""
    started = {}
    for backend in BACKENDS:
        log = tmp_path_factory.mktemp("logs") / f"{backend}.txt"
        started[backend] = start(backend, log), log
    return {
        backend: (process.wait(), log.read_text())
        for backend, (process, log) in started.items()
    }


def start(backend, log):
    command = [sys.executable, "-m", "pytest", "-q", "-x", "--no-header"]
    command += ["-p", "no:cacheprovider", "-k", f"not ({LEFT_OUT[backend]})"]
    with open(log, "w") as output:
        return subprocess.Popen(
            [*command, *FILES],
            cwd=HERE,
            env={**os.environ, "KERAS_BACKEND": backend},
            stdout=output,
            stderr=subprocess.STDOUT,
        )


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_checks_pass_on(backend, finished):
    exit_status, log = finished[backend]
    assert exit_status == 0, log[-4000:]
    assert " passed" in log
