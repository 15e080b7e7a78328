"""Rules: how each kind of layer reads and writes the channels of its maps.

A channel is an entry of a tensor's last axis. Two facts are computed along
the graph, and each kind of layer has one small rule for them:

- forwards, which channels are *alive*: not a known constant. A closed gate
  makes a channel zero; through activations and poolings zero stays zero; a
  batch norm turns it into another constant.
- backwards, which channels are *needed*: a later layer reads them. A
  convolution does not need an input channel that is zero, nor one that is
  constant where the constant can be added to its bias.

Both are numbers in [0, 1], so that the same rules serve decided gates (0 or
1) and, as probabilities, a running search: "and" is the minimum and "or" the
maximum, which is exact for decided gates and for gates that always agree. The
product of two independent gates is smaller than their minimum: the minimum is
an estimate that is never too low.

A layer without a rule reads and writes all its channels: the result is always
correct, but may not be smaller. `register_rule` adds a rule for a layer of
your own.
"""

from typing import NamedTuple

import keras
import numpy as np
from keras import ops

KERNELS = ("kernel", "depthwise_kernel", "pointwise_kernel")
TRANSPOSED = (
    keras.layers.Conv1DTranspose,
    keras.layers.Conv2DTranspose,
    keras.layers.Conv3DTranspose,
)
CONVOLUTIONS = (  # and dense layers: what is counted
    keras.layers.Conv1D,
    keras.layers.Conv2D,
    keras.layers.Conv3D,
    keras.layers.DepthwiseConv1D,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv1D,
    keras.layers.SeparableConv2D,
    keras.layers.Dense,
)


class Channels(NamedTuple):
    """Facts about a tensor's channels.

    Attributes:
        alive: `(channels,)` numbers in [0, 1]: how certain it is that the
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
    """Returns the `Channels` of a tensor of which nothing is known."""
    size = num_channels(tensor)
    return Channels(np.ones(size), np.ones(size, bool))


def both(a, b):
    """Returns the minimum, as an array if both are arrays."""
    plain = isinstance(a, np.ndarray) and isinstance(b, np.ndarray)
    return np.minimum(a, b) if plain else ops.minimum(to_float(a), to_float(b))


def either(a, b):
    """Returns the maximum, as an array if both are arrays."""
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
    """Converts an array to a float32 tensor; a tensor is not changed."""
    return ops.cast(x, "float32") if isinstance(x, np.ndarray) else x


def any_of(needed):
    """Returns how certain it is that any channel is needed, `(1,)`."""
    if isinstance(needed, np.ndarray):
        return needed.max(initial=0.0, keepdims=True)
    return ops.max(needed, keepdims=True)


class Rule:
    """The rule of any layer: it reads and writes all its channels.

    A rule is an object that layers of a kind share; it keeps no state.
    Subclasses override its methods for layers that need fewer channels.

    Attributes:
        shares: Whether a layer with weights may be called at several places.
            `False` where each call might need other channels of them.
    """

    shares = False

    def applies(self, node):
        """Returns whether the rule holds for a call, or else `Rule` itself."""
        return True

    def writes_all(self, node):
        """Returns whether the layer always writes all its channels."""
        return True

    def forward(self, node, inputs, opened):
        """Computes the `Channels` of the output from those of the inputs.

        Args:
            node: `Node`.
            inputs: List of `Channels`, one per tensor of the node.
            opened: Function of a gate's node to `(channels,)` numbers.
        """
        return all_alive(keras.tree.flatten(node.outputs)[0])

    def backward(self, node, inputs, needed):
        """Computes the needed channels of the inputs from those of the output.

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
            build: The `Builder` of the new model.

        Returns:
            The replacement of `node.outputs`, with the channels that
            `build.kept` lists.
        """
        return build.call(node, build.clone(node.layer))

    def flops(self, node, read, written):
        """Counts the operations of a call, a multiply-add as two.

        Without a rule of its own a convolution or dense layer costs all its
        weights at every pixel; any other layer costs nothing.

        Args:
            node: `Node`.
            read: Number of channels that are read, all inputs together.
            written: Number of channels of the output.
        """
        layer = node.layer
        if not isinstance(layer, (*CONVOLUTIONS, *TRANSPOSED)):
            return 0
        is_transposed = isinstance(layer, TRANSPOSED)
        (tensor, *_) = (
            node.tensors if is_transposed else keras.tree.flatten(node.outputs)
        )
        kernels = [getattr(layer, name, None) for name in KERNELS]
        sizes = [np.prod(k.shape) for k in kernels if k is not None]
        first = getattr(layer, "data_format", None) == "channels_first"
        return 2 * num_pixels(tensor, first) * int(sum(sizes))


class ChannelWise(Rule):
    """The rule of a layer that acts on every channel separately.

    Args:
        keeps_zero: Whether the output of a zero map is zero. A bool, or a
            function of the layer.
        keeps_constant: Whether the output of a constant map is constant.
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
        if layer is not smaller:  # an operation has no weights
            for old, new in zip(layer.weights, smaller.weights, strict=True):
                new.assign(self.sliced(old, kept, num_channels(tensor)))
        build.set_constants(node, build.evaluate)
        return outputs

    def config(self, node, kept):
        """Returns the layer's arguments that change with its channels."""
        return {}

    def sliced(self, weight, kept, size):
        """Returns a weight of the layer, for the kept channels."""
        array = ops.convert_to_numpy(weight)
        is_vector = array.ndim > 0 and array.shape[-1] == size
        return array[..., kept] if is_vector else array


def as_bool(fact, layer):
    """Evaluates a fact: a bool, or a function of the layer."""
    return bool(fact(layer) if callable(fact) else fact)


def num_pixels(tensor, channels_first=False):
    """Int. Positions of a map; raises `ValueError` if they are not static."""
    pixels = tensor.shape[2:] if channels_first else tensor.shape[1:-1]
    if None in pixels:
        raise ValueError(
            "Operations are counted for maps of a static size. "
            f"Received: a map of shape {tuple(tensor.shape)}. "
            "Give height and width in `keras.Input(shape=...)`."
        )
    return int(np.prod(pixels))


def apply(layer, parts):
    """Calls a layer, or an operation, on its maps."""
    if len(parts) > 1 and isinstance(layer, keras.layers.Layer):
        return layer(parts)
    return layer(*parts)


def is_operation(node):
    """Returns whether a call is an operation of Keras on tensors alone.

    Operations such as `x + y` or `keras.ops.relu(x)` are no layers.
    """
    layer = node.layer
    return (
        not isinstance(layer, keras.layers.Layer)
        and type(layer).__module__.startswith("keras.")
        and not node.kwargs
        and len(keras.tree.flatten(node.args)) == len(node.tensors)
    )


RULES = {}
OPERATIONS = {}  # by name of the class, which is not public
OPAQUE = Rule()


def register_rule(layer_class, rule):
    """Sets the rule of a kind of layer, so that `compact` can make it smaller.

    Args:
        layer_class: Subclass of `keras.layers.Layer`. The rule holds for it,
            not for its subclasses, which may compute something else.
        rule: A `Rule`, such as `ChannelWise()` for a layer that acts on every
            channel separately.

    Example:

    >>> class Twice(keras.layers.Layer):
    ...     def call(self, inputs):
    ...         return 2 * inputs
    >>> register_rule(Twice, ChannelWise())
    """
    RULES[layer_class] = rule


def rule_of(node, num_calls=1):
    """Finds the rule of a layer call.

    A layer with weights that is called several times keeps all its channels,
    because each call might need others. So does a layer that is called with
    `training=True`, such as a batch norm, because its constants vary; and one
    of `channels_first`, whose channels are not the last axis.
    """
    rule = RULES.get(type(node.layer), OPAQUE)
    if is_operation(node):
        rule = OPERATIONS.get(type(node.layer).__name__, OPAQUE)
    if rule.shares:
        return rule
    shared = num_calls > 1 and getattr(node.layer, "weights", [])
    first = getattr(node.layer, "data_format", None) == "channels_first"
    if shared or first or node.training.get("training"):
        return OPAQUE
    return rule if rule.applies(node) else OPAQUE
