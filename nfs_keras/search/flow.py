"""The two analyses of a graph: which channels are alive, which are needed."""

import collections
from typing import NamedTuple

import numpy as np
from keras import ops, tree

from nfs_keras.search.gate_rule import channel_gate
from nfs_keras.search.graph import trace
from nfs_keras.search.rules import (
    all_alive,
    either,
    num_channels,
    rule_of,
)


class Flow(NamedTuple):
    """The results of the two analyses of a graph.

    Attributes:
        channels: Dict from `id` of a tensor to its `Channels`.
        needed: Dict from `id` of a tensor to `(channels,)` numbers in [0, 1]:
            how certain it is that the channel has to be computed.
        rules: List of the rules of the nodes.
    """

    channels: dict
    needed: dict
    rules: list


def flow(graph, opened, drop=(), modality=None, outputs=None):
    """Finds the alive and the needed channels of a graph.

    Args:
        graph: `Graph`.
        opened: Function of a gate and the index of a modality (or `None` for
            any) to `(channels,)` numbers in [0, 1]: how open each channel is.
            `decided`, `expected`, or a function of your own.
        drop: Output tensors whose constant channels may be removed.
        modality: Index of the only modality to consider, or `None` for all.
        outputs: Dict from `id` of an output tensor to its needed channels,
            instead of `drop`.

    Returns:
        A `Flow`.
    """
    calls = collections.Counter(id(node.layer) for node in graph.nodes)
    rules = [rule_of(node, calls[id(node.layer)]) for node in graph.nodes]
    channels = {id(t): all_alive(t) for t in tree.flatten(graph.inputs)}

    def let_pass(node):
        given = node.modality if isinstance(node.modality, int) else modality
        if node.kwargs.get("frozen_only"):
            given = None
        return opened(node.layer, given)

    for node, rule in zip(graph.nodes, rules, strict=True):
        given = [channels[id(t)] for t in node.tensors]
        for tensor in tree.flatten(node.outputs):
            channels[id(tensor)] = (
                all_alive(tensor)
                if rule.writes_all(node)
                else rule.forward(node, given, let_pass)
            )
    needed = {}
    for tensor in tree.flatten(graph.outputs):
        wanted = np.ones(num_channels(tensor))
        if any(tensor is t for t in drop):
            wanted = channels[id(tensor)].alive
        need(needed, tensor, (outputs or {}).get(id(tensor), wanted))
    for node, rule in zip(graph.nodes[::-1], rules[::-1], strict=True):
        for tensor in tree.flatten(node.outputs):
            set_written(needed, tensor, rule.writes_all(node))
        given = [channels[id(t)] for t in node.tensors]
        wanted = needed[id(tree.flatten(node.outputs)[0])]
        read = rule.backward(node, given, wanted)
        for tensor, numbers in zip(node.tensors, read, strict=True):
            need(needed, tensor, numbers)
    for tensor in tree.flatten(graph.inputs):
        needed[id(tensor)] = np.ones(num_channels(tensor))
    return Flow(channels, needed, rules)


def need(needed, tensor, numbers):
    """Adds the channels of a tensor that one of its readers needs."""
    before = needed.get(id(tensor))
    needed[id(tensor)] = numbers if before is None else either(before, numbers)


def set_written(needed, tensor, everything):
    """Sets which channels of a tensor its layer writes: at least one."""
    size = num_channels(tensor)
    numbers = needed.get(id(tensor), np.zeros(size))
    if everything:
        numbers = np.ones(size)
    elif isinstance(numbers, np.ndarray) and not numbers.any():
        numbers = np.eye(size)[0]
    needed[id(tensor)] = numbers


def count_operations(graph, opened):
    """Counts the operations of one example, a multiply-add as two.

    Convolutions and dense layers are counted, which have almost all
    operations; activations, norms and poolings are not.

    Args:
        graph: `Graph`.
        opened: As for `flow`.

    Returns:
        A number, or a tensor to differentiate where `opened` gives tensors.
    """
    found = flow(graph, opened, graph_droppable(graph))
    total = 0.0
    for node, rule in zip(graph.nodes, found.rules, strict=True):
        if not node.tensors:
            continue
        sizes = [
            summed(found.needed[id(t)])
            for t in (node.tensors[0], tree.flatten(node.outputs)[0])
        ]
        total = total + rule.flops(node, *sizes)
    return total


def count_flops(model):
    """Counts the operations of one example, a multiply-add as two.

    Gates count as open: only a compacted model has fewer operations.

    Args:
        model: A functional or `Sequential` model of static shapes, such as
            `network.encoder("visible")`.

    Returns:
        Int. Operations of its convolutions and dense layers.

    Example:

    >>> image = keras.Input((8, 8, 3))
    >>> count_flops(keras.Model(image, keras.layers.Conv2D(4, 1)(image)))
    1536
    """
    return int(count_operations(trace(model), nothing_closed))


def graph_droppable(graph):
    """Lists the outputs of which compaction may remove channels."""
    if not isinstance(graph.outputs, dict):
        return ()
    names = ("pooled", "embedding")
    return [graph.outputs[n] for n in names if n in graph.outputs]


def summed(numbers):
    """Returns the expected number of channels."""
    if isinstance(numbers, np.ndarray):
        return float(numbers.sum())
    return ops.sum(numbers)


def nothing_closed(gate, modality):
    """Opens every channel, to count the operations of the full model."""
    return np.ones(1)


def decided(gate, modality):
    """Returns which channels a frozen gate opens, for any (or one) modality."""
    part = channel_gate(gate)
    if part is None:
        return np.ones(1)
    return any_modality(ops.convert_to_numpy(part.mask) > 0, modality)


def expected(gate, modality):
    """Returns the probability that a gate opens each channel."""
    part = channel_gate(gate)
    if part is None:
        return np.ones(1)
    return any_modality(part.open_probabilities(), modality)


def any_modality(rows, modality):
    """Returns whether (or how likely) some modality keeps each channel."""
    if modality is not None and len(rows) > 1:
        rows = rows[modality : modality + 1]
    if isinstance(rows, np.ndarray):
        return rows.max(axis=0).astype("float64")
    return 1.0 - ops.prod(1.0 - rows, axis=0)
