"""Operations are counted, expected and differentiated over a graph."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from graph_cases import IMAGES, SHAPE, close_at_random, gate, randomize
from keras import layers
from test_compact import network

from nfs_keras.layers import ChannelSearch, find_gates
from nfs_keras.models import (
    Architecture,
    compact,
    count_flops,
    search_space_summary,
)
from nfs_keras.search.flow import (
    count_operations,
    decided,
    expected,
    nothing_closed,
)
from nfs_keras.search.graph import trace


def model_of(grow):
    keras.utils.set_random_seed(0)
    image = keras.Input(SHAPE)
    model = keras.Model(image, grow(image))
    randomize(model)
    return model


def excited(image):
    maps = gate(layers.Conv2D(8, 3, activation="relu")(image))
    squeezed = layers.GlobalAveragePooling2D(keepdims=True)(maps)
    squeezed = gate(layers.Dense(4, activation="relu")(squeezed))
    scale = layers.Dense(8, activation="sigmoid")(squeezed)
    maps = layers.Multiply()([maps, scale])
    maps = gate(layers.DepthwiseConv2D(3, use_bias=False)(maps))
    return layers.Dense(3)(layers.Flatten()(maps))


def branched(image):
    parts = [gate(layers.Conv2D(n, 3)(image)) for n in (4, 6)]
    maps = layers.Concatenate()(parts)
    maps = gate(layers.SeparableConv2D(6, 3)(maps))
    return layers.Conv2DTranspose(3, 3)(maps)


GRAPHS = pytest.mark.parametrize("grow", [network, excited, branched])


def test_a_multiply_add_counts_as_two_operations():
    vector = keras.Input((7,))
    layer = layers.Dense(5, use_bias=False)
    assert count_flops(keras.Model(vector, layer(vector))) == 2 * 5 * 7


@pytest.mark.parametrize(
    "layer, flops",
    [
        (layers.Conv2D(4, 3, padding="same"), 2 * 9 * 3 * 4 * 72),
        (layers.Conv2D(4, 3, 2), 2 * 9 * 3 * 4 * 4 * 3),
        (layers.DepthwiseConv2D(3), 2 * 9 * 3 * 7 * 6),
        (layers.SeparableConv2D(4, 3), 2 * (9 * 3 + 3 * 4) * 7 * 6),
        (layers.Conv2DTranspose(4, 3, 2), 2 * 9 * 3 * 4 * 72),
        (layers.Dropout(0.5), 0),
    ],
)
def test_a_layer_costs_its_kernel_at_every_pixel(layer, flops):
    assert count_flops(model_of(layer)) == flops


def profiled(model):
    """What TensorFlow's own profiler counts."""
    spec = tf.TensorSpec((1, *model.input_shape[1:]))
    function = tf.function(model).get_concrete_function(spec)
    options = tf.compat.v1.profiler.ProfileOptionBuilder
    found = tf.compat.v1.profiler.profile(
        function.graph,
        options=options(options.float_operation()).with_empty_output().build(),
    )
    return found.total_float_ops


@pytest.mark.parametrize("make", ["convnet", "mobilenet"])
def test_it_agrees_with_tensorflow_s_profiler(make):
    def convnet(x):
        for size in (16, 32, 64):
            x = layers.Conv2D(size, 3, padding="same", activation="relu")(x)
        return layers.Dense(10)(layers.Flatten()(x))

    if make == "convnet":
        model = model_of(convnet)
    else:
        model = keras.applications.MobileNetV2((32, 32, 3), 0.35, weights=None)
    assert count_flops(model) == pytest.approx(profiled(model), rel=0.05)


@GRAPHS
def test_gates_cost_what_the_compacted_model_costs(grow):
    """Decided ones do, and what is expected of others tends to it."""
    model = model_of(grow)
    close_at_random(model)
    graph = trace(model)
    counted = count_operations(graph, decided)
    assert counted == count_flops(compact(model)) < count_flops(model)
    for found in find_gates(model):
        found.logits.assign(40 * (2 * np.array(found.mask) - 1))
        found.search()
    found = float(count_operations(graph, expected))
    assert found == pytest.approx(counted, rel=1e-4)


@GRAPHS
def test_with_gates_open_operations_are_all_there(grow):
    model = model_of(grow)
    graph = trace(model)
    everything = count_operations(graph, nothing_closed)
    for found in find_gates(model):
        found.logits.assign(np.full(found.logits.shape, 40.0))
    assert float(count_operations(graph, expected)) == pytest.approx(everything)
    assert count_flops(model) == everything


@GRAPHS
def test_a_gradient_reaches_every_logit_and_closes_it(grow):
    model = model_of(grow)
    graph = trace(model)
    rng = np.random.default_rng(0)
    logits = [found.logits for found in find_gates(model)]
    for variable in logits:
        variable.assign(rng.normal(size=variable.shape))
    values = [variable.value for variable in logits]
    with tf.GradientTape() as tape:
        operations = count_operations(graph, expected)
    for gradient in tape.gradient(operations, values):
        gradient = tf.convert_to_tensor(gradient).numpy()
        assert np.all(np.isfinite(gradient)) and np.all(gradient >= 0)
        assert np.any(gradient > 0)


def test_descending_the_expected_operations_closes_gates():
    model = model_of(network)
    graph, before = trace(model), count_flops(model)
    optimizer = keras.optimizers.Adam(0.6)
    logits = [found.logits for found in find_gates(model)]
    optimizer.build(logits)
    for _ in range(20):
        with tf.GradientTape() as tape:
            share = count_operations(graph, expected) / before
            loss = tf.nn.relu(share - 0.4)
        gradients = tape.gradient(loss, [v.value for v in logits])
        optimizer.apply(gradients, logits)
    assert float(share) < 0.45
    Architecture.derive(model).apply(model)
    assert count_flops(compact(model)) < 0.6 * before


def test_tied_gates_count_as_one():
    shared = ChannelSearch(initial_logit=0.0)

    def grow(image):
        maps = shared(layers.Conv2D(8, 3)(image))
        maps = layers.ReLU()(layers.Add()([maps, shared(maps)]))
        return layers.Conv2D(4, 1)(maps)

    model = model_of(grow)
    share = float(shared.open_probabilities()[0, 0])
    whole = count_flops(model)
    found = count_operations(trace(model), expected)
    assert float(found) == pytest.approx(share * whole, rel=1e-5)


def test_a_map_of_unknown_size_raises():
    image = keras.Input((None, None, 3))
    model = keras.Model(image, layers.Conv2D(4, 3)(image))
    with pytest.raises(ValueError, match=r"shape \(None, None, None, 4\)"):
        count_flops(model)
    assert model(IMAGES).shape[-1] == 4


class Tanh(layers.Conv2D):
    def call(self, inputs):
        return keras.ops.tanh(super().call(inputs))


def called_twice(image):
    shared = layers.Conv2D(3, 3, padding="same")
    return shared(shared(image))


@pytest.mark.parametrize(
    "grow, flops",
    [
        (layers.Conv2D(6, 3, groups=3), 2 * 9 * 6 * 7 * 6),
        (layers.Conv2DTranspose(4, 3, activation="softmax"), 2 * 9 * 12 * 72),
        (layers.DepthwiseConv2D(3, depth_multiplier=2), 2 * 9 * 6 * 7 * 6),
        (layers.SeparableConv2D(4, 3, depth_multiplier=2), 2 * 78 * 7 * 6),
        (layers.Conv2D(4, 3, data_format="channels_first"), 2 * 9 * 36 * 6),
        (Tanh(4, 3), 2 * 9 * 12 * 7 * 6),
        (called_twice, 2 * 2 * 9 * 9 * 72),
    ],
)
def test_a_convolution_without_a_rule_is_counted_all_the_same(grow, flops):
    assert count_flops(model_of(grow)) == flops


def test_a_model_of_two_twins_costs_twice_the_twin():
    encoder = model_of(network)
    images = [keras.Input(SHAPE) for _ in range(2)]
    twins = keras.Model(images, [encoder(image) for image in images])
    assert count_flops(twins) == 2 * count_flops(encoder) > 0


def test_a_budget_of_nothing_that_is_counted_raises():
    model = model_of(lambda image: gate(layers.ReLU()(image)))
    with pytest.raises(ValueError, match="without such layers"):
        Architecture.derive(model, 0.5)
    architecture = Architecture.derive(model)
    assert architecture.share_of_operations(model) == 1.0
    lines = []
    (row,) = search_space_summary(model, lines.append)
    assert row["operations"] == 0.0


def test_channels_first_stay_whole():
    first = layers.Conv2D(3, 3, padding="same", data_format="channels_first")
    model = model_of(lambda image: layers.Conv2D(4, 3)(gate(first(image))))
    close_at_random(model)
    (smaller,) = [x for x in compact(model).layers if x.name == first.name]
    assert smaller.filters == 3
