"""`find_gates` finds every gate, however deeply it is nested."""

import keras

from nfs_keras.layers import (
    ChannelSearch,
    DualLevelSearch,
    SpatialSearch,
    find_gates,
)


def names(gates):
    return [type(gate).__name__ for gate in gates]


def test_a_model_without_search_has_no_gates():
    image = keras.Input((4, 4, 3))
    model = keras.Model(image, keras.layers.ReLU()(image))
    assert find_gates(model) == []


def test_gates_are_found_in_nested_models_and_cells():
    image = keras.Input((4, 4, 3))
    inner = keras.Sequential([keras.Input((4, 4, 3)), DualLevelSearch(1)])
    channel, spatial = ChannelSearch(1), SpatialSearch(1)
    model = keras.Model(image, spatial(inner(channel(image))))
    found = find_gates(model)
    assert sorted(names(found)) == 2 * ["ChannelSearch"] + 2 * ["SpatialSearch"]
    assert len({id(gate) for gate in found}) == 4
    assert {id(channel), id(spatial)} < {id(gate) for gate in found}


def test_a_gate_is_found_in_itself():
    gate = ChannelSearch()
    assert find_gates(gate) == [gate]
    assert names(find_gates(DualLevelSearch())) == [
        "ChannelSearch",
        "SpatialSearch",
    ]
