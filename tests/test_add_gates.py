"""`add_gates` puts gates into a copy of a model; `named_gates` lists them."""

import keras
import numpy as np
import pytest
from graph_cases import IMAGES, SHAPE, assert_same_outputs, randomize
from keras import layers

from nfs_keras.layers import (
    ChannelSearch,
    DualLevelSearch,
    SpatialSearch,
    find_gates,
)
from nfs_keras.models import (
    add_gates,
    compact,
    count_flops,
    named_gates,
    search_space_summary,
)


def convnet(name=None):
    keras.utils.set_random_seed(0)
    image = keras.Input(SHAPE, name="image")
    maps = layers.Conv2D(8, 3, activation="relu", name="conv1")(image)
    maps = layers.BatchNormalization(name="norm")(maps)
    branch = layers.Conv2D(8, 3, 1, "same", name="conv2")(maps)
    maps = layers.ReLU(name="sum_relu")(layers.Add(name="sum")([maps, branch]))
    pooled = layers.GlobalAveragePooling2D(name="pool")(maps)
    model = keras.Model(
        image, layers.Dense(4, name="classes")(pooled), name=name
    )
    randomize(model)
    return model


def equal(a, b):
    np.testing.assert_array_equal(np.array(a), np.array(b))


@pytest.fixture(scope="module")
def model():
    """A model without gates, not to be changed."""
    return convnet("mine")


@pytest.mark.parametrize("search", ["dual", "channel", "spatial"])
def test_while_gates_are_open_the_copy_is_the_model_bit_for_bit(search):
    model = convnet("mine")
    trained = model(IMAGES, training=True)  # moves the statistics
    for logit in (1.5, 1e4):
        gated = add_gates(
            model, ["conv1", "sum_relu"], search, initial_logit=logit
        )
        equal(gated(IMAGES), model(IMAGES))
        for gate in find_gates(gated):
            gate.open()
        equal(gated(IMAGES, training=True), trained)
    assert gated.name == "mine"
    kind = {"dual": DualLevelSearch, "channel": ChannelSearch}
    for name in ("conv1_search", "sum_relu_search"):
        cell = gated.get_layer(name)
        assert type(cell) is kind.get(search, SpatialSearch)


def test_a_keras_application_is_gated_saved_and_loaded(tmp_path):
    keras.utils.set_random_seed(0)
    whole = keras.applications.MobileNetV2(
        (32, 32, 3), alpha=0.35, weights=None, include_top=False
    )
    model = keras.Model(whole.input, whole.get_layer("block_3_expand").output)
    after = ["block_1_expand_relu", "block_2_depthwise_relu", "block_2_add"]
    gated = add_gates(model, after, "channel")
    image = np.random.default_rng(0).normal(size=(2, 32, 32, 3))
    equal(gated(image), model(image))
    gated.save(tmp_path / "gated.keras")
    twin = keras.saving.load_model(tmp_path / "gated.keras")
    equal(twin(image), model(image))
    assert list(named_gates(twin)) == [f"{name}_search" for name in after]


def test_the_model_stays_as_it_is_and_shares_no_weights():
    model = convnet()
    before = [np.array(v) for v in model.variables]
    gated = add_gates(model, ["conv1"])
    for variable in gated.variables:
        variable.assign(np.ones(variable.shape))
    for value, variable in zip(before, model.variables, strict=True):
        equal(value, variable)
    assert not find_gates(model)


def test_frozen_layers_stay_frozen():
    model = convnet()
    model.get_layer("conv1").trainable = False
    model.get_layer("norm").trainable = False
    gated = add_gates(model, ["conv1"])
    frozen = [x.name for x in gated.layers if not x.trainable]
    assert frozen == ["conv1", "norm"]


def test_with_two_modalities_the_copy_has_one_more_input(model):
    gated = add_gates(model, ["conv1", "sum"], "dual", num_modalities=2)
    assert [x.name for x in gated.inputs] == ["image", "modality"]
    modality = np.array([0, 1, 1])
    equal(gated([IMAGES, modality]), model(IMAGES))
    gate = named_gates(gated)["conv1_search/channel"]
    assert gate.logits.shape == (2, 8)
    gate.freeze([[1.0] * 8, [0.0] * 8])
    outputs = np.array(gated([IMAGES, modality]))
    # Alike up to rounding: what the other rows are moves the last bit.
    np.testing.assert_allclose(outputs[:1], model(IMAGES)[:1], atol=1e-6)
    assert np.any(outputs[1:] != np.array(model(IMAGES))[1:])


def test_arguments_are_passed_to_every_gate(model):
    gated = add_gates(model, ["conv1", "sum"], sparsity=0.1, seed=3)
    for gate in find_gates(gated):
        assert gate.sparsity == 0.1
    gated(IMAGES, training=True)
    assert len(gated.losses) == 4
    keeps = [g.keep(3, training=True) for g in find_gates(gated)[::2]]
    assert np.any(np.array(keeps[0]) != np.array(keeps[1]))


def test_a_layer_that_is_called_twice_gets_one_gate():
    image = keras.Input(SHAPE)
    shared = layers.Conv2D(3, 3, 1, "same", name="conv")
    model = keras.Model(image, shared(shared(image)))
    gated = add_gates(model, ["conv"], "channel")
    assert list(named_gates(gated)) == ["conv_search"]
    equal(gated(IMAGES), model(IMAGES))
    (gate,) = find_gates(gated)
    gate.freeze([0.0, 0.0, 0.0])
    assert not np.any(np.array(gated(IMAGES)))


def test_layers_of_models_inside_are_gated_too():
    image = keras.Input(SHAPE)
    body = keras.Sequential([convnet("body"), layers.ReLU(name="last")])
    model = keras.Model(image, layers.Dense(2)(body(image)))
    gated = add_gates(model, ["conv2", "last"], "channel")
    assert list(named_gates(gated)) == ["conv2_search", "last_search"]
    equal(gated(IMAGES), model(IMAGES))


def test_a_sequential_model_is_gated():
    model = keras.Sequential(
        [
            keras.Input(SHAPE),
            layers.Conv2D(6, 3, name="conv"),
            layers.Flatten(),
            layers.Dense(2),
        ]
    )
    gated = add_gates(model, ["conv"])
    equal(gated(IMAGES), model(IMAGES))
    assert_same_outputs(compacted_at_half(gated)(IMAGES), gated(IMAGES))


def compacted_at_half(model):
    for gate in find_gates(model):
        size = int(np.prod(gate.mask.shape))
        gate.freeze(np.reshape(np.arange(size) % 2, gate.mask.shape))
    return compact(model)


def test_gates_may_stand_behind_operations_that_are_no_layers():
    image = keras.Input(SHAPE)
    maps = 2 * layers.Conv2D(6, 3)(image)
    model = keras.Model(image, layers.Dense(2)(maps))
    name = maps._keras_history.operation.name
    gated = add_gates(model, [name], "channel")
    equal(gated(IMAGES), model(IMAGES))
    assert list(named_gates(gated)) == [f"{name}_search"]


def test_gated_twice_it_has_the_gates_of_both_times(model):
    once = add_gates(model, ["conv1"], "channel")
    find_gates(once)[0].freeze([1, 0] * 4)
    twice = add_gates(once, ["sum"], "spatial")
    assert list(named_gates(twice)) == ["conv1_search", "sum_search"]
    equal(twice(IMAGES), once(IMAGES))
    assert find_gates(twice)[0].is_frozen


@pytest.mark.parametrize(
    "after, message",
    [
        (["conv9"], r"the model does not have \['conv9'\]"),
        ("conv1", "after='conv1'"),
        ([], r"Received: after=\[\]"),
        (None, "Received: after=None"),
    ],
)
def test_names_that_are_none_raise(after, message, model):
    with pytest.raises(ValueError, match=message):
        add_gates(model, after)


def test_an_unknown_search_raises(model):
    with pytest.raises(ValueError, match="Received: search='depth'"):
        add_gates(model, ["conv1"], "depth")


def test_a_model_without_a_graph_raises():
    class Subclassed(keras.Model):
        pass

    with pytest.raises(ValueError, match="Received: model='mine'"):
        add_gates(Subclassed(name="mine"), ["conv1"])


def test_names_are_flat_stable_and_different(model):
    image = keras.Input(SHAPE)
    halves = [
        keras.Sequential([keras.Input(SHAPE), ChannelSearch(name="gate")])
        for _ in range(2)
    ]
    cell = DualLevelSearch(name="cell")
    whole = keras.Model(image, cell(halves[1](halves[0](image))))
    expected = {
        "gate": halves[0].layers[0],
        "gate_2": halves[1].layers[0],
        "cell/channel": cell.channel,
        "cell/spatial": cell.spatial,
    }
    found = named_gates(whole)
    assert list(found) == list(expected)
    assert all(found[name] is expected[name] for name in expected)
    assert named_gates(model) == {}


def test_the_summary_lists_the_share_of_each_gate(model):
    gated = add_gates(model, ["conv1", "sum_relu"])
    lines = []
    rows = search_space_summary(gated, print_fn=lines.append)
    assert [row["gate"] for row in rows] == list(named_gates(gated))
    assert [row["size"] for row in rows] == ["8", "7x6", "8", "7x6"]
    assert [row["level"] for row in rows] == 2 * ["channels", "pixels"]
    assert len(lines) == 6
    assert f"{count_flops(gated) / 1e6:,.1f} million" in lines[-1]
    shares = [row["operations"] for row in rows]
    assert shares[1] == shares[3] == 0.0  # pixels save nothing
    # A batch norm makes a constant of what the first gate closes, which the
    # padded convolution behind it has to see.
    assert shares[0] == 0.0
    # Seven of eight channels less to write, and to classify.
    first, second, last = (27 * 8 * 42, 9 * 64 * 42, 4 * 8)
    saved = (second + last) * 7 / 8
    assert shares[2] == pytest.approx(saved / (first + second + last))


def test_layers_of_one_name_each_get_a_gate():
    image = keras.Input(SHAPE)
    halves = [convnet("left"), convnet("right")]
    model = keras.Model(image, layers.Add()([half(image) for half in halves]))
    gated = add_gates(model, ["conv1"], "channel")
    assert list(named_gates(gated)) == ["conv1_search", "conv1_2_search"]
    equal(gated(IMAGES), model(IMAGES))


def test_gated_twice_it_has_one_input_of_modalities(model):
    once = add_gates(model, ["conv1"], "channel", num_modalities=2)
    twice = add_gates(once, ["sum"], "spatial", num_modalities=2)
    assert [x.name for x in twice.inputs] == ["image", "modality"]
    equal(twice([IMAGES, np.array([0, 1, 1])]), model(IMAGES))


def test_the_pixels_of_vectors_raise(model):
    with pytest.raises(ValueError, match=r"'pool', of.*search='channel'"):
        add_gates(model, ["pool"], "dual")
    add_gates(model, ["pool"], "channel")


def test_a_gate_has_the_precision_of_its_layer(model):
    keras.config.set_dtype_policy("mixed_float16")
    try:
        gated = add_gates(model, ["conv1"])
    finally:
        keras.config.set_dtype_policy("float32")
    equal(gated(IMAGES), model(IMAGES))
