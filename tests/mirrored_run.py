"""Runs the pipeline on two devices: `python mirrored_run.py DATA FOLDER`.

Writes three runs: `whole`, all stages; `resumed`, the search of a run that was
killed after its first epoch; and `single`, the search on one device.
"""

import functools
import shutil
import sys
import warnings
from dataclasses import replace

import tensorflow as tf
from two_devices import two_logical_cpus

from nfs_keras.callbacks import TrainingCheckpoint
from nfs_keras.cli.main import main
from nfs_keras.presets import PRESETS, Demo
from nfs_keras.reid import Backbone, backbones

STARTS = [
    ("whole", "train", "mirrored"),
    ("resumed", "search", "mirrored"),
    ("single", "search", "none"),
]


class Small(Demo):
    """A step an epoch."""

    def smoke(self):
        return replace(super().smoke(), weights=None, max_steps=1)


def use_small_networks():
    """One stage instead of four: every replica traces its own step."""
    block = {"filters": 6, "inner": 6, "stride": 2, "project": True}
    stem = {"filters": 4, "kernel_size": 3, "pool": False}
    backbones.BACKBONES["tiny"] = lambda: Backbone(
        functools.partial(backbones.make_stem, **stem),
        functools.partial(backbones.grow_residual, stages=[[block]]),
    )
    PRESETS["demo"] = Small


def keep_what_a_kill_would_leave(folder):
    """Copies `whole` to `resumed` when the search has saved an epoch."""
    save = TrainingCheckpoint.on_epoch_end

    def save_and_copy(self, epoch, logs=None):
        save(self, epoch, logs)
        if self.directory.name == "search" and epoch == 0:
            TrainingCheckpoint.on_epoch_end = save
            shutil.copytree(f"{folder}/whole", f"{folder}/resumed")

    TrainingCheckpoint.on_epoch_end = save_and_copy


def run(data, folder):
    two_logical_cpus()
    use_small_networks()
    keep_what_a_kill_would_leave(folder)
    # Most of a short training is the time to trace a step on every replica;
    # `test_several_devices.py` traces them.
    tf.config.run_functions_eagerly(True)
    warnings.filterwarnings("ignore", "Even though the", UserWarning)
    for name, verb, strategy in STARTS:
        flags = [f"--data={data}", f"--output={folder}/{name}", "--smoke"]
        status = main(["nfs-reid", verb, f"--strategy={strategy}", *flags])
        if status:
            sys.exit(status)


if __name__ == "__main__":
    run(*sys.argv[1:])
