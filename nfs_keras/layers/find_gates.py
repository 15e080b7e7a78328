"""Finds the search gates of a model."""

from nfs_keras.layers.search_gate import SearchGate


def find_gates(model):
    """Lists the search gates of `model`, however deeply they are nested.

    Args:
        model: A `keras.Model` or layer. A `DualLevelSearch` in it counts as
            its two gates.

    Returns:
        List of `SearchGate`s, each once, in a fixed order.
    """
    # Keras has no public way to walk into a composite layer.
    layers = model._flatten_layers()
    return [layer for layer in layers if isinstance(layer, SearchGate)]
