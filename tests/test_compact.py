"""`compact`, on whole models: exact, smaller, plain, and a copy."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from graph_cases import (
    IMAGES,
    SHAPE,
    assert_same_outputs,
    check_compacted,
    close_at_random,
    gate,
    layer_of,
    model_of,
    randomize,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers
from programs import run

from nfs_keras.layers import (
    ChannelSearch,
    DualLevelSearch,
    SpatialSearch,
    find_gates,
)
from nfs_keras.models import compact, count_flops

MODALITY = np.array([0, 1, 1])


def network(image):
    """A small network with gates, a sum and a skip connection."""
    maps = gate(layers.Conv2D(8, 3, activation="relu")(image), "first")
    branch = layers.BatchNormalization()(layers.Conv2D(8, 3, 1, "same")(maps))
    maps = gate(layers.ReLU()(layers.Add()([maps, branch])), "second")
    pooled = layers.GlobalAveragePooling2D()(maps)
    return layers.Dense(4, name="classes")(pooled)


def two_modalities(grow):
    """A model of images and their modality, gates closed at random."""
    keras.utils.set_random_seed(0)
    image = keras.Input(SHAPE)
    modality = keras.Input((), dtype="int32", name="modality")
    model = keras.Model([image, modality], grow(image, modality))
    randomize(model)
    close_at_random(model)
    return model


def test_models_inside_a_model_are_compacted():
    inner = model_of(network)

    def grow(image):
        return layers.Dense(3)(layers.ReLU()(inner(image)))

    model = model_of(grow)
    smaller = check_compacted(model)
    assert count_flops(smaller) < 0.7 * count_flops(model)
    assert not any(isinstance(x, keras.Model) for x in smaller.layers)


def test_a_model_that_is_called_twice_is_exact():
    inner = keras.Sequential(
        [keras.Input(SHAPE), layers.Conv2D(6, 3), ChannelSearch()]
    )
    model = model_of(
        lambda x: layers.Dense(3)(layers.Add()([inner(x), inner(2 * x)]))
    )
    check_compacted(model)


def test_a_layer_that_is_called_twice_is_exact():
    convolution, relu = layers.Conv2D(3, 3, 1, "same"), layers.ReLU()
    shared = ChannelSearch()

    def grow(x):
        maps = relu(shared(convolution(shared(convolution(x)))))
        maps = relu(gate(layers.Conv2D(7, 3)(maps)))
        return layers.Dense(3)(maps)

    check_compacted(model_of(grow))


def test_a_reshape_of_two_maps_takes_the_channels_of_each():
    reshape = layers.Reshape((42, 6))

    def grow(x):
        maps = [reshape(gate(layers.Conv2D(6, 3)(x))) for _ in range(2)]
        return layers.Concatenate()([layers.Dense(4)(m) for m in maps])

    check_compacted(model_of(grow))


@pytest.mark.parametrize("built_by_call", [False, True])
def test_a_sequential_model_is_compacted(built_by_call):
    parts = [layers.Conv2D(8, 3), ChannelSearch(), layers.Flatten()]
    first = [] if built_by_call else [keras.Input(SHAPE)]
    model = keras.Sequential([*first, *parts, layers.Dense(3)])
    model(IMAGES)
    close_at_random(model)
    smaller = check_compacted(model)
    assert count_flops(smaller) < 0.6 * count_flops(model)


def test_a_gate_at_an_output_becomes_a_constant_mask():
    model = model_of(lambda x: gate(layers.Conv2D(8, 3)(x), "last"))
    smaller = check_compacted(model)
    assert smaller.output_shape == model.output_shape
    assert type(smaller.layers[-1]) is layers.Rescaling
    assert smaller.layers[-1].name == "last"


def test_with_all_channels_of_a_gate_closed_it_is_exact():
    def grow(image):
        maps = layers.BatchNormalization()(gate(layers.Conv2D(8, 3)(image)))
        maps = gate(layers.Conv2D(6, 3)(maps))
        return layers.Dense(3)(layers.Flatten()(maps))

    for number in range(2):
        model = model_of(grow)
        find_gates(model)[number].freeze(0.0)
        smaller = check_compacted(model)
        assert layer_of(smaller, layers.Conv2D).filters == (1, 4)[number]


def test_with_every_gate_open_nothing_is_removed():
    model = model_of(network)
    for found in find_gates(model):
        found.open()
    smaller = check_compacted(model)
    assert not find_gates(smaller)
    assert count_flops(smaller) == count_flops(model)
    weights = sum(int(np.prod(x.shape)) for x in model.weights)
    gates = sum(x.count_params() for x in find_gates(model))
    assert smaller.count_params() == weights - gates


def test_pixels_are_masked_and_save_nothing():
    def grow(image):
        return layers.Dense(3)(SpatialSearch()(layers.Conv2D(5, 3)(image)))

    model = model_of(grow)
    assert count_flops(check_compacted(model)) == count_flops(model)


def test_a_mask_between_zero_and_one_goes_into_a_constant():
    model = model_of(lambda x: layers.Dense(3)(gate(layers.Conv2D(4, 3)(x))))
    find_gates(model)[0].freeze([0.0, 0.25, 1.0, 0.0])
    smaller = check_compacted(model)
    assert layer_of(smaller, layers.Conv2D).filters == 2


def test_several_inputs_and_outputs_keep_their_structure():
    inputs = {name: keras.Input(SHAPE, name=name) for name in "ab"}
    maps = [gate(layers.Conv2D(6, 3)(x)) for x in inputs.values()]
    outputs = {"sum": layers.Dense(3)(layers.Add()(maps)), "map": maps[0]}
    model = keras.Model(inputs, outputs)
    close_at_random(model)
    smaller = check_compacted(model, {"a": IMAGES, "b": 2 * IMAGES})
    assert set(smaller.output) == {"sum", "map"}
    assert {x.name for x in smaller.inputs} == {"a", "b"}


def dual_network(image, modality):
    first, cell = ChannelSearch(2), DualLevelSearch(2)
    maps = layers.Conv2D(8, 3, activation="relu")(image)
    maps = layers.BatchNormalization()(first(maps, modality))
    maps = cell(layers.Conv2D(9, 3)(maps), modality=modality)
    return layers.Dense(3)(layers.Flatten()(maps))


def test_for_two_modalities_only_what_differs_stays_a_gate():
    model = two_modalities(dual_network)
    smaller = check_compacted(model, [IMAGES, MODALITY])
    assert len(find_gates(smaller)) == 3
    assert all(found.is_frozen for found in find_gates(smaller))
    for found in find_gates(model):
        found.freeze(found.mask[:1])  # alike in both
    smaller = check_compacted(model, [IMAGES, MODALITY])
    assert not find_gates(smaller)


def test_for_one_modality_of_two_it_is_smaller_and_no_gate_is_left():
    model = two_modalities(dual_network)
    both = count_flops(compact(model))
    assert both < count_flops(model)
    for modality in (0, 1):
        one = compact(model, modality)
        given = [IMAGES, 0 * MODALITY + modality]
        assert_same_outputs(one(given), model(given))
        assert not find_gates(one)
        assert count_flops(one) < both
    for unknown in (2, -1, "infrared"):
        message = f"Received: modality={unknown!r}, "
        with pytest.raises(ValueError, match=message):
            compact(model, unknown)


def test_a_gate_that_knows_no_modality_is_alike_for_each():
    def grow(image, given):
        maps = gate(layers.Conv2D(8, 3, activation="relu")(image))
        return layers.Dense(3)(ChannelSearch(2)(maps, given))

    model = two_modalities(grow)
    for modality in (0, 1):
        given = [IMAGES, 0 * MODALITY + modality]
        assert_same_outputs(compact(model, modality)(given), model(given))


def test_a_modality_that_is_fixed_in_the_model_is_exact():
    shared = ChannelSearch(2)
    images = [keras.Input(SHAPE), keras.Input(SHAPE)]
    maps = [
        layers.Dense(4)(shared(layers.Conv2D(8, 3)(image), modality=index))
        for index, image in enumerate(images)
    ]
    model = keras.Model(images, layers.Add()(maps))
    close_at_random(model)
    smaller = check_compacted(model, [IMAGES, 2 * IMAGES])
    assert not find_gates(smaller)
    kept = np.array(shared.mask).sum(axis=1)
    convolutions = [x for x in smaller.layers if isinstance(x, layers.Conv2D)]
    assert [x.filters for x in convolutions] == kept.tolist()


@pytest.mark.parametrize("policy", ["mixed_float16", "float64"])
def test_other_precisions_are_kept(policy):
    keras.config.set_dtype_policy(policy)
    try:
        model = model_of(lambda image: gate(network(image)))
    finally:
        keras.config.set_dtype_policy("float32")
    smaller = compact(model)
    policies = {x.dtype_policy.name for x in smaller.layers[1:]}
    assert policies == {policy}
    assert smaller.output.dtype == model.output.dtype
    np.testing.assert_allclose(smaller(IMAGES), model(IMAGES), atol=2e-3)


def test_images_of_any_size_pass():
    image = keras.Input((None, None, 3))
    maps = layers.BatchNormalization()(gate(layers.Conv2D(8, 3)(image)))
    model = keras.Model(image, layers.Conv2D(4, 3)(layers.ReLU()(maps)))
    randomize(model)
    close_at_random(model)
    smaller = check_compacted(model)
    assert layer_of(smaller, layers.Conv2D).filters == 4
    assert_same_outputs(smaller(IMAGES[:, :6]), model(IMAGES[:, :6]))


@pytest.fixture(scope="module")
def masked():
    """A model with closed gates, not to be changed."""
    return model_of(network)


@pytest.fixture(scope="module")
def smaller(masked):
    return compact(masked)


def test_it_shares_nothing_with_the_model(masked):
    before = [np.array(v) for v in masked.variables]
    smaller = compact(masked)
    smaller.compile("sgd", "mse", run_eagerly=True)
    smaller.fit(IMAGES, np.ones((3, 4)), verbose=0)
    for value, variable in zip(before, masked.variables, strict=True):
        np.testing.assert_array_equal(value, variable)


def test_a_frozen_layer_stays_frozen():
    model = model_of(network)
    model.get_layer("classes").trainable = False
    smaller = compact(model)
    assert not smaller.get_layer("classes").trainable
    assert len(smaller.trainable_variables) == 6


def test_a_regularizer_and_the_model_s_name_are_kept():
    model = model_of(
        lambda x: layers.Dense(3, kernel_regularizer="l2")(
            gate(layers.Conv2D(4, 3, kernel_regularizer="l1")(x))
        )
    )
    smaller = compact(model)
    assert len(smaller.losses) == 2
    assert smaller.name == model.name


def test_a_model_that_still_searches_raises():
    model = model_of(network)
    find_gates(model)[1].search()
    with pytest.raises(ValueError, match="gate 'second', which is still sear"):
        compact(model)


PLAIN = """
import sys
sys.modules["nfs_keras"] = None
import keras, numpy as np, tensorflow as tf
folder = sys.argv[1]
images = np.load(folder + "/images.npy")
model = keras.saving.load_model(folder + "/smaller.keras")
serve = tf.saved_model.load(folder + "/1").signatures["serving_default"]
(served,) = serve(tf.constant(images)).values()
np.savez(folder + "/found.npz", loaded=model(images), served=served)
"""


def test_it_is_plain_keras_that_needs_no_nfs_keras(masked, smaller, tmp_path):
    smaller.save(tmp_path / "smaller.keras")
    smaller.export(tmp_path / "1", format="tf_saved_model", verbose=False)
    np.save(tmp_path / "images.npy", IMAGES)
    run(["-c", PLAIN, tmp_path], check=True)
    with np.load(tmp_path / "found.npz") as found:
        assert_same_outputs(found["loaded"], smaller(IMAGES))
        assert_same_outputs(found["served"], masked(IMAGES))


def test_a_saved_and_loaded_model_is_compacted_alike(masked, smaller, tmp_path):
    masked.save(tmp_path / "model.keras")
    twin = keras.saving.load_model(tmp_path / "model.keras")
    for a, b in zip(smaller.weights, compact(twin).weights, strict=True):
        np.testing.assert_array_equal(a, b)


def test_it_can_be_compacted_again(smaller):
    assert_same_outputs(compact(smaller)(IMAGES), smaller(IMAGES))


STEPS = {
    "conv": lambda a, b: layers.Conv2D(5, 3, 1, "same")(a),
    "conv_valid_padded": lambda a, b: layers.Conv2D(4, 3)(
        layers.ZeroPadding2D(1)(a)
    ),
    "depthwise": lambda a, b: layers.DepthwiseConv2D(3, padding="same")(a),
    "norm": lambda a, b: layers.BatchNormalization()(a),
    "relu": lambda a, b: layers.ReLU()(a),
    "sigmoid": lambda a, b: layers.Activation("sigmoid")(a),
    "gate": lambda a, b: gate(a),
    "pixels": lambda a, b: SpatialSearch()(a),
    "both": lambda a, b: DualLevelSearch()(a),
    "concatenate": lambda a, b: layers.Concatenate()([a, b]),
    "add": lambda a, b: layers.Add()([a, layers.Dense(a.shape[-1])(b)]),
    "multiply": lambda a, b: layers.Multiply()(
        [a, layers.Dense(a.shape[-1], activation="sigmoid")(b)]
    ),
    "excite": lambda a, b: layers.Multiply()(
        [
            a,
            layers.Dense(a.shape[-1], activation="sigmoid")(
                layers.GlobalAveragePooling2D(keepdims=True)(b)
            ),
        ]
    ),
    "layer_norm": lambda a, b: layers.LayerNormalization()(a),
    "pool": lambda a, b: layers.AveragePooling2D(3, 1, "same")(a),
    "operation": lambda a, b: 2 * a + 1,
}
CHOICE = st.tuples(st.sampled_from(sorted(STEPS)), *2 * [st.integers(0, 99)])


@settings(max_examples=10, deadline=None, derandomize=True)
@given(
    st.lists(CHOICE, min_size=4, max_size=12),
    st.sampled_from([0.3, 0.6, 1.0]),
)
def test_any_graph_is_compacted_exactly(steps, share):
    keras.utils.set_random_seed(0)
    image = keras.Input((4, 4, 3))
    maps = [image]
    for name, a, b in steps:
        a, b = maps[-1 - a % min(3, len(maps))], maps[b % len(maps)]
        maps.append(STEPS[name](a, b))
    model = keras.Model(image, [maps[-1], layers.Flatten()(maps[-2])])
    randomize(model)
    close_at_random(model, share=share)
    images = IMAGES[:, :4, :4]
    smaller = compact(model)
    for found, expected in zip(smaller(images), model(images), strict=True):
        scale = max(1.0, float(tf.reduce_max(tf.abs(expected))))
        np.testing.assert_allclose(found / scale, expected / scale, atol=1e-5)
    assert count_flops(smaller) <= count_flops(model)
