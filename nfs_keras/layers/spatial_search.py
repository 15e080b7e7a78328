"""The fine level of the search: which pixels to keep."""

import keras

from nfs_keras.layers.search_gate import SearchGate


@keras.saving.register_keras_serializable(package="nfs_keras")
class SpatialSearch(SearchGate):
    """Searches which pixels of a feature map to keep.

    A pixel is one position of the map, over all its channels: an entry of the
    axes between batch and channels. Each position owns one logit per
    modality. With every gate open the layer is the identity.

    Args:
        num_modalities: Positive integer. Defaults to `1`.
        **kwargs: The other arguments of `SearchGate`, and those of the base
            layer, such as `name` and `dtype`.

    Call arguments:
        inputs: Float tensor of rank 3 or more, `channels_last` only.
        modality: Int tensor of shape `(batch,)`; for `num_modalities > 1`.
        training: Whether to draw noise.

    Input shape:
        Tensor `(batch, ..., channels)`, static between the two: sequences,
        images, volumes.

    Output shape:
        Same as the input.

    Example:

    >>> import numpy as np
    >>> maps = np.ones((2, 4, 3, 8), "float32")
    >>> layer = SpatialSearch()
    >>> bool((np.asarray(layer(maps)) == maps).all())  # gates start open
    True
    >>> layer.freeze([0, 0, 1])
    >>> float(np.mean(layer(maps)))
    0.3333333432674408

    Reference:
        The channel and pixel levels are those of Chen et al., "Neural Feature
        Search for RGB-Infrared Person Re-Identification", CVPR 2021; the
        gate's formula, see `SearchGate`, is our choice.
    """

    def gate_shape(self, input_shape):
        return tuple(input_shape[1:-1])

    def broadcast(self, keep, ndim):
        return keep[..., None]
