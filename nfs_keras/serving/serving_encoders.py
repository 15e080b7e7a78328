"""What is left of a network when it only has to embed."""

import keras

from nfs_keras.layers import find_gates
from nfs_keras.modalities import MODALITIES
from nfs_keras.models import Architecture, compact


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
    gates = find_gates(network) if isinstance(network, keras.Model) else []
    if not cut or not gates:
        return {name: network.encoder(name) for name in MODALITIES}
    if not all(gate.is_frozen for gate in gates):
        network = copy_of(network)
        Architecture.derive(network).apply(network)
    return {name: compact(network, name).encoder(name) for name in MODALITIES}


def copy_of(network):
    """Copies a network with its weights."""
    copy = type(network).from_config(network.get_config())
    copy.set_weights(network.get_weights())
    return copy
