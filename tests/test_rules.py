"""The law of every rule: compacted equals masked, and is smaller."""

import functools

import keras
import numpy as np
import pytest
from graph_cases import check_compacted, gate, layer_of, model_of
from keras import layers

from nfs_keras.layers import (
    DualLevelSearch,
    GeneralizedMeanPooling2D,
    SpatialSearch,
)
from nfs_keras.models import ChannelWise, Rule, register_rule
from nfs_keras.search.graph import trace
from nfs_keras.search.layer_rules import ELEMENTWISE, NOT_ZERO_AT_ZERO
from nfs_keras.search.rules import RULES, rule_of

CHANNELS = 6


def gated(maps, **arguments):
    """Convolves, and closes half of the channels."""
    return gate(layers.Conv2D(CHANNELS, 3, **arguments)(maps))


def constant(maps):
    """Maps of which half of the channels are constant, not zero."""
    return layers.BatchNormalization()(gated(maps))


def squeeze_and_excite(maps):
    squeezed = layers.GlobalAveragePooling2D(keepdims=True)(maps)
    squeezed = gate(layers.Conv2D(4, 1, activation="silu")(squeezed))
    excited = layers.Conv2D(CHANNELS, 1, activation="sigmoid")(squeezed)
    return layers.Multiply()([maps, excited])


def flat_excite(maps):
    squeezed = layers.GlobalAveragePooling2D()(maps)
    excited = layers.Dense(CHANNELS, activation="sigmoid")(squeezed)
    excited = layers.Reshape((1, 1, CHANNELS))(excited)
    return layers.Multiply()([maps, excited])


def line(layer, *arguments, **options):
    """A layer of sequences between two gates."""

    def grow(image):
        pixels = layers.Reshape((72, 3))(image)
        maps = gate(layers.Conv1D(CHANNELS, 3)(pixels))
        return gate(layer(*arguments, **options)(maps))

    return grow


def volume(layer, *arguments):
    """A layer of volumes between two gates."""

    def grow(image):
        pixels = layers.Reshape((3, 3, 8, 3))(image)
        maps = gate(layers.Conv3D(CHANNELS, 2)(pixels))
        return gate(layer(*arguments)(maps))

    return grow


def pairs(merge):
    """Merges two maps, one zero and one constant where gates are closed."""
    return lambda maps: merge([gated(maps), constant(maps)])


MAPS = {  # from images to maps: the layer behind a gate, or two
    "conv": lambda x: layers.Conv2D(5, 3, padding="same")(gated(x)),
    "conv_folds": lambda x: layers.Conv2D(5, 3)(constant(x)),
    "conv_unbiased_folds": lambda x: layers.Conv2D(5, 3, use_bias=False)(
        constant(x)
    ),
    "conv_strided": lambda x: layers.Conv2D(5, 3, 2, "same")(gated(x)),
    "conv_dilated": lambda x: layers.Conv2D(5, 2, dilation_rate=2)(constant(x)),
    "conv_softmax": lambda x: layers.Conv2D(5, 1, activation="softmax")(
        constant(x)
    ),
    "depthwise": lambda x: layers.DepthwiseConv2D(
        3, padding="same", use_bias=False
    )(gated(x)),
    "depthwise_biased": lambda x: layers.DepthwiseConv2D(3)(gated(x)),
    "depthwise_constant": lambda x: layers.DepthwiseConv2D(3)(constant(x)),
    "separable": lambda x: layers.SeparableConv2D(5, 3)(gated(x)),
    "transposed": lambda x: layers.Conv2DTranspose(5, 3, 2)(gated(x)),
    "dense": lambda x: layers.Dense(5)(constant(x)),
    "batch_norm": constant,
    "batch_norm_plain": lambda x: layers.BatchNormalization(
        center=False, scale=False
    )(gated(x)),
    "relu": lambda x: layers.ReLU()(constant(x)),
    "relu_with_threshold": lambda x: layers.ReLU(threshold=0.5)(gated(x)),
    "leaky_relu": lambda x: layers.LeakyReLU()(constant(x)),
    "prelu": lambda x: layers.PReLU(shared_axes=(1, 2))(gated(x)),
    "prelu_of_pixels": lambda x: layers.PReLU()(constant(x)),
    "elu": lambda x: layers.ELU()(gated(x)),
    "add": pairs(layers.Add()),
    "average": pairs(layers.Average()),
    "subtract": pairs(layers.Subtract()),
    "maximum": pairs(layers.Maximum()),
    "minimum": pairs(layers.Minimum()),
    "multiply": pairs(layers.Multiply()),
    "concatenate": pairs(layers.Concatenate()),
    "squeeze_and_excitation": lambda x: squeeze_and_excite(gated(x)),
    "squeeze_and_excitation_of_constants": lambda x: squeeze_and_excite(
        constant(x)
    ),
    "flat_excitation": lambda x: flat_excite(gated(x)),
    "zero_padding": lambda x: layers.ZeroPadding2D(1)(gated(x)),
    "cropping": lambda x: layers.Cropping2D(1)(constant(x)),
    "upsampling": lambda x: layers.UpSampling2D(2, interpolation="bilinear")(
        constant(x)
    ),
    "max_pooling": lambda x: layers.MaxPooling2D(3, 2, "same")(constant(x)),
    "average_pooling": lambda x: layers.AveragePooling2D(2)(constant(x)),
    "dropout": lambda x: layers.Dropout(0.5)(gated(x)),
    "gaussian_noise": lambda x: layers.GaussianNoise(0.5)(gated(x)),
    "rescaling": lambda x: layers.Rescaling(2.0, offset=1.0)(gated(x)),
    "reshape": lambda x: layers.Reshape((6, 7, CHANNELS))(constant(x)),
    "identity": lambda x: layers.Identity()(gated(x)),
    "two_gates": lambda x: gate(constant(x)),
    "pixel_gate": lambda x: SpatialSearch()(gated(x)),
    "dual": lambda x: DualLevelSearch()(layers.Conv2D(CHANNELS, 3)(x)),
}
VECTORS = {  # from images to what a dense layer reads
    "global_average": lambda x: layers.GlobalAveragePooling2D()(constant(x)),
    "global_max": lambda x: layers.GlobalMaxPooling2D()(constant(x)),
    "generalized_mean": lambda x: GeneralizedMeanPooling2D()(
        gated(x, activation="relu")
    ),
    "flatten": lambda x: layers.Flatten()(gated(x)),
    "flatten_constants": lambda x: layers.Flatten()(constant(x)),
    "flatten_then_gate": lambda x: gate(layers.Flatten()(constant(x))),
    "reshape_to_sequence": lambda x: layers.GlobalMaxPooling1D()(
        layers.Reshape((-1, CHANNELS))(gated(x))
    ),
    "line_conv": line(layers.Conv1D, 4, 3, padding="causal"),
    "line_depthwise": line(layers.DepthwiseConv1D, 3),
    "line_separable": line(layers.SeparableConv1D, 4, 3),
    "line_transposed": line(layers.Conv1DTranspose, 4, 3),
    "line_pooling": line(layers.MaxPooling1D, 2),
    "line_padding": line(layers.ZeroPadding1D, 1),
    "volume_conv": volume(layers.Conv3D, 4, 2),
    "volume_transposed": volume(layers.Conv3DTranspose, 4, 2),
    "volume_pooling": volume(layers.AveragePooling3D, (1, 2, 2)),
    "volume_global": volume(layers.GlobalAveragePooling3D),
}


@functools.cache
def masked(name):
    """The model of a case, not to be changed."""
    if name in MAPS:
        return model_of(
            lambda x: layers.Conv2D(4, 3, name="last")(MAPS[name](x))
        )
    return model_of(lambda x: layers.Dense(4)(VECTORS[name](x)))


@pytest.mark.parametrize("name", [*MAPS, *VECTORS])
def test_maps_and_vectors_are_compacted_exactly(name):
    model = masked(name)
    assert check_compacted(model).count_params() < model.count_params()


@pytest.mark.parametrize("keeps_zero", [True, False])
def test_every_activation_is_compacted_exactly(keeps_zero):
    names = ELEMENTWISE - NOT_ZERO_AT_ZERO if keeps_zero else NOT_ZERO_AT_ZERO

    def grow(image):
        maps = gated(image)
        return [
            layers.Conv2D(4, 3, padding="same", activation=name)(
                layers.Activation(name)(maps)
            )
            for name in sorted(names)
        ]

    smaller = check_compacted(model_of(grow))
    kept = layer_of(smaller, layers.Conv2D).filters
    # What is not zero cannot leave a convolution that pads with zeros.
    assert kept == (CHANNELS // 2 if keeps_zero else CHANNELS)


@pytest.mark.parametrize("name", ["softmax", "sparsemax", "log_softmax"])
def test_an_activation_over_channels_keeps_them_all(name):
    model = model_of(
        lambda x: layers.Conv2D(4, 3)(layers.Activation(name)(gated(x)))
    )
    smaller = check_compacted(model)
    assert layer_of(smaller, layers.Conv2D).filters == CHANNELS


def test_an_activation_s_value_at_zero_is_known_right():
    for name in ELEMENTWISE:
        value = float(keras.activations.get(name)(np.zeros(1, "float32"))[0])
        assert (value != 0) == (name in NOT_ZERO_AT_ZERO), name


UNRULED = {  # where the rule of the class does not hold
    "grouped": lambda x: layers.Conv2D(4, 3, groups=2)(gated(x)),
    "multiplied": lambda x: layers.DepthwiseConv2D(3, depth_multiplier=2)(
        gated(x)
    ),
    "norm_of_rows": lambda x: layers.BatchNormalization(axis=1)(gated(x)),
    "layer_norm": lambda x: layers.LayerNormalization()(gated(x)),
    "group_norm": lambda x: layers.GroupNormalization(3)(gated(x)),
    "mixing_reshape": lambda x: layers.Reshape((7, -1))(gated(x)),
    "permute": lambda x: layers.Permute((3, 1, 2))(gated(x)),
    "rows_concatenated": lambda x: layers.Concatenate(axis=1)(
        [gated(x), gated(x)]
    ),
    "broadcast_sum": lambda x: layers.Add()([gated(x), layers.Conv2D(1, 3)(x)]),
    "attention": lambda x: layers.MultiHeadAttention(2, 4)(gated(x), gated(x)),
    "operations": lambda x: keras.ops.sigmoid(gated(x) + 2 * gated(x)),
    "per_channel_rescaling": lambda x: layers.Rescaling([1.0, 2, 3, 4, 5, 6])(
        gated(x)
    ),
    "sum_of_levels": lambda x: DualLevelSearch(combine="sum")(
        layers.Conv2D(CHANNELS, 3)(x)
    ),
    "norm_that_trains": lambda x: layers.BatchNormalization()(
        gated(x), training=True
    ),
}


@pytest.mark.parametrize("name", UNRULED)
def test_without_a_rule_it_is_exact_all_the_same(name):
    model = model_of(lambda image: layers.Dense(4)(UNRULED[name](image)))
    check_compacted(model)


@keras.saving.register_keras_serializable("tests")
class Scale(keras.layers.Layer):
    """A user's layer: one factor for each channel."""

    def build(self, shape):
        self.factor = self.add_weight(shape=shape[-1:], name="alpha")

    def call(self, inputs):
        return inputs * self.factor


@keras.saving.register_keras_serializable("tests")
class Swap(keras.layers.Layer):
    """A user's layer: the channels in reverse."""

    def call(self, inputs):
        return inputs[..., ::-1]


class SwapRule(Rule):
    def writes_all(self, node):
        return False

    def forward(self, node, inputs, opened):
        return type(inputs[0])(inputs[0].alive[::-1], inputs[0].zero[::-1])

    def backward(self, node, inputs, needed):
        return [needed[::-1]]

    def rebuild(self, node, build):
        kept = build.kept(node.outputs)
        maps = build.take(node.tensors[0], CHANNELS - 1 - kept[::-1])
        return build.clone(node.layer)(maps)


@pytest.mark.parametrize(
    "cls, rule", [(Scale, ChannelWise()), (Swap, SwapRule())]
)
def test_a_user_s_layer_is_exact_without_a_rule_and_smaller_with_one(cls, rule):
    model = model_of(lambda x: layers.Conv2D(4, 3)(cls()(gated(x))))
    convolution = layer_of(check_compacted(model), layers.Conv2D)
    assert convolution.filters == CHANNELS
    register_rule(cls, rule)
    try:
        smaller = check_compacted(model)
        assert layer_of(smaller, layers.Conv2D).filters == CHANNELS // 2
        assert layer_of(smaller, layers.Conv2D, 1).kernel.shape[2] == 3
    finally:
        RULES.pop(cls)


def test_a_rule_does_not_hold_for_subclasses():
    class Tripled(layers.ReLU):
        def call(self, inputs):
            return keras.ops.flip(inputs, axis=-1) + 1

    model = model_of(lambda x: layers.Conv2D(4, 3)(Tripled()(gated(x))))
    check_compacted(model)


def test_every_rule_s_layer_exists_in_a_case():
    """What has a rule is one of the layers that the tests above call."""
    called = {type(x) for n in [*MAPS, *VECTORS] for x in masked(n).layers}
    images = {cls for cls in RULES if "2D" in cls.__name__}
    assert images - called <= {layers.SpatialDropout2D}


def residual(maps):
    """A residual block in plain arithmetic."""
    branch = layers.Conv2D(CHANNELS, 3, padding="same")(keras.ops.relu(maps))
    scale = keras.ops.sigmoid(layers.GlobalMaxPooling2D(keepdims=True)(branch))
    return keras.ops.maximum(maps + branch * scale, maps - branch)


@pytest.mark.parametrize("start", [gated, constant])
def test_operations_are_compacted_exactly(start):
    def grow(image):
        maps = gate(keras.ops.leaky_relu(residual(start(image)), 0.3))
        return layers.Conv2D(4, 3, name="last")(maps)

    model = model_of(grow)
    smaller = check_compacted(model)
    assert smaller.get_layer("last").kernel.shape[2] == CHANNELS // 2
    assert smaller.count_params() < model.count_params()


def test_an_operation_with_a_number_or_an_array_is_exact():
    added = np.arange(CHANNELS, dtype="float32")
    model = model_of(
        lambda x: layers.Conv2D(4, 3)(layers.Add()([gated(x) + added] * 2) + 1)
    )
    check_compacted(model)


@pytest.mark.parametrize("name", sorted(ELEMENTWISE))
def test_every_elementwise_operation_has_a_rule(name):
    function = getattr(keras.ops, name, None)
    if function is None:
        return
    image = keras.Input((4, 4, 3))
    (node,) = trace(keras.Model(image, function(image))).nodes
    assert isinstance(rule_of(node), ChannelWise)


def test_a_mask_of_pixels_does_not_repeat_them_for_each_channel():
    model = model_of(lambda x: layers.Conv2D(4, 3)(MAPS["dual"](x)))
    smaller = check_compacted(model)
    (mask,) = [x for x in smaller.layers if isinstance(x, layers.Rescaling)]
    assert np.shape(mask.scale) == (7, 6, 1)
    model = model_of(
        lambda x: layers.Conv2D(4, 3)(layers.Rescaling(mask.scale)(gated(x)))
    )
    convolution = layer_of(check_compacted(model), layers.Conv2D)
    assert convolution.filters == CHANNELS // 2


def test_maps_of_an_unknown_size_are_as_large_as_their_windows():
    model = model_of(
        lambda x: layers.Conv2D(4, 1)(layers.AveragePooling2D(16)(constant(x))),
        shape=(None, None, 3),
    )
    images = np.random.default_rng(0).normal(size=(2, 40, 40, 3))
    check_compacted(model, images.astype("float32"))
