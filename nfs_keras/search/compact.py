"""Removes the channels of closed gates from a model."""

import keras
import numpy as np
from keras import ops, tree

from nfs_keras.layers import find_gates
from nfs_keras.search.flow import decided, flow
from nfs_keras.search.graph import UniqueNames, trace
from nfs_keras.search.rules import apply, num_channels


def compact(model, modality=None):
    """Makes a smaller model that computes the same.

    A channel that is certainly constant, or that no layer reads, is removed
    from every layer that writes or reads it. A gate becomes a constant mask,
    a plain `Rescaling`; a frozen gate remains only where modalities keep
    different features.

    Args:
        model: A functional or `Sequential` model whose gates are frozen, as
            by `Architecture.apply`; or a `ReIDNetwork`, whose embedding loses
            the entries that are always zero.
        modality: Index (of a `ReIDNetwork` also the name) of the only
            modality that the result must serve: then it is smaller, and has
            no gate. Defaults to `None`, for all.

    Returns:
        A new model of the same inputs and outputs, at inference equal to the
        old one. The two share no layers or variables.

    Raises:
        ValueError: If a gate is not frozen, or the model has no graph.

    Example:

    ```python
    architecture.apply(model)
    smaller = compact(model)
    smaller.save("smaller.keras")  # loads without nfs_keras
    ```
    """
    if hasattr(model, "compacted"):  # a model of several graphs
        return model.compacted(modality)
    return compact_graph(model, modality)


def compact_graph(model, modality=None, drop=()):
    """Compacts a functional model.

    Args:
        model: As for `compact`, without `ReIDNetwork`.
        modality: Index of a modality, or `None`.
        drop: Names of outputs (keys of a dict of outputs) whose channels may
            be removed if they are constant for every modality.

    Returns:
        A new `keras.Model`.
    """
    check_frozen(model)
    check_modality(model, modality)
    graph = trace(model)
    droppable = [graph.outputs[name] for name in drop]
    found = flow(graph, decided, droppable)
    if modality is not None:
        # The channels to remove are decided for all modalities, so that the
        # embeddings of two can be compared entry by entry.
        outputs = {id(t): found.needed[id(t)] for t in droppable}
        found = flow(graph, decided, modality=modality, outputs=outputs)
    builder = Builder(found, modality)
    inputs = tree.map_structure(copy_input, graph.inputs)
    for old, new in zip(
        tree.flatten(graph.inputs), tree.flatten(inputs), strict=True
    ):
        builder.put(old, new, np.arange(num_channels(old)))
    for node, rule in zip(graph.nodes, found.rules, strict=True):
        new = rule.rebuild(node, builder)
        for old, made in zip(
            tree.flatten(node.outputs), tree.flatten(new), strict=True
        ):
            builder.put(old, made, builder.kept(old))
    outputs = tree.map_structure(builder.new, graph.outputs)
    return keras.Model(inputs, outputs, name=model.name)


class Builder:
    """Holds the rebuilt part of a graph, and helps to rebuild the next node.

    Rules call it; see `Rule.rebuild`.

    Attributes:
        modality: Index of the only modality, or `None`.
        name: Function of a name that numbers it if another layer has it.
    """

    def __init__(self, found, modality):
        self.modality = modality
        self._needed = found.needed
        self._channels = found.channels
        self._new = {}
        self._layouts = {}
        self._constants = {}
        self.name = UniqueNames()
        self._clones = {}

    def kept(self, tensor):
        """Indices of the channels of a tensor that are kept."""
        return np.flatnonzero(self._needed[id(tensor)] > 0)

    def put(self, tensor, new, layout):
        """Stores the new tensor that replaces a tensor."""
        self._new[id(tensor)] = new
        self._layouts[id(tensor)] = layout

    def new(self, tensor):
        """Returns the new tensor that replaces a tensor."""
        return self._new[id(tensor)]

    def layout(self, tensor):
        """Indices of the old channels that the new tensor has, in order."""
        return self._layouts[id(tensor)]

    def take(self, tensor, wanted):
        """Returns the new tensor with only the wanted old channels."""
        return self.select(self.new(tensor), self.layout(tensor), wanted)

    def select(self, new, have, wanted):
        """Selects the wanted channels of a new tensor."""
        if len(have) == len(wanted):
            return new
        positions = np.searchsorted(have, wanted).tolist()
        return ops.take(new, positions, axis=-1)

    def constants(self, tensor):
        """`(channels,)` values of a tensor's constant channels, 0 elsewhere."""
        size = num_channels(tensor)
        return self._constants.get(id(tensor), np.zeros(size))

    def set_constants(self, node, compute):
        """Stores the values of the constant channels of a node's output.

        Args:
            node: `Node`.
            compute: Function of the node that returns `(channels,)` values.
                It is called only if a constant is not zero.
        """
        state = self._channels[id(node.outputs)]
        dead = np.asarray(state.alive) == 0
        if (dead & ~state.zero).any():
            values = np.where(dead, compute(node), 0.0)
            self._constants[id(node.outputs)] = values

    def evaluate(self, node):
        """Computes a node's output for constant maps, `(channels,)`."""
        size = large_enough(node.layer)
        maps = [
            np.broadcast_to(
                self.constants(tensor).astype("float32"),
                [1, *(known or size for known in tensor.shape[1:])],
            )
            for tensor in node.tensors
        ]
        outputs = apply(node.layer, maps)
        outputs = ops.convert_to_numpy(outputs)
        return outputs.reshape(-1, outputs.shape[-1])[0].astype("float64")

    def clone(self, layer, weights=True, **changes):
        """Makes a layer like another one.

        Args:
            layer: A layer, or an operation that has no state.
            weights: Whether to copy the other's weights, once it is built.
            **changes: Arguments of its constructor that differ.
        """
        if not isinstance(layer, keras.layers.Layer):
            return layer
        if id(layer) in self._clones:  # one layer, called several times
            return self._clones[id(layer)]
        config = {**layer.get_config(), **changes}
        config["name"] = self.name(layer.name)
        new = type(layer).from_config(config)
        new.trainable = layer.trainable
        if weights:
            self._clones[id(layer)] = new
        return new

    def call(self, node, layer):
        """Calls a layer that keeps all channels, with the node's arguments."""
        args, kwargs = tree.map_structure(
            lambda x: self.new(x) if isinstance(x, keras.KerasTensor) else x,
            (node.args, node.kwargs),
        )
        outputs = layer(*args, **kwargs)
        if layer is not node.layer:
            layer.set_weights(node.layer.get_weights())
        return outputs

    def masked(self, node, maps, kept):
        """Calls a copy of a gate, for fewer channels, with its masks."""
        gate = node.layer
        new = self.clone(gate, weights=False)
        modality = node.modality
        if isinstance(modality, keras.KerasTensor):
            modality = self.new(modality)
        outputs = new(maps, modality=modality)
        for old, smaller in zip(find_gates(gate), find_gates(new), strict=True):
            mask = ops.convert_to_numpy(old.mask)
            if mask.shape != tuple(smaller.mask.shape):
                mask = mask[:, kept]
            smaller.freeze(mask)
        return outputs


def large_enough(layer):
    """Int. Height and width of maps that no window of a layer exceeds."""
    names = ("cropping", "dilation_rate", "kernel_size", "pool_size")
    return 1 + 2 * int(np.prod([np.max(getattr(layer, n, 1)) for n in names]))


def copy_input(tensor):
    """Makes an input like another one."""
    return keras.Input(
        batch_shape=tensor.shape, dtype=tensor.dtype, name=tensor.name
    )


def check_frozen(model):
    """Raises `ValueError` unless every gate is frozen."""
    for gate in find_gates(model):
        if not gate.is_frozen:
            raise ValueError(
                "Only a model whose gates are frozen can be compacted. "
                f"Received: gate {gate.path!r}, which is still searching. "
                "Derive an `Architecture` and `apply` it first."
            )


def check_modality(model, modality):
    """Raises `ValueError` unless the gates have this modality."""
    count = max((g.num_modalities for g in find_gates(model)), default=1)
    # A two-stream network has two modalities even without gates.
    if modality is not None and modality not in range(max(count, 2)):
        raise ValueError(
            "`modality` is the index of the only modality to serve. "
            f"Received: modality={modality!r}, of {count}. "
            "Pass None to serve them all."
        )
