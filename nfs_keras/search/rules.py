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

    Attributes:
        shares: Whether a layer with weights may be called at several places.
            `False` where each call might want other channels of them.
    """

    shares = False

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


def as_bool(fact, layer):
    """A fact about a layer: a bool, or a function of the layer."""
    return bool(fact(layer) if callable(fact) else fact)


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


RULES = {}
OPAQUE = Rule()


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
    if rule.shares:
        return rule
    shared = num_calls > 1 and getattr(node.layer, "weights", [])
    if shared or node.training.get("training"):
        return OPAQUE
    return rule if rule.applies(node) else OPAQUE
