"""The block that residual stages are made of."""

from itertools import zip_longest

import keras
from keras import ops

from nfs_keras.backbones.conv_norm import ConvNorm
from nfs_keras.layers import ChannelSearch


@keras.saving.register_keras_serializable(package="nfs_keras")
class ResidualBlock(keras.layers.Layer):
    """Adds what its convolutions find to what it was given.

    A channel gate, `keep`, scales each term of the sum that no earlier block
    has scaled, so along a stage every term is scaled once, and a closed
    channel is zero in all of the stage: what makes `compact` exact.

    Args:
        filters: Positive integer. Channels of the output.
        inner_filters: Positive integer, or one for each map between the
            convolutions: its channels.
        bottleneck: Whether the convolutions are ResNet-50's (1x1, 3x3, 1x1)
            or ResNet-18's (3x3, 3x3). Defaults to `False`.
        stride: Positive integer. Defaults to `1`.
        project: Whether the shortcut is a 1x1 convolution, as in a stage's
            first block, or the input itself. Defaults to `False`.
        stride_first: Whether the first convolution of a bottleneck carries
            the stride (as in `keras.applications`) or the 3x3 one (as in
            torchvision). Defaults to `False`.
        inner_gates: A `ChannelSearch` for each map between the convolutions,
            or nothing. Defaults to `()`.
        **kwargs: Base layer keyword arguments.

    Call arguments:
        inputs: Float tensor `(batch, height, width, channels)`.
        keep: Gate that broadcasts against the output, or `None`.
        modality: Of the inner gates' call.
        training: Whether batch normalisation uses the batch.
        sample_gates: Whether the inner gates draw noise.

    Input shape:
        4D tensor `(batch, height, width, channels)`.

    Output shape:
        `(batch, ceil(height / stride), ceil(width / stride), filters)`.

    Example:

    >>> import numpy as np
    >>> block = ResidualBlock(8, 4, stride=2, project=True)
    >>> tuple(block(np.zeros((2, 6, 4, 3), "float32")).shape)
    (2, 3, 2, 8)

    Reference:
        He et al., "Deep Residual Learning for Image Recognition", CVPR 2016.
    """

    def __init__(
        self,
        filters,
        inner_filters,
        bottleneck=False,
        stride=1,
        project=False,
        stride_first=False,
        inner_gates=(),
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.inner_gates = list(inner_gates)
        self.filters = filters
        self.inner_filters = inner_filters
        self.bottleneck = bottleneck
        self.stride = stride
        self.project = project
        self.stride_first = stride_first
        self.branch = [
            ConvNorm(*plan, dtype=self.dtype_policy, name=f"conv{i}")
            for i, plan in enumerate(self._plans(), start=1)
        ]
        self.shortcut = None
        if project:
            self.shortcut = ConvNorm(
                filters, 1, stride, dtype=self.dtype_policy, name="shortcut"
            )

    def _plans(self):
        """Lists (filters, kernel size, stride) of the convolutions."""
        inner, stride = self.inner_widths, self.stride
        if not self.bottleneck:
            return [(inner[0], 3, stride), (self.filters, 3, 1)]
        strides = (stride, 1) if self.stride_first else (1, stride)
        return [
            (inner[0], 1, strides[0]),
            (inner[1], 3, strides[1]),
            (self.filters, 1, 1),
        ]

    @property
    def inner_widths(self):
        """List of the channels of each map between the convolutions."""
        inner = self.inner_filters
        count = 2 if self.bottleneck else 1
        return [inner] * count if isinstance(inner, int) else list(inner)

    def add_inner_gates(self, seed=None, **kwargs):
        """Gates each map between the convolutions; to be called unbuilt.

        Args:
            seed: Integer seed of the gates' noise, or `None`.
            **kwargs: Other arguments of the gates.
        """
        self.inner_gates = [
            ChannelSearch(
                seed=None if seed is None else seed + i,
                name=f"inner{i}",
                dtype=self.dtype_policy,
                **kwargs,
            )
            for i in range(1, len(self.branch))
        ]

    def build(self, input_shape):
        shape = input_shape
        for layer, gate in self._gated_branch():
            layer.build(shape)
            shape = layer.compute_output_shape(shape)
            if gate is not None and not gate.built:  # loading builds it
                gate.build(shape)
        if self.project:
            self.shortcut.build(input_shape)

    def _gated_branch(self):
        """Pairs each convolution with the gate behind it, or `None`."""
        return zip_longest(self.branch, self.inner_gates)

    def call(
        self,
        inputs,
        keep=None,
        modality=None,
        training=False,
        sample_gates=False,
    ):
        maps = inputs
        for layer, gate in self._gated_branch():
            maps = layer(maps, training=training)
            if layer is not self.branch[-1]:
                maps = ops.relu(maps)
            if gate is not None:
                maps = gate(maps, modality=modality, training=sample_gates)
        keep = 1.0 if keep is None else ops.cast(keep, maps.dtype)
        if self.project:
            shortcut = self.shortcut(inputs, training=training)
            return ops.relu((shortcut + maps) * keep)
        return ops.relu(inputs + maps * keep)

    def compute_output_shape(self, input_shape):
        batch, height, width, _ = input_shape
        height, width = -(-height // self.stride), -(-width // self.stride)
        return (batch, height, width, self.filters)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "inner_filters": self.inner_filters,
            "bottleneck": self.bottleneck,
            "stride": self.stride,
            "project": self.project,
            "stride_first": self.stride_first,
            "inner_gates": [
                keras.saving.serialize_keras_object(gate)
                for gate in self.inner_gates
            ],
        }

    @classmethod
    def from_config(cls, config):
        gates = config.pop("inner_gates", ())
        gates = [keras.saving.deserialize_keras_object(g) for g in gates]
        return cls(inner_gates=gates, **config)
