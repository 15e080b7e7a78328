"""Records the gates' logits during a search."""

import pathlib

import keras
import numpy as np

from nfs_keras.files import replace_file


class GateHistory(keras.callbacks.Callback):
    """Writes every gate's logits after each epoch into one `.npz` file.

    The arrays are, by the names of `named_gates`, `(epochs, modalities,
    channels)` or `(epochs, modalities, height, width)`; and `"temperature"`,
    `(epochs,)`. A search that is resumed at an epoch replaces the entries
    from that epoch on.

    Args:
        path: The file; made if absent.
        gates: Dict from name to gate, such as `named_gates(network)`.
    """

    def __init__(self, path, gates):
        super().__init__()
        self.path = pathlib.Path(path)
        self.gates = gates

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
        arrays = {
            name: keras.ops.convert_to_numpy(gate.logits)[None]
            for name, gate in self.gates.items()
        }
        (gate, *_) = self.gates.values()
        temperature = keras.ops.convert_to_numpy(gate.temperature)
        return {**arrays, "temperature": temperature[None]}
