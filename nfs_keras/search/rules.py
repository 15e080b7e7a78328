"""What each kind of layer does to the channels of its maps.

A channel is an entry of a tensor's last axis. Two facts are carried along the
graph, and each kind of layer has one small rule for them:

- forwards, which channels are *alive*: not a known constant. A closed gate
  makes a channel zero; through activations and poolings zero stays zero; a
  batch norm turns it into another constant.
- backwards, which channels are *needed*: somebody reads them. A convolution
  does not need an input channel that is zero, nor one that is constant where
  the constant can go into its bias.

Both are numbers in [0, 1], so that the same rules serve decided gates (0 or
1) and, as probabilities, a search that is under way: "and" is the minimum and
"or" the maximum, which is exact for decided gates and for gates that are
tied. The product of two independent gates is smaller than their minimum: as
an estimate the minimum is on the safe side.

A layer without a rule reads and writes all its channels: it is never wrong,
at worst not smaller. `register_rule` gives a layer of one's own a rule.
"""

from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from nfs_keras.layers import (
    ChannelSearch,
    DualLevelSearch,
    GeneralizedMeanPooling2D,
    SpatialSearch,
)

ELEMENTWISE = {
    *("celu", "elu", "exponential", "gelu", "hard_shrink", "hard_sigmoid"),
    *("hard_silu", "hard_swish", "hard_tanh", "leaky_relu", "linear"),
    *("log_sigmoid", "mish", "relu", "relu6", "selu", "sigmoid", "silu"),
    *("soft_shrink", "softplus", "softsign", "squareplus", "swish", "tanh"),
    "tanh_shrink",
}
NOT_ZERO_AT_ZERO = {
    *("exponential", "hard_sigmoid", "log_sigmoid", "sigmoid", "softplus"),
    "squareplus",
}


class Channels(NamedTuple):
    """What is known of a tensor's channels.

    Attributes:
        alive: `(channels,)` numbers in [0, 1]: how sure it is that the
            channel is not a constant. An array, or a tensor to differentiate.
        zero: Boolean array `(channels,)`: whether the constant would be 0.
    """

    alive: object
    zero: np.ndarray


def num_channels(tensor):
    """Int. Channels of a tensor; 1 for a vector or an unknown last axis."""
    shape = tensor.shape
    return (shape[-1] or 1) if len(shape) > 1 else 1


def all_alive(tensor):
    """`Channels` of which nothing is known."""
    size = num_channels(tensor)
    return Channels(np.ones(size), np.ones(size, bool))


def both(a, b):
    """The minimum, as an array if both are arrays."""
    plain = isinstance(a, np.ndarray) and isinstance(b, np.ndarray)
    return np.minimum(a, b) if plain else ops.minimum(to_float(a), to_float(b))


def either(a, b):
    """The maximum, as an array if both are arrays."""
    plain = isinstance(a, np.ndarray) and isinstance(b, np.ndarray)
    return np.maximum(a, b) if plain else ops.maximum(to_float(a), to_float(b))


def where(condition, a, b):
    """Chooses by a boolean array, without a tensor where there was none."""
    if condition.all():
        return a
    if not condition.any():
        return b
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return np.where(condition, a, b)
    return ops.where(condition, to_float(a), to_float(b))


def to_float(x):
    """A float32 tensor of an array; a tensor as it is."""
    return ops.cast(x, "float32") if isinstance(x, np.ndarray) else x


def any_of(needed):
    """`(1,)`: how sure it is that any channel is needed."""
    if isinstance(needed, np.ndarray):
        return needed.max(initial=0.0, keepdims=True)
    return ops.max(needed, keepdims=True)


class Rule:
    """Any layer: reads and writes all its channels.

    A rule is an object that layers of a kind share; it keeps no state. The
    methods of subclasses say what this one leaves open.
    """

    def applies(self, node):
        """Whether the rule holds for a call; if not, this class' does."""
        return True

    def writes_all(self, node):
        """Whether the layer writes all its channels, needed or not."""
        return True

    def forward(self, node, inputs, opened):
        """Gives the `Channels` of the output from those of the inputs.

        Args:
            node: `Node`.
            inputs: List of `Channels`, one per tensor of the node.
            opened: Function of a gate's node to `(channels,)` numbers.
        """
        return all_alive(keras.tree.flatten(node.outputs)[0])

    def backward(self, node, inputs, needed):
        """Gives what the node needs of its inputs, for what is needed of it.

        Args:
            node: `Node`.
            inputs: List of `Channels`.
            needed: `(channels,)` numbers, of the output.

        Returns:
            List of `(channels,)` numbers, one per tensor of the node.
        """
        return [np.ones(num_channels(t)) for t in node.tensors]

    def rebuild(self, node, build):
        """Makes the layer again for fewer channels, and calls it.

        Args:
            node: `Node`.
            build: The `Builder` at work.

        Returns:
            What takes the place of `node.outputs`: of the channels that
            `build.kept` lists.
        """
        return build.call(node, build.clone(node.layer))

    def flops(self, node, read, written):
        """Counts the operations of a call, a multiply-add as two.

        Args:
            node: `Node`.
            read: Number of channels that are read, all inputs together.
            written: Number of channels of the output.
        """
        return 0


class ChannelWise(Rule):
    """A layer that treats every channel by itself, and all its pixels alike.

    Args:
        keeps_zero: Whether a map of zeros gives zeros. A bool, or a function
            of the layer.
        keeps_constant: Whether a constant map gives a constant one.
        applies: Function of the `Node`: whether it really is channel-wise.
    """

    def __init__(self, keeps_zero=True, keeps_constant=True, applies=None):
        self.keeps_zero = keeps_zero
        self.keeps_constant = keeps_constant
        self.condition = applies

    def applies(self, node):
        (tensor, *others) = node.tensors
        same = num_channels(tensor) == num_channels(node.outputs)
        holds = self.condition is None or self.condition(node)
        return same and not others and holds

    def writes_all(self, node):
        return False

    def forward(self, node, inputs, opened):
        (given,) = inputs
        known = given.zero & as_bool(self.keeps_zero, node.layer)
        constant = known | as_bool(self.keeps_constant, node.layer)
        one = np.ones(len(given.zero))
        return Channels(where(constant, given.alive, one), known)

    def backward(self, node, inputs, needed):
        return [needed]

    def rebuild(self, node, build):
        layer, kept = node.layer, build.kept(node.outputs)
        (tensor,) = node.tensors
        smaller = build.clone(layer, weights=False, **self.config(node, kept))
        outputs = smaller(build.take(tensor, kept), **node.training)
        for old, new in zip(layer.weights, smaller.weights, strict=True):
            new.assign(self.sliced(old, kept, num_channels(tensor)))
        build.set_constants(node, build.evaluate)
        return outputs

    def config(self, node, kept):
        """The arguments of the layer that change with its channels."""
        return {}

    def sliced(self, weight, kept, size):
        """A weight of the layer, for the kept channels."""
        array = ops.convert_to_numpy(weight)
        is_vector = array.ndim > 0 and array.shape[-1] == size
        return array[..., kept] if is_vector else array


class Depthwise(ChannelWise):
    """A depthwise convolution with one output for each channel."""

    def __init__(self):
        super().__init__(
            keeps_zero=lambda x: not x.use_bias and keeps_zero(x.activation),
            keeps_constant=lambda x: x.padding == "valid",
            applies=lambda node: (
                node.layer.depth_multiplier == 1
                and is_elementwise(node.layer.activation)
            ),
        )

    def sliced(self, weight, kept, size):
        array = ops.convert_to_numpy(weight)
        return array[kept] if array.ndim == 1 else array[..., kept, :]

    def flops(self, node, read, written):
        return 2 * num_pixels(node.outputs) * kernel_size(node) * written


class Reshape(ChannelWise):
    """A `Reshape` that leaves the channels where they are."""

    def __init__(self):
        super().__init__()

    def applies(self, node):
        return super().applies(node) and len(node.outputs.shape) > 1

    def config(self, node, kept):
        target = node.layer.target_shape
        return {"target_shape": (*target[:-1], len(kept))}


class Kernel(Rule):
    """A convolution or a dense layer: mixes all channels.

    Args:
        size: Name of the constructor's argument of the output channels.
    """

    def __init__(self, size="filters"):
        self.size = size

    def applies(self, node):
        layer = node.layer
        grouped = getattr(layer, "groups", 1) != 1
        lora = getattr(layer, "lora_enabled", False)
        quantized = getattr(layer, "quantization_mode", None) is not None
        return not (grouped or lora or quantized)

    def writes_all(self, node):
        return not is_elementwise(node.layer.activation)  # such as softmax

    def folds(self, layer):
        """Whether a constant input channel can go into the bias."""
        window = np.prod(getattr(layer, "kernel_size", 1))
        return window == 1 or layer.padding == "valid"

    def backward(self, node, inputs, needed):
        (given,) = inputs
        droppable = given.zero | self.folds(node.layer)
        one = np.ones(len(given.zero))
        read = where(droppable, given.alive, one)
        return [both(read, any_of(needed))]

    def rebuild(self, node, build):
        layer, (tensor,) = node.layer, node.tensors
        rows, columns = build.layout(tensor), build.kept(node.outputs)
        kernel = ops.convert_to_numpy(layer.kernel)
        bias = np.zeros(len(columns), kernel.dtype)
        if layer.use_bias:
            bias = ops.convert_to_numpy(layer.bias)[columns]
        constants = build.constants(tensor).copy()
        constants[rows] = 0.0
        if constants.any():
            window = tuple(range(kernel.ndim - 2))
            folded = constants @ kernel.sum(axis=window)[:, columns]
            bias = bias + folded.astype(kernel.dtype)
        use_bias = bool(layer.use_bias or bias.any())
        smaller = build.clone(
            layer,
            weights=False,
            **{self.size: len(columns), "use_bias": use_bias},
        )
        outputs = smaller(build.new(tensor))
        smaller.kernel.assign(kernel[..., rows, :][..., columns])
        if use_bias:
            smaller.bias.assign(bias)
        return outputs

    def flops(self, node, read, written):
        return 2 * num_pixels(node.outputs) * kernel_size(node) * read * written


class Transposed(Kernel):
    """A transposed convolution, whose kernel has its outputs first."""

    def folds(self, layer):
        return False

    def rebuild(self, node, build):
        layer, (tensor,) = node.layer, node.tensors
        rows, columns = build.layout(tensor), build.kept(node.outputs)
        smaller = build.clone(layer, weights=False, filters=len(columns))
        outputs = smaller(build.new(tensor))
        kernel = ops.convert_to_numpy(layer.kernel)
        smaller.kernel.assign(kernel[..., columns, :][..., rows])
        if layer.use_bias:
            smaller.bias.assign(ops.convert_to_numpy(layer.bias)[columns])
        return outputs

    def flops(self, node, read, written):
        (tensor,) = node.tensors
        return 2 * num_pixels(tensor) * kernel_size(node) * read * written


class Separable(Kernel):
    """A depthwise convolution and a 1x1 one, in one layer."""

    def applies(self, node):
        return super().applies(node) and node.layer.depth_multiplier == 1

    def folds(self, layer):
        return False

    def rebuild(self, node, build):
        layer, (tensor,) = node.layer, node.tensors
        rows, columns = build.layout(tensor), build.kept(node.outputs)
        smaller = build.clone(layer, weights=False, filters=len(columns))
        outputs = smaller(build.new(tensor))
        depth, point = map(
            ops.convert_to_numpy,
            (layer.depthwise_kernel, layer.pointwise_kernel),
        )
        smaller.depthwise_kernel.assign(depth[..., rows, :])
        smaller.pointwise_kernel.assign(point[..., rows, :][..., columns])
        if layer.use_bias:
            smaller.bias.assign(ops.convert_to_numpy(layer.bias)[columns])
        return outputs

    def flops(self, node, read, written):
        pixels = num_pixels(node.outputs)
        window = np.prod(node.layer.kernel_size)
        return 2 * pixels * read * (window + written)


class Merge(Rule):
    """A layer that combines maps entry by entry: a sum, a maximum.

    A channel of the result is constant where it is in all inputs.
    """

    def applies(self, node):
        sizes = {num_channels(t) for t in [*node.tensors, node.outputs]}
        return len(sizes) == 1

    def writes_all(self, node):
        return False

    def forward(self, node, inputs, opened):
        alive = inputs[0].alive
        for given in inputs[1:]:
            alive = either(alive, given.alive)
        return Channels(alive, np.logical_and.reduce([x.zero for x in inputs]))

    def backward(self, node, inputs, needed):
        return [needed for _ in inputs]

    def rebuild(self, node, build):
        kept = build.kept(node.outputs)
        parts = [build.take(tensor, kept) for tensor in node.tensors]
        build.set_constants(node, build.evaluate)
        return build.clone(node.layer)(parts)


class Multiply(Merge):
    """A product: zero where any factor is."""

    def forward(self, node, inputs, opened):
        merged = super().forward(node, inputs, opened)
        alive, zero = merged.alive, merged.zero
        for given in inputs:
            one = np.ones(len(zero))
            alive = both(alive, where(given.zero, given.alive, one))
            sure = isinstance(given.alive, np.ndarray)
            if sure:
                zero = zero | (given.zero & (given.alive == 0))
        return Channels(alive, zero)


class Concatenate(Rule):
    """Puts the channels of several maps side by side."""

    def applies(self, node):
        rank = len(node.outputs.shape)
        return node.layer.axis in (-1, rank - 1) and rank > 1

    def writes_all(self, node):
        return False

    def forward(self, node, inputs, opened):
        alive = [x.alive for x in inputs]
        if all(isinstance(x, np.ndarray) for x in alive):
            joined = np.concatenate(alive)
        else:
            joined = ops.concatenate([to_float(x) for x in alive])
        return Channels(joined, np.concatenate([x.zero for x in inputs]))

    def backward(self, node, inputs, needed):
        ends = np.cumsum([len(x.zero) for x in inputs])
        starts = [0, *ends[:-1]]
        return [needed[a:b] for a, b in zip(starts, ends, strict=True)]

    def rebuild(self, node, build):
        kept, parts, start = build.kept(node.outputs), [], 0
        for tensor in node.tensors:
            end = start + num_channels(tensor)
            mine = kept[(kept >= start) & (kept < end)] - start
            if len(mine):
                parts.append(build.take(tensor, mine))
            start = end
        build.set_constants(
            node,
            lambda node: np.concatenate(
                [build.constants(tensor) for tensor in node.tensors]
            ),
        )
        return build.clone(node.layer)(parts) if len(parts) > 1 else parts[0]


class Flatten(Rule):
    """Turns pixels into channels: each channel occurs once per pixel."""

    def applies(self, node):
        (tensor,) = node.tensors
        return None not in tensor.shape[1:] and len(tensor.shape) > 1

    def writes_all(self, node):
        return False

    def _pixels(self, node):
        return num_channels(node.outputs) // num_channels(node.tensors[0])

    def forward(self, node, inputs, opened):
        (given,), pixels = inputs, self._pixels(node)
        alive = given.alive
        tile = np.tile if isinstance(alive, np.ndarray) else ops.tile
        return Channels(tile(alive, pixels), np.tile(given.zero, pixels))

    def backward(self, node, inputs, needed):
        (given,) = inputs
        shape = (-1, len(given.zero))
        if isinstance(needed, np.ndarray):
            return [needed.reshape(shape).max(axis=0)]
        return [ops.max(ops.reshape(needed, shape), axis=0)]

    def rebuild(self, node, build):
        (tensor,), pixels = node.tensors, self._pixels(node)
        build.set_constants(
            node, lambda node: np.tile(build.constants(tensor), pixels)
        )
        size, rows = num_channels(tensor), build.layout(tensor)
        everything = (np.arange(pixels)[:, None] * size + rows).ravel()
        outputs = build.clone(node.layer)(build.new(tensor))
        return build.cut(outputs, everything, build.kept(node.outputs))


class Gate(Rule):
    """A search gate: what it closes is zero."""

    def writes_all(self, node):
        return False

    def forward(self, node, inputs, opened):
        given, open_now = inputs[0], opened(node)
        through = given.alive
        # What is masked here and not there is no constant.
        if channel_gate(node.layer) is not node.layer or (
            node.layer.num_modalities > 1
        ):
            through = where(given.zero, through, np.ones(len(given.zero)))
        zero = given.zero
        if isinstance(given.alive, np.ndarray):
            zero = zero | (given.alive == 1)
        closed = np.ones(len(zero), bool)
        if isinstance(open_now, np.ndarray):
            closed = open_now == 0
        return Channels(both(through, open_now), zero | closed)

    def backward(self, node, inputs, needed):
        return [needed, *(np.ones(1) for _ in inputs[1:])]

    def rebuild(self, node, build):
        tensor, kept = node.tensors[0], build.kept(node.outputs)
        maps = build.take(tensor, kept)
        mask = gate_mask(node.layer, len(tensor.shape) - 2)
        given = build.modality
        if isinstance(node.modality, int):
            given = node.modality
        if node.kwargs.get("frozen_only"):
            mask = (mask > 0).max(axis=0, keepdims=True).astype("float32")
        elif node.layer.num_modalities > 1 and given is not None:
            mask = mask[[given]]
        build.set_constants(
            node, lambda node: build.constants(tensor) * mask[0].ravel()
        )
        if mask.shape[-1] > 1:
            mask = mask[..., kept]
        if (mask == 1).all():
            return maps
        if (mask == mask[:1]).all():
            return keras.layers.Rescaling(
                mask[0].tolist(),
                name=build.name(node.layer.name),
                dtype=node.layer.dtype_policy,
            )(maps)
        return build.masked(node, maps, kept)


def channel_gate(layer):
    """The part of a gate that decides on whole channels, or `None`."""
    if isinstance(layer, DualLevelSearch):
        return layer.channel if layer.combine == "product" else None
    return layer if isinstance(layer, ChannelSearch) else None


def gate_mask(layer, rank):
    """A frozen gate's mask, `(modalities, *pixels or 1s, channels or 1)`.

    Args:
        layer: `ChannelSearch`, `SpatialSearch` or `DualLevelSearch`.
        rank: Int. Axes between the batch and the channels.
    """
    if isinstance(layer, DualLevelSearch):
        channels = gate_mask(layer.channel, rank)
        pixels = gate_mask(layer.spatial, rank)
        if layer.combine == "sum":
            return (channels + pixels) / 2
        return channels * pixels
    mask = ops.convert_to_numpy(layer.mask)
    if isinstance(layer, SpatialSearch):
        return mask[..., None]
    return mask.reshape(len(mask), *(1,) * rank, -1)


def as_bool(fact, layer):
    """A fact about a layer: a bool, or a function of the layer."""
    return bool(fact(layer) if callable(fact) else fact)


def is_elementwise(activation):
    """Whether an activation function treats every entry by itself."""
    return getattr(activation, "__name__", None) in ELEMENTWISE


def keeps_zero(activation):
    """Whether an elementwise activation function maps 0 to 0."""
    return activation.__name__ not in NOT_ZERO_AT_ZERO


def num_pixels(tensor):
    """Int. Positions of a map; raises `ValueError` if they are not static."""
    pixels = tensor.shape[1:-1]
    if None in pixels:
        raise ValueError(
            "Operations are counted for maps of a static size. "
            f"Received: a map of shape {tuple(tensor.shape)}. "
            "Give height and width in `keras.Input(shape=...)`."
        )
    return int(np.prod(pixels))


def kernel_size(node):
    """Int. Weights of a kernel's window; 1 for a dense layer."""
    return int(np.prod(getattr(node.layer, "kernel_size", 1)))


RULES = {}


def register_rule(layer_class, rule):
    """Says what a kind of layer does to channels.

    Args:
        layer_class: Subclass of `keras.layers.Layer`. The rule holds for it,
            not for its subclasses, which may do something else.
        rule: A `Rule`, such as `ChannelWise()` for a layer that treats every
            channel by itself.

    Example:

    >>> class Twice(keras.layers.Layer):
    ...     def call(self, inputs):
    ...         return 2 * inputs
    >>> register_rule(Twice, ChannelWise())
    """
    RULES[layer_class] = rule


def rule_of(node, num_calls=1):
    """Finds the rule of a layer call.

    A layer with weights that is called several times keeps all its channels:
    each call might want others. So does one that trains at inference too,
    such as a batch norm called with `training=True`: its constants vary.
    """
    rule = RULES.get(type(node.layer), OPAQUE)
    if isinstance(rule, Gate):
        return rule
    shared = num_calls > 1 and getattr(node.layer, "weights", [])
    if shared or node.training.get("training"):
        return OPAQUE
    return rule if rule.applies(node) else OPAQUE


OPAQUE = Rule()

_layers = keras.layers
for _name in ("Conv1D", "Conv2D", "Conv3D"):
    register_rule(getattr(_layers, _name), Kernel())
    register_rule(getattr(_layers, f"{_name}Transpose"), Transposed())
register_rule(_layers.Dense, Kernel("units"))
for _name in ("SeparableConv1D", "SeparableConv2D"):
    register_rule(getattr(_layers, _name), Separable())
for _name in ("DepthwiseConv1D", "DepthwiseConv2D"):
    register_rule(getattr(_layers, _name), Depthwise())
for _name in ("Add", "Average", "Maximum", "Minimum", "Subtract"):
    register_rule(getattr(_layers, _name), Merge())
register_rule(_layers.Multiply, Multiply())
register_rule(_layers.Concatenate, Concatenate())
register_rule(_layers.Flatten, Flatten())
register_rule(_layers.Reshape, Reshape())
for _class in (ChannelSearch, SpatialSearch, DualLevelSearch):
    register_rule(_class, Gate())
for _name in (
    *("AlphaDropout", "Dropout", "GaussianDropout", "GaussianNoise"),
    *("SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D"),
    *("ActivityRegularization", "Identity", "LeakyReLU", "ELU"),
    *("GlobalAveragePooling1D", "GlobalAveragePooling2D"),
    *("GlobalAveragePooling3D", "GlobalMaxPooling1D", "GlobalMaxPooling2D"),
    *("GlobalMaxPooling3D", "AveragePooling1D", "AveragePooling2D"),
    *("AveragePooling3D", "MaxPooling1D", "MaxPooling2D", "MaxPooling3D"),
    *("UpSampling1D", "UpSampling2D", "UpSampling3D"),
    *("Cropping1D", "Cropping2D", "Cropping3D"),
):
    register_rule(getattr(_layers, _name), ChannelWise())
register_rule(
    _layers.ReLU, ChannelWise(keeps_zero=lambda layer: layer.threshold == 0)
)
for _name in ("ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D"):
    register_rule(getattr(_layers, _name), ChannelWise(keeps_constant=False))
register_rule(_layers.PReLU, ChannelWise(keeps_constant=False))
register_rule(GeneralizedMeanPooling2D, ChannelWise(keeps_zero=False))
register_rule(
    _layers.Activation,
    ChannelWise(
        keeps_zero=lambda layer: keeps_zero(layer.activation),
        applies=lambda node: is_elementwise(node.layer.activation),
    ),
)
BATCH_NORM = ChannelWise(
    keeps_zero=False,
    applies=lambda node: node.layer.axis in (-1, len(node.outputs.shape) - 1),
)
register_rule(_layers.BatchNormalization, BATCH_NORM)
register_rule(
    _layers.Rescaling,
    ChannelWise(
        keeps_zero=lambda layer: layer.offset == 0,
        applies=lambda node: (
            np.ndim(node.layer.scale) == 0 and np.ndim(node.layer.offset) == 0
        ),
    ),
)
