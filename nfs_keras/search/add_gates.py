"""Adds search gates to a model, and lists the gates of a model."""

import keras
from keras import ops

from nfs_keras.layers import (
    ChannelSearch,
    DualLevelSearch,
    SearchGate,
    SpatialSearch,
)
from nfs_keras.layers.search_gate import walk
from nfs_keras.search.flow import count_operations, nothing_closed
from nfs_keras.search.gate_rule import channel_gate
from nfs_keras.search.graph import run_copies, trace
from nfs_keras.text_tables import format_table

SEARCHES = {
    "dual": DualLevelSearch,
    "channel": ChannelSearch,
    "spatial": SpatialSearch,
}


def add_gates(model, after, search="dual", num_modalities=1, **gate_arguments):
    """Copies a model, with search gates after some of its layers.

    While the gates are open the copy computes the same, bit for bit.

    Args:
        model: A functional or `Sequential` model, built. It is not changed.
        after: Names of layers of the model (or of models inside it). The gate
            of a convolution should follow its batch norm and activation: name
            the activation.
        search: `"dual"`, `"channel"` or `"spatial"`: what the gates search.
        num_modalities: Positive integer. With more than 1 the copy has the
            input `modality`, int32 of shape `(batch,)`: one more, unless the
            model has one of this name.
        **gate_arguments: Other arguments of the gates, such as `sparsity`.

    Returns:
        A functional `keras.Model` with the model's weights copied. The gate
        after layer `name` is named `name_search`. Models inside the model are
        expanded; where two of them have a layer of one name, each gets a
        gate, and the second a number.

    Raises:
        ValueError: If a name is not a layer's, `after` is empty, or a layer
            gives vectors, which have no pixels to search.

    Example:

    >>> model = keras.applications.MobileNetV2((96, 96, 3), weights=None)
    >>> model = add_gates(model, after=["block_2_expand_relu", "block_5_add"])
    >>> list(named_gates(model))[:2]
    ['block_2_expand_relu_search/channel', 'block_2_expand_relu_search/spatial']
    """
    graph = trace(model)
    check_names(after, [node.layer.name for node in graph.nodes])
    cell = search_layer(search)
    inputs = keras.tree.map_structure(
        lambda t: keras.Input(batch_shape=t.shape, dtype=t.dtype, name=t.name),
        graph.inputs,
    )
    given, gates, all_inputs = {}, {}, inputs
    if num_modalities > 1:
        found = {tensor.name: tensor for tensor in keras.tree.flatten(inputs)}
        if "modality" not in found:
            modality = keras.Input((), dtype="int32", name="modality")
            all_inputs = [*found.values(), modality]
            found["modality"] = modality
        given = {"modality": found["modality"]}

    def gated(layer, copy, outputs):
        if layer.name not in after:
            return outputs
        if id(layer) not in gates:
            check_rank(layer, outputs, search)
            gates[id(layer)] = cell(
                **{
                    "num_modalities": num_modalities,
                    "name": f"{copy.name}_search",
                    "dtype": outputs.dtype,  # not the global policy
                    **gate_arguments,
                }
            )
        return gates[id(layer)](outputs, **given)

    outputs, pairs = run_copies(graph, inputs, gated)
    for layer, copy in pairs:
        copy.trainable = layer.trainable
    return keras.Model(all_inputs, outputs, name=model.name)


def search_layer(search):
    """Returns the search layer of `"dual"`, `"channel"` or `"spatial"`."""
    if search not in SEARCHES:
        raise ValueError(
            f"`search` must be one of {sorted(SEARCHES)}. "
            f"Received: search={search!r}. "
            "Pass 'dual' to search channels and pixels."
        )
    return SEARCHES[search]


def check_rank(layer, outputs, search):
    """Raises `ValueError` for a search of the pixels of vectors."""
    if len(outputs.shape) < 3 and search != "channel":
        raise ValueError(
            "Pixels are searched in maps, of rank 3 or more. "
            f"Received: search={search!r} after layer {layer.name!r}, of "
            f"output shape {tuple(outputs.shape)}. "
            "Pass search='channel'."
        )


def check_names(after, names):
    """Raises `ValueError` unless `after` lists names of layers."""
    listed = after and not isinstance(after, str)
    unknown = [x for x in after if x not in names] if listed else [after]
    if unknown:
        raise ValueError(
            "`after` must list names of layers to be followed by gates. "
            f"Received: after={after!r}, of which the model does not have "
            f"{unknown}. "
            f"Choose among {', '.join(names[:8])} and so on."
        )


def named_gates(model):
    """Lists the search gates of a model by name.

    Args:
        model: A `keras.Model` or layer.

    Returns:
        Dict from name to `SearchGate`, in a fixed order, empty for a model
        without gates. The name is that of
        the layer; a level of a `DualLevelSearch` is `"<layer>/channel"` or
        `"<layer>/spatial"`; where two models inside the model have a layer
        of one name, the second gets a number.
    """
    gates, levels = {}, set()
    for layer in walk(model):
        if isinstance(layer, DualLevelSearch):
            found = {
                f"{layer.name}/channel": layer.channel,
                f"{layer.name}/spatial": layer.spatial,
            }
            levels |= {id(layer.channel), id(layer.spatial)}
        elif isinstance(layer, SearchGate) and id(layer) not in levels:
            found = {layer.name: layer}
        else:
            continue
        for name, gate in found.items():
            number = 2
            unique = name
            while unique in gates:
                unique, number = f"{name}_{number}", number + 1
            gates[unique] = gate
    return gates


def search_space_summary(model, print_fn=print):
    """Prints a table of a model's gates.

    Args:
        model: A functional model with gates, or a `ReIDNetwork`.
        print_fn: Function that prints a line. Defaults to `print`.

    Returns:
        List of dicts of the columns: `gate`, `level`, `size`, `modalities`,
        `open` (expected share) and `operations`, the share of the model's
        operations that would be saved if the gate closed all its channels
        but one.
    """
    graph = trace(getattr(model, "functional", model))
    everything = count_operations(graph, nothing_closed)
    rows = []
    for name, gate in named_gates(model).items():
        channels = isinstance(gate, ChannelSearch)
        saved = 0.0
        if channels and everything:
            saved = 1 - count_operations(graph, closing(gate)) / everything
        rows.append(
            {
                "gate": name,
                "level": "channels" if channels else "pixels",
                "size": "x".join(map(str, gate.logits.shape[1:])),
                "modalities": gate.num_modalities,
                "open": float(ops.convert_to_numpy(gate.open_fraction())),
                "operations": saved,
            }
        )
    table = [("gate", "level", "size", "modalities", "open", "operations")]
    for row in rows:
        *facts, share, saved = row.values()
        table.append((*facts, f"{share:.0%}", f"{saved:.1%}"))
    for line in format_table(table).splitlines():
        print_fn(line)
    print_fn(f"{len(rows)} gates, {everything / 1e6:,.1f} million operations")
    return rows


def closing(gate):
    """Closes all channels of one gate, for `count_operations`."""

    def opened(layer, modality):
        passing = nothing_closed(layer, modality)
        return 0 * passing if channel_gate(layer) is gate else passing

    return opened
