"""Quiet logs, and one small run that many tests look at."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import hypothesis
import pytest
from programs import run_example

from nfs_keras.synthetic import synthesize_regdb

# `--hypothesis-profile=long` tries more, see `test_fuzz_serving.py`.
hypothesis.settings.register_profile("long", max_examples=1500)


@pytest.fixture(scope="session")
def smoke_data(tmp_path_factory):
    """A synthetic RegDB of 24 people, four images each and modality."""
    root = tmp_path_factory.mktemp("data") / "regdb"
    return synthesize_regdb(root, 24, 4, num_workers=1, verbose=False)


@pytest.fixture(scope="session")
def smoke_run(tmp_path_factory, smoke_data):
    """What `examples/train_regdb.py --smoke` leaves; not to be changed."""
    output = tmp_path_factory.mktemp("runs") / "smoke"
    flags = ("--smoke", f"--data={smoke_data}", f"--output={output}")
    ended = run_example("train_regdb.py", *flags)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return output
