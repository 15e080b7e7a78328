"""Runs a program whose `--smoke` trains a smaller network, and less.

    python small_smoke.py traced examples/train_regdb.py --smoke
    python small_smoke.py eager -m nfs_keras train --smoke

It is for tests of what a program does around its network: `tiny`'s first stage
has gates and layers of every kind. Most of a short training is the time to
trace its steps; where a test is not about that, they run eagerly. Synthetic
images are noise, which takes less time than to render people.
"""

import contextlib
import functools
import runpy
import sys
import warnings
from dataclasses import replace
from unittest import mock

from fork_server import quick_graphs

from nfs_keras.cli import main as command_line

# Whether steps run eagerly, and how many an epoch has. One step of Adam gives
# every logit one of two values: no budget is met by their order.
KINDS = {"traced": (False, 2), "eager": (True, 1), "budget": (True, 2)}


def one_stage():
    """Makes the first stage of `tiny`."""
    from nfs_keras.reid import backbones

    tiny = backbones.tiny()
    stages = tiny.grow.keywords["stages"][:1]
    grow = functools.partial(backbones.grow_residual, stages=stages)
    return tiny._replace(grow=grow)


def noise(recipe, shot):
    """Makes an image of noise instead of a person."""
    import numpy as np

    generator = np.random.default_rng([shot.identity, shot.number])
    return generator.integers(0, 256, (32, 16, 3), "uint8")


@contextlib.contextmanager
def small_smoke(eager=True, steps=1):
    """Makes `Demo.smoke` smaller in this process."""
    import tensorflow as tf

    from nfs_keras.presets import Demo
    from nfs_keras.reid import backbones
    from nfs_keras.synthetic import tree

    smoke = Demo.smoke
    # A backbone with a name: a run that resumes must find the same options.
    given = {"backbone": "one_stage", "weights": None, "max_steps": steps}
    with (
        warnings.catch_warnings(),
        mock.patch.dict(backbones.BACKBONES, {"one_stage": one_stage}),
        mock.patch.object(Demo, "smoke", lambda x: replace(smoke(x), **given)),
        mock.patch.object(tree, "render_image", noise),
    ):
        # That functions of `tf.data` are compiled nevertheless.
        warnings.filterwarnings("ignore", "Even though the", UserWarning)
        tf.config.run_functions_eagerly(eager)
        try:
            yield
        finally:
            tf.config.run_functions_eagerly(False)


def main():
    kind, first, *sys.argv = sys.argv[1:]
    is_module = first == "-m"
    if not is_module:
        sys.argv.insert(0, first)
    name = sys.argv[0]
    with contextlib.ExitStack() as stack:

        def shrink():
            stack.enter_context(small_smoke(*KINDS[kind]))
            quick_graphs()  # in a process that is no fork, too: the same bits

        if name == "nfs_keras":  # which is to import TensorFlow itself
            prepare = command_line.prepare_tensorflow

            def prepare_and_shrink():
                prepare()
                shrink()

            command_line.prepare_tensorflow = prepare_and_shrink
        else:
            shrink()
        if is_module:
            runpy.run_module(name, run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(name, run_name="__main__")


if __name__ == "__main__":
    main()
