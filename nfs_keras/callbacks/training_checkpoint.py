"""Saves a training run after every epoch, so that it can be resumed exactly."""

import math
import os
import pathlib

import keras


class TrainingCheckpoint(keras.callbacks.Callback):
    """Keeps the last state of a training run, and the best one.

    A state is everything that `model.save_weights` writes: weights, logits,
    batch-norm statistics, temperature, the seeds of the noise, and every
    optimizer. Training from it goes on as if it had never stopped, given data
    that is a function of the step (see `training_dataset`). Files are replaced
    atomically: a crash or a full disk leaves the previous one intact.

    Args:
        directory: Folder of the checkpoints; made if absent.
        monitor: Name of a log value that is better when smaller, or `None` to
            keep no best state. Defaults to `None`.

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
            The number of epochs that are done: `initial_epoch` of `fit`.
        """
        last = self._find("last")
        best = self._find("best")
        if best is not None:
            self.best = float(best.name.split("-")[2])
        if last is None:
            return 0
        model.load_weights(last)
        return int(last.name.split("-")[1])

    def on_epoch_end(self, epoch, logs=None):
        self._save("last", f"last-{epoch + 1:04d}-.weights.h5")
        value = (logs or {}).get(self.monitor, math.inf)
        if value < self.best:
            self.best = value
            self._save("best", f"best-{epoch + 1:04d}-{value:.6g}-.weights.h5")

    def _find(self, kind):
        files = sorted(self.directory.glob(f"{kind}-*.weights.h5"))
        return files[-1] if files else None

    def _save(self, kind, name):
        self.directory.mkdir(parents=True, exist_ok=True)
        partial = self.directory / f"partial-{name}"
        try:
            self.model.save_weights(partial)
            with partial.open("rb+") as file:
                os.fsync(file.fileno())
            old = list(self.directory.glob(f"{kind}-*.weights.h5"))
            partial.replace(self.directory / name)
        finally:
            partial.unlink(missing_ok=True)
        for file in old:
            if file.name != name:
                file.unlink()
