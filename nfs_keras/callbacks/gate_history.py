"""Remembers how the gates moved during a search."""

import pathlib

import keras
import numpy as np

from nfs_keras.files import replace_file


class GateHistory(keras.callbacks.Callback):
    """Writes every cell's logits after each epoch into one `.npz` file.

    The arrays are `"<cell>/channel"`, `(epochs, modalities, channels)`;
    `"<cell>/spatial"`, `(epochs, modalities, height, width)`; and
    `"temperature"`, `(epochs,)`. A search that is resumed at an epoch
    replaces what stood from there on.

    Args:
        path: The file; made if absent.
        cells: Dict from name to search cell, such as `network.cells`.
    """

    def __init__(self, path, cells):
        super().__init__()
        self.path = pathlib.Path(path)
        self.cells = cells

    def on_epoch_end(self, epoch, logs=None):
        before = {}
        if epoch > 0 and self.path.exists():
            before = dict(np.load(self.path))
        history = {
            name: np.concatenate([before[name][:epoch], now])
            if name in before
            else now
            for name, now in self._snapshot().items()
        }
        with replace_file(self.path) as file:
            np.savez_compressed(file, **history)

    def _snapshot(self):
        arrays = {}
        for name, cell in self.cells.items():
            for level, gate in cell.levels().items():
                axes = (1, 2) if level == "channel" else 3
                logits = keras.ops.convert_to_numpy(gate.logits)
                arrays[f"{name}/{level}"] = logits.squeeze(axes)[None]
        temperature = keras.ops.convert_to_numpy(gate.temperature)
        return {**arrays, "temperature": temperature[None]}
