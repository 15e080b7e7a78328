import numpy as np
import pytest
from small_smoke import small_smoke

from benchmarks import search

# Seconds of each call, and of which two the ratios of a part are.
SECONDS = {"plain": 4, "weight step": 5, "architecture step": 2}
SECONDS |= {"search step": 7, "ours": 2, "Keras'": 3}
SECONDS |= {"masked": 3, "compacted": 2}
WITHOUT = "against a step without gates"
HALF = "small, inference, compacted at half the channels"
RATIOS = {
    "steps": {
        f"small, weight step {WITHOUT}": 1.25,
        f"small, architecture step {WITHOUT}": 0.5,
        f"small, search step {WITHOUT}": 1.75,
    },
    "norm": {"batch norm, training throughput, ours against Keras'": 1.5},
    "compact": {
        f"{HALF}, throughput against masked": 1.5,
        f"{HALF} and half inside blocks, throughput against masked": 1.5,
    },
}


@pytest.mark.usefixtures("quick_limits")
@pytest.mark.parametrize("only", RATIOS)
def test_its_smoke_form_runs_every_call_and_names_the_ratios_right(
    only, capsys, monkeypatch
):
    def take_turns(calls, rounds):
        for call in calls.values():
            call()
        return {name: np.full(rounds, SECONDS[name]) for name in calls}

    monkeypatch.setattr(search, "take_turns", take_turns)
    with small_smoke():  # eagerly: a call takes less time than its tracing
        search.main(["--smoke", "--only", only])
    lines = capsys.readouterr().out.splitlines()
    ratios = [line.split(", aim")[0] for line in lines if ", aim" in line]
    found = {k: float(v) for k, v in (r.split(": ") for r in ratios)}
    assert found == RATIOS[only]


def test_half_of_the_channels_are_open_alike_in_both_modalities():
    network = search.make_network(search.SMALL, "channel")
    for visible, infrared in search.half_open(network).masks.values():
        assert visible.mean() == 0.5
        np.testing.assert_array_equal(visible, infrared)
