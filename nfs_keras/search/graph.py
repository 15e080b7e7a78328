"""The graph of a functional model: its layer calls, in order.

Functions that change or analyse a whole model (where to add a gate, what a
gate scales, what can be removed) use this list. Models inside a model are
expanded, so a backbone may be one layer of a larger model.
"""

import collections
import functools
from typing import Any, NamedTuple

import keras
from keras import tree


class Node(NamedTuple):
    """One call of a layer.

    Attributes:
        layer: The layer (or `keras.Operation`).
        args: Its positional arguments, with tensors of the graph.
        kwargs: Its keyword arguments.
        outputs: Its outputs, tensors of the graph.
    """

    layer: Any
    args: tuple
    kwargs: dict
    outputs: Any

    @property
    def tensors(self):
        """The symbolic tensors among the arguments, in order."""
        arguments = tree.flatten((self.args, self.kwargs))
        return [x for x in arguments if isinstance(x, keras.KerasTensor)]

    @property
    def training(self):
        """Dict of the argument `training`, if the call fixes it."""
        given = self.kwargs.get("training")
        return {} if given is None else {"training": given}

    @property
    def modality(self):
        """The argument `modality` of a gate's call, or `None`."""
        given = [*self.args[1:2], self.kwargs.get("modality")]
        return given[0]


class Graph(NamedTuple):
    """The calls of a model.

    Attributes:
        inputs: The model's inputs, in its own structure.
        outputs: Its outputs, in its own structure.
        nodes: List of `Node`s in an order in which they can be run.
    """

    inputs: Any
    outputs: Any
    nodes: list

    def run(self, inputs, call):
        """Runs the graph on other tensors.

        Args:
            inputs: Replacements of the inputs, in their structure.
            call: Function `(node, *args, **kwargs)` that returns replacements
                of a node's outputs.

        Returns:
            Replacements of the outputs.
        """
        known = dict(
            zip(
                map(id, tree.flatten(self.inputs)),
                tree.flatten(inputs),
                strict=True,
            )
        )

        def replace(structure):
            return tree.map_structure(
                lambda x: known[id(x)] if id(x) in known else x, structure
            )

        for node in self.nodes:
            outputs = call(node, *replace(node.args), **replace(node.kwargs))
            known.update(
                zip(
                    map(id, tree.flatten(node.outputs)),
                    tree.flatten(outputs),
                    strict=True,
                )
            )
        return replace(self.outputs)


class UniqueNames:
    """Numbers a name if it was given out before: `relu`, then `relu_2`."""

    def __init__(self):
        self._counts = collections.Counter()

    def __call__(self, name):
        self._counts[name] += 1
        count = self._counts[name]
        return name if count == 1 else self(f"{name}_{count}")


def run_copies(graph, inputs, then, change=lambda layer, config: config):
    """Runs a graph on other tensors, with copies of its layers.

    Args:
        graph: `Graph`.
        inputs: As for `Graph.run`.
        then: Function of a layer, its copy and their output that returns the
            output to pass on, such as a gated map.
        change: Function of a layer and its config that returns the config of
            its copy.

    Returns:
        `(outputs, pairs)`: as `Graph.run`, and a list of each layer with its
        copy, which has its weights. Where two models inside the model have
        a layer of one name, the second copy gets a number.
    """
    pairs = {}
    name = UniqueNames()

    def copy(layer):
        if not isinstance(layer, keras.layers.Layer):
            return layer  # an operation, which has no state
        if id(layer) not in pairs:
            config = change(layer, layer.get_config())
            config = {**config, "name": name(layer.name)}
            pairs[id(layer)] = layer, type(layer).from_config(config)
        return pairs[id(layer)][1]

    def call(node, *args, **kwargs):
        made = copy(node.layer)
        return then(node.layer, made, made(*args, **kwargs))

    outputs = graph.run(inputs, call)
    for layer, made in pairs.values():
        made.set_weights(layer.get_weights())
    return outputs, list(pairs.values())


def trace(model):
    """Lists the layer calls of a model.

    Args:
        model: A functional or `Sequential` model, built.

    Returns:
        A `Graph` with new tensors and the model's own layers.

    Raises:
        ValueError: If the model has no graph, such as a subclassed one.
    """
    if not is_graph(model):
        raise ValueError(
            "Only a functional or `Sequential` model has a graph of layers. "
            f"Received: model={getattr(model, 'name', model)!r}, a "
            f"{type(model).__name__}. "
            "Build it as `keras.Model(inputs, outputs)`, or pass the "
            "functional part of it."
        )
    nodes, aliases = [], {}

    def origin(x):
        while id(x) in aliases:  # a model in a model in a model
            x = aliases[id(x)]
        return x

    def resolve(structure):
        return tree.map_structure(origin, structure)

    def call(layer, *args, **kwargs):
        outputs = layer(*args, **kwargs)
        if is_graph(layer):
            inputs, inner = walk(layer)
            for mine, given in zip(
                tree.flatten(inputs), tree.flatten(args), strict=True
            ):
                aliases[id(mine)] = resolve(given)
            for mine, found in zip(
                tree.flatten(outputs), tree.flatten(inner), strict=True
            ):
                aliases[id(mine)] = resolve(found)
            keep.append((inputs, inner, outputs))
        else:
            nodes.append(Node(layer, args, kwargs, outputs))
        return outputs

    keep = []  # tensors are compared by `id`: none may be collected

    def walk(model):
        # A plain model of the same graph: cloning a compiled one would
        # compile the copy too.
        sequential = isinstance(model, keras.Sequential)
        plain = keras.Model(
            model.inputs[0] if sequential else model.input,
            model.outputs[0] if sequential else model.output,
        )
        clone = keras.models.clone_model(
            plain, clone_function=lambda layer: layer, call_function=call
        )
        keep.append(clone)
        return clone.input, clone.output

    inputs, outputs = walk(model)
    nodes = [
        node._replace(args=resolve(node.args), kwargs=resolve(node.kwargs))
        for node in nodes
    ]
    return Graph(inputs, resolve(outputs), nodes)


def is_graph(layer):
    """Returns whether a layer is a model with a graph of layers."""
    if isinstance(layer, keras.Sequential):
        return layer.built
    return isinstance(layer, functional_model())


@functools.cache
def functional_model():
    """The class of functional models, for which Keras has no public name."""
    inputs = keras.Input((1,))
    return type(keras.Model(inputs, inputs))
