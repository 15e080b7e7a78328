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
from dataclasses import replace
from unittest import mock

import numpy as np
import tensorflow as tf

from nfs_keras.presets import Demo
from nfs_keras.reid import backbones
from nfs_keras.synthetic import tree

SMOKE = Demo.smoke


def one_stage():
    """Makes the first stage of `tiny`."""
    tiny = backbones.tiny()
    stages = tiny.grow.keywords["stages"][:1]
    grow = functools.partial(backbones.grow_residual, stages=stages)
    return tiny._replace(grow=grow)


def smaller(preset):
    """As `Demo.smoke`, but smaller."""
    # A backbone with a name: a run that resumes must find the same options.
    given = {"backbone": "one_stage", "weights": None, "max_steps": 2}
    return replace(SMOKE(preset), **given)


def noise(recipe, shot):
    """Makes an image of noise instead of a person."""
    generator = np.random.default_rng([shot.identity, shot.number])
    return generator.integers(0, 256, (32, 16, 3), "uint8")


@contextlib.contextmanager
def small_smoke(eager=True):
    """Makes `Demo.smoke` smaller in this process."""
    known = {"one_stage": one_stage}
    with (
        mock.patch.dict(backbones.BACKBONES, known),
        mock.patch.object(Demo, "smoke", smaller),
        mock.patch.object(tree, "render_image", noise),
    ):
        tf.config.run_functions_eagerly(eager)
        try:
            yield
        finally:
            tf.config.run_functions_eagerly(False)


def main():
    kind, first, *sys.argv = sys.argv[1:]
    with small_smoke(kind == "eager"):
        if first == "-m":
            name = sys.argv[0]
            runpy.run_module(name, run_name="__main__", alter_sys=True)
        else:
            sys.argv.insert(0, first)
            runpy.run_path(first, run_name="__main__")


if __name__ == "__main__":
    main()
