import numpy as np
import pytest
from search_cases import plain_model, small_network

from nfs_keras.callbacks import GateHistory
from nfs_keras.models import named_gates

CASES = {
    "network": (small_network, "stage1_channel", "stage1_spatial", 2),
    "plain": (plain_model, "cell/channel", "cell/spatial", 1),
}


@pytest.mark.parametrize("make, channel, spatial, count", CASES.values())
def test_every_gate_is_kept_epoch_by_epoch(
    make, channel, spatial, count, tmp_path
):
    gates = named_gates(make())
    history, gate = GateHistory(tmp_path / "gates.npz", gates), gates[channel]
    for epoch in range(3):
        gate.logits.assign(np.full(gate.logits.shape, float(epoch)))
        history.on_epoch_end(epoch)
    with np.load(tmp_path / "gates.npz") as arrays:
        assert set(arrays) == {*gates, "temperature"}
        assert arrays[channel].shape == (3, count, gate.logits.shape[-1])
        assert arrays[channel][:, 0, 0].tolist() == [0.0, 1.0, 2.0]
        assert arrays[spatial].ndim == 4
        assert arrays["temperature"].shape == (3,)


def test_a_resumed_epoch_replaces_what_came_after(tmp_path):
    gates = named_gates(plain_model())
    gate = gates["cell/channel"]
    for epoch, value in ((0, 0.0), (1, 1.0), (2, 2.0), (1, 7.0)):
        gate.logits.assign(np.full(gate.logits.shape, value))
        GateHistory(tmp_path / "gates.npz", gates).on_epoch_end(epoch)
    with np.load(tmp_path / "gates.npz") as arrays:
        assert arrays["cell/channel"][:, 0, 0].tolist() == [0.0, 7.0]
