import numpy as np
from search_cases import make_network

from nfs_keras.callbacks import GateHistory


def test_every_gate_is_kept_epoch_by_epoch(tmp_path):
    network = make_network()
    history = GateHistory(tmp_path / "gates.npz", network.cells)
    gate = network.cells["stage1"].channel
    for epoch in range(3):
        gate.logits.assign(np.full(gate.logits.shape, float(epoch)))
        history.on_epoch_end(epoch)
    with np.load(tmp_path / "gates.npz") as arrays:
        assert arrays["stage1/channel"].shape == (3, 2, gate.logits.shape[-1])
        assert arrays["stage1/channel"][:, 0, 0].tolist() == [0.0, 1.0, 2.0]
        assert arrays["stage1/spatial"].ndim == 4
        assert arrays["temperature"].shape == (3,)


def test_a_resumed_epoch_replaces_what_came_after(tmp_path):
    network = make_network()
    gate = network.cells["stage1"].channel
    for epoch, value in ((0, 0.0), (1, 1.0), (2, 2.0), (1, 7.0)):
        gate.logits.assign(np.full(gate.logits.shape, value))
        history = GateHistory(tmp_path / "gates.npz", network.cells)
        history.on_epoch_end(epoch)
    with np.load(tmp_path / "gates.npz") as arrays:
        assert arrays["stage1/channel"][:, 0, 0].tolist() == [0.0, 7.0]
