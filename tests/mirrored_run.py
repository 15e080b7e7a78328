"""Runs the pipeline on two devices: `python mirrored_run.py DATA FOLDER`.

Writes three runs: `whole`, all stages; `resumed`, the search of a run that was
killed after its first epoch; and `single`, the search on one device.
"""

import shutil
import sys

from small_smoke import small_smoke
from two_devices import two_logical_cpus

from nfs_keras.callbacks import TrainingCheckpoint
from nfs_keras.cli.main import main

STARTS = [
    ("whole", "train", "mirrored"),
    ("resumed", "search", "mirrored"),
    ("single", "search", "none"),
]


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
    keep_what_a_kill_would_leave(folder)
    # Eagerly: most of a short training is the time to trace a step on every
    # replica; `test_several_devices.py` traces them.
    with small_smoke():
        for name, verb, strategy in STARTS:
            flags = [f"--data={data}", f"--output={folder}/{name}", "--smoke"]
            status = main(["nfs-reid", verb, f"--strategy={strategy}", *flags])
            if status:
                sys.exit(status)


if __name__ == "__main__":
    run(*sys.argv[1:])
