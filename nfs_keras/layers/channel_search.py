"""The coarse level of the search: which channels to keep."""

import keras
from keras import ops

from nfs_keras.layers.search_gate import SearchGate


@keras.saving.register_keras_serializable(package="nfs_keras")
class ChannelSearch(SearchGate):
    """Searches which channels of a feature map to keep.

    A channel answers from the global view: it is one response over the whole
    image. Each channel, an entry of the last axis, owns one logit per
    modality. With every gate open the layer is the identity.

    Args:
        num_modalities: Positive integer. Defaults to `1`.
        **kwargs: The other arguments of `SearchGate`, and those of the base
            layer, such as `name` and `dtype`.

    Call arguments:
        inputs: Float tensor of rank 2 or more, `channels_last` only.
        modality: Int tensor of shape `(batch,)`; for `num_modalities > 1`.
        training: Whether to draw noise.

    Input shape:
        Tensor `(batch, ..., channels)` with static channels: dense features,
        sequences, images, volumes.

    Output shape:
        Same as the input.

    Example:

    >>> import numpy as np
    >>> maps = np.ones((2, 4, 3, 8), "float32")
    >>> layer = ChannelSearch()
    >>> bool((np.asarray(layer(maps)) == maps).all())  # gates start open
    True
    >>> layer.freeze([0, 0, 1, 1, 1, 1, 1, 1])
    >>> float(np.mean(layer(maps)))
    0.75

    Reference:
        The channel and pixel levels are those of Chen et al., "Neural Feature
        Search for RGB-Infrared Person Re-Identification", CVPR 2021; the
        gate's formula, see `SearchGate`, is our choice.
    """

    def gate_shape(self, input_shape):
        return tuple(input_shape[1:][-1:])

    def broadcast(self, keep, ndim):
        middle = (1,) * (ndim - 2)
        return ops.reshape(keep, (-1, *middle, keep.shape[-1]))
