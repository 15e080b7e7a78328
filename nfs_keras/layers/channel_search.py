"""The coarse level of the search: which channels to keep."""

import keras

from nfs_keras.layers.search_gate import SearchGate


@keras.saving.register_keras_serializable(package="nfs_keras")
class ChannelSearch(SearchGate):
    """Searches which channels of a feature map to keep.

    A channel answers from the global view: it is one response over the whole
    picture. Each channel owns one logit per modality. In training it is scaled
    by a random relaxed keep-or-drop choice, so the loss can move its logit; at
    inference by that choice's noise-free value. With every gate open the layer
    is the identity.

    Args:
        num_modalities: Positive integer. With `1` the layer serves any
            single-stream model; with more, `call` needs `modality`.
            Defaults to `2` (0 visible, 1 infrared).
        relaxation: `"hard_concrete"`, `"binary_concrete"` or
            `"straight_through"`. Defaults to `"hard_concrete"`.
        noise: `"sample"` draws one choice per sample, `"batch"` one per batch
            and modality. Defaults to `"sample"`, the calmer gradient.
        initial_logit: Float. Above 0 the search starts with its gates mostly
            open. Defaults to `1.5`.
        initial_temperature: Positive float. How soft the choice starts.
            Defaults to `0.5`.
        seed: Integer seed of the noise, or `None`. Defaults to `None`.
        **kwargs: Base layer keyword arguments, such as `name` and `dtype`.

    Call arguments:
        inputs: Float tensor, `channels_last` only.
        modality: Int tensor of shape `(batch,)`, values in
            `[0, num_modalities)`; left out where `num_modalities=1`. In eager
            mode another value is an error; in a compiled graph it closes the
            gate for that sample.
        training: Whether to draw noise. Inference draws nothing.

    Input shape:
        4D tensor `(batch, height, width, channels)`, static but for `batch`.

    Output shape:
        Same as the input.

    Raises:
        ValueError: For an argument out of its range, a dynamic shape, or a
            `modality` that is missing, of the wrong length or out of range.

    Example:

    >>> import numpy as np
    >>> maps = np.ones((2, 4, 3, 8), "float32")
    >>> layer = ChannelSearch(num_modalities=1)
    >>> bool((np.asarray(layer(maps)) == maps).all())  # gates start open
    True
    >>> layer.freeze([0, 0, 1, 1, 1, 1, 1, 1])
    >>> float(np.mean(layer(maps)))
    0.75

    Reference:
        The channel and pixel levels are those of Chen et al., "Neural Feature
        Search for RGB-Infrared Person Re-Identification", CVPR 2021. The
        formula of the gate is our choice: Louizos, Welling, Kingma, "Learning
        Sparse Neural Networks through L0 Regularization", ICLR 2018.
    """

    def gate_shape(self, input_shape):
        return (1, 1, input_shape[-1])

    # No property: saving walks those, and would come back to the gate forever.
    def levels(self):
        """Dict of the gate itself, `"channel"`: a cell of one level."""
        return {"channel": self}
