"""Saves a training run after every epoch, so that it can be resumed exactly."""

import math
import pathlib

import keras

from nfs_keras.files import replace_path

SUFFIX = ".keras"


class TrainingCheckpoint(keras.callbacks.Callback):
    """Saves the last state of a training run, and the best one.

    A state is everything that `model.save` writes: weights, logits, batch-norm
    statistics, temperature, the seeds of the noise, and every optimizer. A
    training resumed from it equals an uninterrupted one, given data that is a
    function of the step (see `training_dataset`). Files are replaced
    atomically: a crash or a full disk leaves the previous one intact.

    The files are `last-<epochs done>.keras` and, with `monitor`,
    `best-<epochs done>-<value>.keras`.

    Args:
        directory: Folder of the checkpoints; made if absent.
        monitor: Name of a log value that is better when smaller, or `None` to
            keep no best state. Epochs without the value are ignored.
            Defaults to `None`.

    Example:

    ```python
    checkpoint = TrainingCheckpoint("run/checkpoints")
    first_epoch = checkpoint.restore(model)
    model.fit(
        batches(first_step=first_epoch * steps),
        initial_epoch=first_epoch,
        callbacks=[checkpoint],
    )
    ```
    """

    def __init__(self, directory, monitor=None):
        super().__init__()
        self.directory = pathlib.Path(directory)
        self.monitor = monitor
        self.best = math.inf

    def restore(self, model):
        """Loads the last state, if there is one.

        Args:
            model: A built and compiled model like the one that was saved.

        Returns:
            The number of finished epochs, to pass as `initial_epoch` to `fit`.
        """
        for best in self._files("best"):
            self.best = float(facts(best)[1])
        last = self._files("last")
        if not last:
            return 0
        model.load_weights(last[-1])
        return int(facts(last[-1])[0])

    def on_epoch_end(self, epoch, logs=None):
        value = float((logs or {}).get(self.monitor, math.inf))
        if value < self.best:  # before "last", which marks the epoch as done
            self.best = value
            self._save("best", f"{epoch + 1:04d}-{value!r}")
        self._save("last", f"{epoch + 1:04d}")

    def _files(self, kind):
        return sorted(self.directory.glob(f"{kind}-*{SUFFIX}"))

    def _save(self, kind, description):
        old = self._files(kind)
        new = self.directory / f"{kind}-{description}{SUFFIX}"
        with replace_path(new) as partial:
            # Not `save_weights`: on a full disk HDF5 crashes Python.
            self.model.save(partial)
        for file in old:
            if file != new:
                file.unlink()


def facts(file):
    """Reads a checkpoint's name: `["0003"]`, or `["0003", "0.25"]`."""
    return file.name.removesuffix(SUFFIX).split("-", 2)[1:]
