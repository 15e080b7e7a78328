"""Both levels of the search on one feature map."""

import keras
from keras import ops

from nfs_keras.layers.channel_search import ChannelSearch
from nfs_keras.layers.gate_checks import checked_modality
from nfs_keras.layers.search_gate import forward_pass, named_seed
from nfs_keras.layers.spatial_search import SpatialSearch


@keras.saving.register_keras_serializable(package="nfs_keras")
class DualLevelSearch(keras.layers.Layer):
    """Searches which channels and which pixels of a feature map to keep.

    The search cell of Neural Feature Search: `ChannelSearch` (coarse, the
    global view), then `SpatialSearch` (fine, every position) on the same map.
    Both levels share one temperature. With all gates open the cell is the
    identity.

    Args:
        num_modalities: Positive integer. With more than 1, `call` needs
            `modality`. Defaults to `1`.
        relaxation: `"hard_concrete"`, `"binary_concrete"` or
            `"straight_through"`. Defaults to `"hard_concrete"`.
        combine: `"product"` keeps what both levels keep; `"sum"` averages the
            two masked maps, the '+' of the paper's figure.
            Defaults to `"product"`.
        noise: `"sample"` draws one choice per sample, `"batch"` one per batch
            and modality. Defaults to `"sample"`, the calmer gradient.
        initial_logit: Float. Above 0 the search starts with its gates mostly
            open. Defaults to `1.5`.
        initial_temperature: Positive float. How soft the choice starts.
            Defaults to `0.5`.
        sparsity: Non-negative float. Weight of a loss, the expected number of
            open gates, that training adds. Defaults to `0.0`.
        seed: Integer seed of the noise, or `None`. Defaults to `None`.
        **kwargs: Base layer keyword arguments, such as `name` and `dtype`.

    Call arguments:
        inputs: Float tensor, `channels_last` only.
        modality: Int tensor of shape `(batch,)`, values in
            `[0, num_modalities)`; left out where `num_modalities=1`.
        training: Whether to draw noise. Inference draws nothing.

    Input shape:
        Tensor `(batch, ..., channels)` of rank 3 or more, static but for
        `batch`.

    Output shape:
        Same as the input.

    Raises:
        ValueError: For an argument out of its range, a dynamic shape, or a
            `modality` that is missing, of the wrong length or out of range.

    Example:

    >>> import numpy as np
    >>> cell = DualLevelSearch(num_modalities=2)
    >>> maps = np.ones((4, 6, 3, 8), "float32")
    >>> kept = cell(maps, modality=np.array([0, 0, 1, 1]))
    >>> bool((np.asarray(kept) == maps).all())  # gates start open
    True
    >>> [tuple(v.shape) for v in cell.search_variables]
    [(2, 8), (2, 6, 3)]

    Reference:
        The channel and pixel levels are those of Chen et al., "Neural Feature
        Search for RGB-Infrared Person Re-Identification", CVPR 2021. The
        gate's formula, see `SearchGate`, is our choice.
    """

    def __init__(
        self,
        num_modalities=1,
        relaxation="hard_concrete",
        combine="product",
        noise="sample",
        initial_logit=1.5,
        initial_temperature=0.5,
        sparsity=0.0,
        seed=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if combine not in ("product", "sum"):
            raise ValueError(
                "`combine` must be 'product' or 'sum'. "
                f"Received: combine={combine!r}. "
                "Pass 'product' to keep what both levels keep."
            )
        self.num_modalities = num_modalities
        self.relaxation = relaxation
        self.combine = combine
        self.noise = noise
        self.initial_logit = initial_logit
        self.initial_temperature = initial_temperature
        self.sparsity = sparsity
        self.seed = seed
        arguments = {
            "num_modalities": num_modalities,
            "relaxation": relaxation,
            "noise": noise,
            "initial_logit": initial_logit,
            "initial_temperature": initial_temperature,
            "sparsity": sparsity,
            "seed": named_seed(seed, self.name),
            "dtype": self.dtype_policy,
        }
        self.channel = ChannelSearch(**arguments, name="channel")
        self.spatial = SpatialSearch(**arguments, name="spatial")

    def build(self, input_shape):
        self.channel.build(input_shape)
        self.spatial.temperature = self.channel.temperature
        self.spatial.build(input_shape)

    def call(self, inputs, modality=None, training=False):
        num_samples, ndim = ops.shape(inputs)[0], len(inputs.shape)
        sampled = forward_pass(self)
        keeps = [
            gate.keep(num_samples, modality, training, sampled)
            for gate in (self.channel, self.spatial)
        ]
        channels = ops.cast(
            self.channel.broadcast(keeps[0], ndim), inputs.dtype
        )
        pixels = ops.cast(self.spatial.broadcast(keeps[1], ndim), inputs.dtype)
        if self.combine == "sum":
            return inputs * ((channels + pixels) / 2)
        return inputs * channels * pixels

    @property
    def temperature(self):
        """The temperature Variable of both levels (`None` before `build`)."""
        return self.channel.temperature

    @property
    def search_variables(self):
        """The variables that the search trains: the logits, once built."""
        return self.channel.search_variables + self.spatial.search_variables

    def open_fraction(self):
        """Scalar tensor: the expected share of map entries that stay open."""
        channels = self.channel.open_probabilities()  # (modalities, C)
        pixels = self.spatial.open_probabilities()  # (modalities, H, W)
        channels = ops.mean(channels, axis=1)
        pixels = ops.mean(pixels, axis=tuple(range(1, len(pixels.shape))))
        if self.combine == "sum":
            return ops.mean((channels + pixels) / 2)
        return ops.mean(channels * pixels)

    def freeze(self, channel_mask=None, spatial_mask=None):
        """Fixes both levels to masks, which default to the derived ones."""
        self.channel.freeze(channel_mask)
        self.spatial.freeze(spatial_mask)

    def open(self):
        """Fixes every gate open: the cell becomes the identity."""
        self.freeze(1.0, 1.0)

    def search(self):
        """Starts or resumes searching, with the logits as they are."""
        self.channel.search()
        self.spatial.search()

    def compute_output_shape(self, input_shape):
        return input_shape

    def compute_output_spec(self, inputs, modality=None, training=False):
        if self.num_modalities > 1:
            checked_modality(self, modality, inputs.shape[0])
        return keras.KerasTensor(inputs.shape, dtype=self.compute_dtype)

    def get_config(self):
        return {
            **super().get_config(),
            "num_modalities": self.num_modalities,
            "relaxation": self.relaxation,
            "combine": self.combine,
            "noise": self.noise,
            "initial_logit": self.initial_logit,
            "initial_temperature": self.initial_temperature,
            "sparsity": self.sparsity,
            "seed": self.seed,
        }
