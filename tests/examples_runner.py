"""Runs an example in this process, which has TensorFlow loaded already."""

import pathlib
import runpy
import sys
from unittest import mock

from absl import flags

EXAMPLES = pathlib.Path(__file__).parent.parent / "examples"


def run_example(name, *words):
    """Runs `python examples/<name> <words>`; gives the exit status."""
    before = set(flags.FLAGS)
    path = str(EXAMPLES / name)
    try:
        with mock.patch.object(sys, "argv", [path, *words]):
            runpy.run_path(path, run_name="__main__")
    except SystemExit as end:
        return end.code or 0
    finally:
        flags.FLAGS.unparse_flags()
        for flag in set(flags.FLAGS) - before:
            delattr(flags.FLAGS, flag)
    return 0
