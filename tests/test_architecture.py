import json

import numpy as np
import pytest

from nfs_keras.layers import find_gates
from nfs_keras.models import Architecture
from tests.search_cases import (
    derive_at_random,
    identical,
    make_batch,
    make_network,
    small_network,
    snapshot,
)

RNG = np.random.default_rng(0)


def random_architecture(channels=6, height=4, width=2):
    generator = np.random.default_rng(0)
    return Architecture(
        {
            f"stage{i}": {
                "channel": generator.random((2, channels)) < 0.5,
                "spatial": generator.random((2, height, width)) < 0.7,
            }
            for i in (1, 2)
        }
    )


def masks_of(architecture):
    return [m for cell in architecture.cells.values() for m in cell.values()]


def gates_of(network):
    """The gates in the order of `masks_of`."""
    return [g for c in network.cells.values() for g in c.levels().values()]


def set_logits(network, value):
    for gate in find_gates(network):
        gate.logits.assign(np.broadcast_to(value, gate.logits.shape))


@pytest.mark.parametrize("search", ["dual", "channel", "spatial"])
def test_without_a_budget_it_keeps_positive_logits(search):
    network = small_network(search)
    derive_at_random(network)
    architecture = Architecture.derive(network)
    for name, cell in network.cells.items():
        assert set(architecture.cells[name]) == set(cell.levels())
        for level, gate in cell.levels().items():
            np.testing.assert_array_equal(
                architecture.gate_mask(name, level), gate.derived_mask()
            )


@pytest.mark.parametrize("value", [-1.0, -40.0])
def test_of_closed_gates_it_keeps_one_channel_and_one_pixel(value):
    network = small_network()
    set_logits(network, value)
    for mask in masks_of(Architecture.derive(network)):
        np.testing.assert_array_equal(mask.reshape(2, -1).sum(axis=1), 1)


@pytest.mark.parametrize("budget", [0.2, 0.5, 0.8])
@pytest.mark.parametrize("equal", [False, True])
def test_a_budget_is_met_to_one_gate(budget, equal):
    network = small_network()
    derive_at_random(network)
    if equal:
        set_logits(network, 1.5)  # as a search starts
    architecture = Architecture.derive(network, budget)
    opened = architecture.open_fraction()
    # One gate of a cell's 2 x 8 channels is worth at most this.
    assert budget - 1 / 16 / len(network.cells) <= opened <= budget


def test_a_budget_keeps_the_largest_logits_of_all_levels():
    network = small_network()
    derive_at_random(network)
    masks = masks_of(Architecture.derive(network, 0.3))
    logits = [np.array(g.logits) for g in gates_of(network)]
    pairs = [(a.ravel(), m.ravel()) for a, m in zip(logits, masks, strict=True)]
    kept = min(a[m].min() for a, m in pairs)
    dropped = max(a[~m].max() for a, m in pairs)
    assert kept > dropped


@pytest.mark.parametrize("budget", [0.0, 1.0, 2])
def test_an_impossible_budget_is_refused(budget):
    with pytest.raises(ValueError, match=f"Received: budget={budget}"):
        Architecture.derive(small_network(), budget)


def test_the_open_fraction_is_the_share_of_the_maps_that_is_kept():
    architecture = random_architecture()
    shares = []
    for cell in architecture.cells.values():
        channels, pixels = cell["channel"].mean(), cell["spatial"].mean()
        shares.append(channels * pixels)
    assert architecture.open_fraction() == pytest.approx(np.mean(shares))


def test_applied_it_freezes_the_gates_to_its_masks():
    network = small_network()
    derive_at_random(network)
    architecture = Architecture.derive(network)
    logits = snapshot(network.search_variables)
    architecture.apply(network)
    for gate, mask in zip(
        gates_of(network), masks_of(architecture), strict=True
    ):
        assert float(gate.searching) == 0.0
        np.testing.assert_array_equal(np.array(gate.mask).ravel(), mask.ravel())
    assert identical(logits, snapshot(network.search_variables))


def test_an_entry_that_no_modality_keeps_is_zero_in_the_embedding():
    network = small_network()
    derive_at_random(network)
    architecture = Architecture.derive(network)
    architecture.cells["stage2"]["channel"][:, 3] = False
    architecture.apply(network)
    embedding = np.array(network(make_batch()[0])["embedding"])
    assert np.abs(embedding[:, 3]).max() < 1e-5


def test_it_comes_back_from_its_file(tmp_path):
    architecture = random_architecture()
    architecture.save(tmp_path / "architecture.json")
    loaded = Architecture.load(tmp_path / "architecture.json")
    assert list(loaded.cells) == list(architecture.cells)
    assert identical(masks_of(architecture), masks_of(loaded))
    content = json.loads((tmp_path / "architecture.json").read_text())
    assert content["schema"] == 1
    row = content["cells"]["stage1"]["channel"]["infrared"]
    np.testing.assert_array_equal(
        row, architecture.cells["stage1"]["channel"][1]
    )


def test_a_file_of_another_schema_is_refused(tmp_path):
    path = tmp_path / "architecture.json"
    path.write_text('{"schema": 2, "cells": {}}')
    with pytest.raises(ValueError, match="schema 1. Received: schema=2"):
        Architecture.load(path)


@pytest.mark.parametrize("text", ["not JSON", "[1]", '{"schema": 1}', "{}"])
def test_a_file_that_is_no_architecture_is_refused(tmp_path, text):
    path = tmp_path / "architecture.json"
    path.write_text(text)
    with pytest.raises(ValueError, match="Received: path=.*architecture.json"):
        Architecture.load(path)


def test_a_misfit_names_cell_and_sizes():
    wide, narrow = make_network("channel"), small_network("channel")
    with pytest.raises(
        ValueError,
        match=r"stage1/channel of shape \(2, 24\), in the network \(2, 8\)",
    ):
        Architecture.derive(wide).apply(narrow)


@pytest.mark.parametrize("searches", [("dual", "channel"), ("channel", "dual")])
def test_a_level_too_many_or_too_few_is_a_misfit(searches):
    given, wanted = (small_network(search) for search in searches)
    before = snapshot(wanted.variables)
    with pytest.raises(ValueError, match="Received: stage1/spatial of shape"):
        Architecture.derive(given).apply(wanted)
    assert identical(before, snapshot(wanted.variables))


def test_a_random_one_keeps_as_many_gates_everywhere():
    architecture = random_architecture()
    first, again, other = (architecture.random(seed) for seed in (1, 1, 2))
    assert identical(masks_of(first), masks_of(again))
    assert not identical(masks_of(first), masks_of(other))
    assert not identical(masks_of(first), masks_of(architecture))
    for ours, theirs in zip(
        masks_of(architecture), masks_of(first), strict=True
    ):
        np.testing.assert_array_equal(
            ours.reshape(2, -1).sum(1), theirs.reshape(2, -1).sum(1)
        )
        assert ours.all(0).sum() == theirs.all(0).sum()  # kept by both


def test_the_difference_is_the_share_of_gates_that_differ():
    architecture = random_architecture()
    assert set(architecture.diff(architecture).values()) == {0.0}
    other = random_architecture()
    other.cells["stage2"]["channel"][0, 0] ^= True
    difference = architecture.diff(other)
    assert difference == other.diff(architecture)
    assert difference.pop("stage2/channel") == pytest.approx(1 / 12)
    assert set(difference.values()) == {0.0}


def test_two_of_different_sizes_have_no_difference():
    with pytest.raises(ValueError, match="stage1/channel of shape"):
        random_architecture(6).diff(random_architecture(5))


def test_the_summary_is_a_table_of_what_each_cell_keeps():
    architecture = Architecture(
        {"stage1": {"channel": [[1, 1, 0, 0], [1, 0, 1, 0]]}}
    )
    header, row, total = architecture.summary().splitlines()
    assert header.split()[-4:] == ["visible", "infrared", "both", "neither"]
    assert row.split() == ["stage1", "channel", "4", "50%", "50%", "25%", "25%"]
    assert total == "open fraction 0.500"
