"""An `Architecture` is what a search has found, of any gated Keras model."""

import json

import keras
import numpy as np
import pytest
from graph_cases import IMAGES, SHAPE, close_at_random, gate, randomize
from keras import layers
from test_compact import network, two_modalities

from nfs_keras.layers import ChannelSearch, DualLevelSearch, find_gates
from nfs_keras.models import (
    Architecture,
    add_gates,
    compact,
    count_flops,
    named_gates,
)


def wide(image):
    """Enough channels that one of them is less than 1 % of operations."""
    maps = image
    for number in range(3):
        maps = layers.Conv2D(64, 3, padding="same", activation="relu")(maps)
        maps = DualLevelSearch(name=f"stage{number}")(maps)
    return layers.Dense(4)(layers.GlobalAveragePooling2D()(maps))


def searched(grow=network, seed=0):
    """A model whose logits have moved."""
    keras.utils.set_random_seed(seed)
    image = keras.Input(SHAPE)
    model = keras.Model(image, grow(image))
    randomize(model)
    move_logits(model, seed)
    return model


def move_logits(model, seed=0):
    generator = np.random.default_rng(seed)
    for found in find_gates(model):
        found.logits.assign(generator.normal(size=found.logits.shape))


def random_architecture(modalities=2, channels=6, height=4, width=2):
    generator = np.random.default_rng(0)
    return Architecture(
        {
            f"stage{i}/{level}": generator.random((modalities, *shape)) < 0.6
            for i in (1, 2)
            for level, shape in (
                ("channel", (channels,)),
                ("spatial", (height, width)),
            )
        }
    )


def same(a, b):
    assert list(a.masks) == list(b.masks)
    for name, mask in a.masks.items():
        np.testing.assert_array_equal(mask, b.masks[name])


def test_without_a_budget_it_keeps_positive_logits():
    model = searched(wide)
    architecture = Architecture.derive(model)
    gates = named_gates(model)
    assert list(architecture.masks) == list(gates)
    for name, found in gates.items():
        np.testing.assert_array_equal(
            architecture.masks[name], found.derived_mask()
        )


def test_of_closed_gates_it_keeps_the_best_channel_and_pixel():
    model = searched(wide)
    for found in find_gates(model):
        found.logits.assign(found.logits - 40.0)
    for name, mask in Architecture.derive(model).masks.items():
        best = np.array(named_gates(model)[name].logits).argmax()
        assert np.flatnonzero(mask) == [best]


@pytest.mark.parametrize("budget", [0.15, 0.8])
@pytest.mark.parametrize("equal", [False, True])
def test_a_budget_is_met_in_counted_operations(budget, equal):
    model = searched(wide)
    if equal:  # as a search starts
        for found in find_gates(model):
            found.logits.assign(0 * found.logits + 1.5)
    architecture = Architecture.derive(model, budget)
    share = architecture.share_of_operations(model)
    architecture.apply(model)
    assert count_flops(compact(model)) == share * count_flops(model)
    assert abs(share - budget) < 0.01


def test_a_budget_is_met_for_two_modalities():
    model = two_modalities(dual_network_of_many_channels)
    for found in find_gates(model):
        found.search()
    move_logits(model)
    architecture = Architecture.derive(model, 0.5)
    architecture.apply(model)
    share = count_flops(compact(model)) / count_flops(model)
    assert abs(share - 0.5) < 0.01
    given = [IMAGES, np.array([0, 1, 1])]
    np.testing.assert_allclose(compact(model)(given), model(given), atol=1e-5)


def dual_network_of_many_channels(image, modality):
    maps = layers.Conv2D(64, 3, activation="relu")(image)
    maps = DualLevelSearch(2)(maps, modality)
    maps = ChannelSearch(2)(layers.Conv2D(64, 3)(maps), modality)
    return layers.Dense(3)(layers.Flatten()(maps))


def test_a_budget_keeps_the_largest_logits_of_all_channel_gates():
    model = searched(wide)
    architecture = Architecture.derive(model, 0.4)
    kept, dropped = [], []
    for name, found in named_gates(model).items():
        if name.endswith("/spatial"):  # saves nothing, so none is closed
            np.testing.assert_array_equal(
                architecture.masks[name], found.derived_mask()
            )
        else:
            logits = np.array(found.logits)
            kept.append(logits[architecture.masks[name]])
            dropped.append(logits[~architecture.masks[name]])
    assert np.concatenate(kept).min() > np.concatenate(dropped).max()


def test_a_smaller_budget_keeps_nothing_that_a_larger_one_drops():
    model = searched(wide)
    small, large = (Architecture.derive(model, b).masks for b in (0.3, 0.6))
    assert all(np.all(small[name] <= large[name]) for name in small)


def test_frozen_gates_keep_what_they_keep():
    model = searched(wide)
    first = find_gates(model)[0]
    first.freeze(np.arange(64) < 40)
    for budget in (None, 0.4):
        architecture = Architecture.derive(model, budget)
        np.testing.assert_array_equal(
            architecture.masks["stage0/channel"], [np.arange(64) < 40]
        )
    architecture.apply(model)
    share = count_flops(compact(model)) / count_flops(model)
    assert abs(share - 0.4) < 0.01


@pytest.mark.parametrize("budget", [0.0, 1.0, -1, 2])
def test_an_impossible_budget_raises(budget):
    with pytest.raises(ValueError, match=f"Received: budget={budget}"):
        Architecture.derive(searched(), budget)


def test_where_channels_are_few_it_stays_within_the_budget():
    def grow(image):
        maps = gate(layers.Conv2D(4, 3, activation="relu")(image))
        return layers.Conv2D(4, 3)(maps)

    model = searched(grow)
    for budget in (0.3, 0.45, 0.7, 0.9):
        share = Architecture.derive(model, budget).share_of_operations(model)
        assert budget - 0.25 < share <= budget  # a channel is a quarter


def test_a_budget_that_the_gates_cannot_meet_raises():
    model = add_gates(compact(frozen(network)), ["classes"], "channel")
    with pytest.raises(ValueError, match="budget=0.1, where 1.000 is the le"):
        Architecture.derive(model, 0.1)


def frozen(grow):
    model = searched(grow)
    close_at_random(model)
    return model


def test_a_budget_needs_a_channel_gate_that_searches():
    model = add_gates(searched(), ["classes"], "channel")
    for found in find_gates(model):
        found.open()
    with pytest.raises(ValueError, match="without a channel gate that search"):
        Architecture.derive(model, 0.5)


def test_a_model_without_gates_raises():
    with pytest.raises(ValueError, match="Received: model='plain' without"):
        Architecture.derive(keras.Sequential(name="plain"))


def test_applied_it_freezes_the_gates_and_leaves_the_logits():
    model = searched(wide)
    logits = [np.array(found.logits) for found in find_gates(model)]
    architecture = Architecture.derive(model, 0.5)
    architecture.apply(model)
    for name, found in named_gates(model).items():
        assert found.is_frozen
        np.testing.assert_array_equal(found.mask, architecture.masks[name])
    for before, found in zip(logits, find_gates(model), strict=True):
        np.testing.assert_array_equal(before, found.logits)


def test_a_misfit_names_gate_and_sizes_and_changes_nothing():
    model = searched()
    masks = Architecture.derive(model).masks
    wrong = {**masks, "second": np.ones((1, 5), bool)}
    with pytest.raises(
        ValueError,
        match=r"second of shape \(1, 5\), in the model \(1, 8\)",
    ):
        Architecture(wrong).apply(model)
    for broken in (
        {"first": masks["first"]},
        {**masks, "third": masks["first"]},
    ):
        with pytest.raises(ValueError, match="Received: (second|third) of sha"):
            Architecture(broken).apply(model)
    assert not any(found.is_frozen for found in find_gates(model))


@pytest.mark.parametrize("modalities", [1, 2, 3])
def test_it_comes_back_from_its_file(modalities, tmp_path):
    architecture = random_architecture(modalities)
    architecture.save(tmp_path / "architecture.json")
    same(Architecture.load(tmp_path / "architecture.json"), architecture)
    content = json.loads((tmp_path / "architecture.json").read_text())
    assert content["schema"] == 2


def test_a_file_of_schema_1_is_read(tmp_path):
    """Its masks lie by cell, level and modality of the two-stream network."""
    architecture = random_architecture()
    cells = {}
    for name, mask in architecture.masks.items():
        cell, level = name.split("/")
        rows = dict(
            zip(("visible", "infrared"), mask.astype(int).tolist(), strict=True)
        )
        cells.setdefault(cell, {})[level] = rows
    path = tmp_path / "architecture.json"
    path.write_text(json.dumps({"schema": 1, "cells": cells}))
    renamed = {k.replace("/", "_"): m for k, m in architecture.masks.items()}
    same(Architecture.load(path), Architecture(renamed))


def test_a_file_of_another_schema_raises(tmp_path):
    path = tmp_path / "architecture.json"
    path.write_text('{"schema": 3, "gates": {}}')
    with pytest.raises(ValueError, match="schemas 1 and 2. Received: schema=3"):
        Architecture.load(path)


@pytest.mark.parametrize(
    "text", [None, "not JSON", "[1]", '{"schema": 1}', '{"schema": 2}', "{}"]
)
def test_a_file_that_is_no_architecture_raises(tmp_path, text):
    path = tmp_path / "architecture.json"
    if text is not None:  # else there is no file
        path.write_text(text)
    with pytest.raises(ValueError, match="Received: path=.*architecture.json"):
        Architecture.load(path)


@pytest.mark.parametrize("modalities", [1, 2, 3])
def test_a_random_one_keeps_as_many_choices_everywhere(modalities):
    architecture = random_architecture(modalities)
    first, again, other = (architecture.random(seed) for seed in (1, 1, 2))
    same(first, again)
    assert any(first.diff(other).values())
    assert any(first.diff(architecture).values())
    for name, mask in architecture.masks.items():
        ours = mask.reshape(modalities, -1)
        theirs = first.masks[name].reshape(modalities, -1)
        np.testing.assert_array_equal(ours.sum(1), theirs.sum(1))
        assert ours.all(0).sum() == theirs.all(0).sum()  # kept by all
        assert ours.any(0).sum() == theirs.any(0).sum()


def test_a_random_one_costs_the_same():
    model = searched(wide)
    architecture = Architecture.derive(model, 0.5)
    share = architecture.share_of_operations(model)
    assert architecture.random(3).share_of_operations(model) == share


def test_the_difference_is_the_share_of_choices_that_differ():
    architecture, other = random_architecture(), random_architecture()
    assert set(architecture.diff(other).values()) == {0.0}
    other.masks["stage2/channel"][0, 0] ^= True
    difference = architecture.diff(other)
    assert difference == other.diff(architecture)
    assert difference.pop("stage2/channel") == pytest.approx(1 / 12)
    assert set(difference.values()) == {0.0}


def test_two_of_different_sizes_have_no_difference():
    other = random_architecture(channels=5)
    with pytest.raises(ValueError, match="stage1/channel of shape"):
        random_architecture().diff(other)


def test_the_open_fraction_is_the_mean_share_that_gates_keep():
    architecture = Architecture({"a": [[1, 1, 0, 0]], "b": [[1, 1, 1, 0]]})
    assert architecture.open_fraction() == pytest.approx(5 / 8)


@pytest.mark.parametrize(
    "modalities, titles, row",
    [
        (1, ["kept", "all", "none"], ["50%", "50%", "50%"]),
        (
            2,
            ["visible", "infrared", "all", "none"],
            ["50%", "50%", "25%", "25%"],
        ),
        (
            3,
            ["kept", "0", "kept", "1", "kept", "2", "all", "none"],
            ["50%", "50%", "25%", "0%", "25%"],
        ),
    ],
)
def test_the_summary_is_a_table_of_what_each_gate_keeps(
    modalities, titles, row
):
    masks = [[1, 1, 0, 0], [1, 0, 1, 0], [0, 0, 1, 0]][:modalities]
    text = Architecture({"stage1/channel": masks}).summary()
    header, line, total = text.splitlines()
    assert header.split() == ["gate", "size", *titles]
    assert line.split() == ["stage1/channel", "4", *row]
    assert total.startswith("open fraction 0.")


def test_gates_of_different_numbers_of_modalities_share_a_table():
    masks = {"a": [[1, 0]], "b": [[1, 0], [0, 0]]}
    lines = Architecture(masks).summary().splitlines()
    assert lines[1].split() == ["a", "2", "50%", "50%", "50%"]
    assert lines[2].split() == ["b", "2", "50%", "0%", "0%", "50%"]


def test_names_of_nested_models_go_the_whole_way():
    image = keras.Input(SHAPE)
    halves = [
        keras.Sequential(
            [keras.Input(SHAPE), layers.Conv2D(3, 3, 1, "same"), part]
        )
        for part in (ChannelSearch(name="gate"), DualLevelSearch(name="gate"))
    ]
    maps = gate(layers.Conv2D(6, 3)(halves[1](halves[0](image))), "last")
    model = keras.Model(image, layers.Dense(2)(maps))
    move_logits(model)
    architecture = Architecture.derive(model)
    assert list(architecture.masks) == [
        *("gate", "gate/channel", "gate/spatial", "last")
    ]
    architecture.apply(model)
    np.testing.assert_allclose(compact(model)(IMAGES), model(IMAGES), atol=1e-5)


def test_sums_of_levels_are_masked_and_save_nothing():
    def grow(image):
        maps = layers.Conv2D(6, 3)(image)
        return layers.Dense(3)(DualLevelSearch(combine="sum")(maps))

    model = searched(grow)
    architecture = Architecture.derive(model)
    assert architecture.share_of_operations(model) == 1.0
    architecture.apply(model)
    np.testing.assert_allclose(compact(model)(IMAGES), model(IMAGES), atol=1e-5)
