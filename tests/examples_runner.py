"""Runs an example in this process, which has TensorFlow loaded already."""

import logging
import pathlib
import runpy
import sys
from unittest import mock

from absl import flags
from absl import logging as absl_logging

EXAMPLES = pathlib.Path(__file__).parent.parent / "examples"


def run_example(name, *words):
    """Runs `python examples/<name> <words>`; gives the exit status."""
    path = str(EXAMPLES / name)
    # Programs that other tests have imported own flags of the same names.
    others = take_flags_away()
    try:
        with mock.patch.object(sys, "argv", [path, *words]):
            runpy.run_path(path, run_name="__main__")
    except SystemExit as end:
        return end.code or 0
    finally:
        # It writes to the standard error of this very test.
        logging.root.removeHandler(absl_logging.get_absl_handler())
        flags.FLAGS.unparse_flags()
        take_flags_away()
        for name, flag in others.items():
            flags.FLAGS[name] = flag
    return 0


def take_flags_away():
    """Removes every flag but absl's own; gives the removed ones."""
    modules = flags.FLAGS.flags_by_module_dict().items()
    own = {id(f) for module, fs in modules if "absl" in module for f in fs}
    everything = {name: flags.FLAGS[name] for name in flags.FLAGS}
    taken = {n: f for n, f in everything.items() if id(f) not in own}
    for name in taken:
        delattr(flags.FLAGS, name)
    return taken
