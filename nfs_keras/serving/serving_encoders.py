"""What is left of a network when it only has to embed."""

from keras import ops

from nfs_keras.models import Architecture, compact

MODALITIES = ("visible", "infrared")


def serving_encoders(network, cut=True):
    """Makes the encoders to export, derived and compacted.

    Gates that still search are derived first, on a copy: the network is left
    as it is. Each modality is compacted by itself: channels that it alone
    does not keep are cut as well.

    Args:
        network: `ReIDNetwork`, or anything with `encoder(modality)`.
        cut: Whether to derive and compact. Defaults to `True`; nothing is
            there to cut in a network without search cells.

    Returns:
        Dict from `"visible"` and `"infrared"` to a `keras.Model` from images
        to L2-normalised embeddings.

    Raises:
        ValueError: If the network cannot be compacted.
    """
    cells = getattr(network, "cells", {})
    if not cut or not cells:
        return {name: network.encoder(name) for name in MODALITIES}
    if any(is_searching(cell) for cell in cells.values()):
        network = copy_of(network)
        Architecture.derive(network).apply(network)
    return {name: compact(network, name).encoder(name) for name in MODALITIES}


def is_searching(cell):
    """Whether a gate of a search cell is not frozen."""
    gates = cell.levels().values()
    # Not `float`, which fails on the variables of a strategy.
    return any(ops.convert_to_numpy(gate.searching) for gate in gates)


def copy_of(network):
    """Copies a network with its weights."""
    copy = type(network).from_config(network.get_config())
    copy.build()
    copy.set_weights(network.get_weights())
    return copy
