"""Quiet logs, one thread a worker, and one small run for many tests."""

import contextlib
import gc
import os
import random

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
if "PYTEST_XDIST_WORKER" in os.environ:  # workers would fight for the cores
    for name in ("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(name, "1")
# What a test compiles runs once or twice: compiling quickly is faster.
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false"
    " --xla_cpu_parallel_codegen_split_count=1",
)

import hypothesis
import pytest
from filelock import FileLock
from programs import EXAMPLES, SMALL, fork_server, run

# `--hypothesis-profile=long` tries more, see `test_fuzz_serving.py`.
hypothesis.settings.register_profile("long", max_examples=1500)


def pytest_configure(config):
    """Starts the process that is forked, and looks for garbage seldom."""
    gc.set_threshold(50_000)  # TensorFlow makes much, and drops little
    if "FORK_SERVER" not in os.environ:  # the processes of a run share one
        stack = contextlib.ExitStack()
        stack.enter_context(fork_server())
        config.add_cleanup(stack.close)


def pytest_collection_finish(session):
    """Lets the garbage collector pass over the modules of TensorFlow."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory):
    """A folder that all processes of a parallel test run share."""
    folder = tmp_path_factory.getbasetemp()
    return folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder


@pytest.fixture(scope="session")
def smoke_run(shared_folder):
    """What `examples/train_regdb.py --smoke` leaves; not to be changed.

    Its network is the one of `small_smoke.py`; `printed.txt`, beside its data
    and runs, is what it printed.
    """
    folder = shared_folder / "smoke_run"
    with FileLock(shared_folder / "run.lock"):
        if not (folder / "printed.txt").exists():
            folder.mkdir(exist_ok=True)
            program = [SMALL, "traced", EXAMPLES / "train_regdb.py"]
            ended = run([*program, "--smoke"], folder)
            assert ended.returncode == 0, ended.stdout + ended.stderr
            (folder / "printed.txt").write_text(ended.stdout, "utf-8")
    return folder / "runs" / "regdb"


@pytest.fixture(scope="session")
def smoke_data(smoke_run):
    """The synthetic RegDB of `smoke_run`: 24 people of noise."""
    (data,) = (smoke_run.parents[1] / "data").iterdir()
    return data


@pytest.fixture
def quick_limits(monkeypatch):
    """Lets a benchmark measure the machine itself in a moment."""
    from benchmarks import measure

    monkeypatch.setattr(measure, "free_share", lambda: 1.0)
    monkeypatch.setattr(measure, "least_seconds", measure.seconds_of)


@pytest.fixture(autouse=True)
def the_same_chance():
    """Lets what has no seed be the same: Keras asks `random` for one."""
    random.seed(0)


@pytest.fixture(autouse=True)
def tensorflow_as_it_is(monkeypatch):
    """Lets no verb that a test calls make this process deterministic."""
    monkeypatch.setattr("nfs_keras.cli.main.prepare_tensorflow", lambda: None)
