"""The rules of Keras' own layers, and of the pooling of this package."""

import keras
import numpy as np
from keras import ops

from nfs_keras.layers import GeneralizedMeanPooling2D
from nfs_keras.search.rules import (
    OPERATIONS,
    Channels,
    ChannelWise,
    Rule,
    any_of,
    apply,
    both,
    either,
    num_channels,
    num_pixels,
    register_rule,
    to_float,
    where,
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
    """A `Reshape` that does not change the channel axis."""

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
        bias = self.bias(layer, build.constants(tensor), rows)[columns]
        use_bias = bool(layer.use_bias or bias.any())
        changes = {self.size: len(columns), "use_bias": use_bias}
        smaller = build.clone(layer, weights=False, **changes)
        outputs = smaller(build.new(tensor))
        for name, array in self.kernels(layer, rows, columns).items():
            getattr(smaller, name).assign(array)
        if use_bias:
            smaller.bias.assign(bias)
        return outputs

    def bias(self, layer, constants, rows):
        """Returns the bias plus the contribution of removed constants."""
        bias = 0.0
        if layer.use_bias:
            bias = ops.convert_to_numpy(layer.bias)
        missing = constants.copy()
        missing[rows] = 0.0
        if missing.any():
            kernel = ops.convert_to_numpy(layer.kernel)
            window = tuple(range(kernel.ndim - 2))
            bias = bias + missing @ kernel.sum(axis=window)
        return np.broadcast_to(bias, getattr(layer, self.size))

    def kernels(self, layer, rows, columns):
        """Returns the weights for the inputs `rows`, the outputs `columns`."""
        kernel = ops.convert_to_numpy(layer.kernel)
        return {"kernel": kernel[..., rows, :][..., columns]}

    def flops(self, node, read, written):
        return 2 * num_pixels(node.outputs) * kernel_size(node) * read * written


class Transposed(Kernel):
    """A transposed convolution, whose kernel has its outputs first."""

    def folds(self, layer):
        return False

    def kernels(self, layer, rows, columns):
        kernel = ops.convert_to_numpy(layer.kernel)
        return {"kernel": kernel[..., columns, :][..., rows]}

    def flops(self, node, read, written):
        (tensor,) = node.tensors
        return 2 * num_pixels(tensor) * kernel_size(node) * read * written


class Separable(Kernel):
    """A depthwise convolution and a 1x1 one, in one layer."""

    def applies(self, node):
        return super().applies(node) and node.layer.depth_multiplier == 1

    def folds(self, layer):
        return False

    def kernels(self, layer, rows, columns):
        depth = ops.convert_to_numpy(layer.depthwise_kernel)
        point = ops.convert_to_numpy(layer.pointwise_kernel)
        return {
            "depthwise_kernel": depth[..., rows, :],
            "pointwise_kernel": point[..., rows, :][..., columns],
        }

    def flops(self, node, read, written):
        pixels = num_pixels(node.outputs)
        return 2 * pixels * read * (kernel_size(node) + written)


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
        return apply(build.clone(node.layer), parts)


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
        return build.select(outputs, everything, build.kept(node.outputs))


def is_elementwise(activation):
    """Returns whether an activation function acts on single entries."""
    return getattr(activation, "__name__", None) in ELEMENTWISE


def keeps_zero(activation):
    """Returns whether an elementwise activation function maps 0 to 0."""
    return activation.__name__ not in NOT_ZERO_AT_ZERO


def kernel_size(node):
    """Int. Weights of a kernel's window; 1 for a dense layer."""
    return int(np.prod(getattr(node.layer, "kernel_size", 1)))


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
        keeps_constant=lambda layer: np.ndim(layer.scale) == 0,
        applies=lambda node: (
            np.ndim(node.layer.offset) == 0
            and np.atleast_1d(node.layer.scale).shape[-1] == 1
        ),
    ),
)
for _name in ("Add", "Maximum", "Minimum", "Subtract"):  # also `x + y`
    OPERATIONS[_name] = Merge()
OPERATIONS["Multiply"] = Multiply()
for _name in ELEMENTWISE:
    OPERATIONS[_name.title().replace("_", "")] = ChannelWise(
        keeps_zero=_name not in NOT_ZERO_AT_ZERO
    )
