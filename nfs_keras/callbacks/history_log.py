"""Writes the logs of training into one table."""

import csv
import pathlib
import time

import keras

from nfs_keras.files import replace_file


class HistoryLog(keras.callbacks.Callback):
    """Appends each epoch's values to a CSV file, one row per epoch.

    `seconds` is the time of the epoch by the clock, `cpu_seconds` that of all
    processors. Several stages of a run share the file. A stage that is
    resumed at an epoch replaces the rows from that epoch on.

    Args:
        path: The CSV file; made if absent.
        stage: Name of the stage, the first column.
    """

    def __init__(self, path, stage):
        super().__init__()
        self.path = pathlib.Path(path)
        self.stage = stage

    def on_epoch_begin(self, epoch, logs=None):
        self.began = time.perf_counter(), time.process_time()

    def on_epoch_end(self, epoch, logs=None):
        rows = [r for r in self._rows() if not self._replaces(r, epoch)]
        logs = {**(logs or {}), **self._spent()}
        values = {key: f"{float(v):.6g}" for key, v in logs.items()}
        rows.append({"stage": self.stage, "epoch": epoch, **values})
        names = {name: None for row in rows for name in row}
        with replace_file(self.path, "w") as file:
            writer = csv.DictWriter(file, list(names), restval="")
            writer.writeheader()
            writer.writerows(rows)

    def rows(self):
        """List of the rows of this stage, dicts of strings."""
        return [row for row in self._rows() if row["stage"] == self.stage]

    def _spent(self):
        """Seconds of this epoch, by the clock and of all processors."""
        clock, cpu = self.began
        return {
            "seconds": time.perf_counter() - clock,
            "cpu_seconds": time.process_time() - cpu,
        }

    def _replaces(self, row, epoch):
        return row["stage"] == self.stage and int(row["epoch"]) >= epoch

    def _rows(self):
        if not self.path.exists():
            return []
        with self.path.open(newline="") as file:
            return list(csv.DictReader(file))
