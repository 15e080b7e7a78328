"""The block that residual stages are made of."""

import keras
from keras import ops

from nfs_keras.backbones.conv_norm import ConvNorm


@keras.saving.register_keras_serializable(package="nfs_keras")
class ResidualBlock(keras.layers.Layer):
    """Adds what its convolutions find to what it was given.

    A channel gate, `keep`, scales each term of the sum that no earlier block
    has scaled, so along a stage every term is scaled once, and a closed
    channel is zero in all of the stage: what makes `compact` exact.

    Args:
        filters: Positive integer. Channels of the output.
        inner_filters: Positive integer. Channels between the convolutions.
        bottleneck: Whether the convolutions are ResNet-50's (1x1, 3x3, 1x1)
            or ResNet-18's (3x3, 3x3). Defaults to `False`.
        stride: Positive integer. Defaults to `1`.
        project: Whether the shortcut is a 1x1 convolution, as in a stage's
            first block, or the input itself. Defaults to `False`.
        stride_first: Whether the first convolution of a bottleneck carries
            the stride (as in `keras.applications`) or the 3x3 one (as in
            torchvision). Defaults to `False`.
        **kwargs: Base layer keyword arguments.

    Call arguments:
        inputs: Float tensor `(batch, height, width, channels)`.
        keep: Gate that broadcasts against the output, or `None`.
        training: Whether batch normalisation uses the batch.

    Input shape:
        4D tensor `(batch, height, width, channels)`.

    Output shape:
        `(batch, ceil(height / stride), ceil(width / stride), filters)`.

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
        **kwargs,
    ):
        super().__init__(**kwargs)
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
        filters, inner, stride = self.filters, self.inner_filters, self.stride
        if not self.bottleneck:
            return [(inner, 3, stride), (filters, 3, 1)]
        strides = (stride, 1) if self.stride_first else (1, stride)
        return [
            (inner, 1, strides[0]),
            (inner, 3, strides[1]),
            (filters, 1, 1),
        ]

    def build(self, input_shape):
        shape = input_shape
        for layer in self.branch:
            layer.build(shape)
            shape = layer.compute_output_shape(shape)
        if self.project:
            self.shortcut.build(input_shape)

    def call(self, inputs, keep=None, training=False):
        maps = inputs
        for layer in self.branch[:-1]:
            maps = ops.relu(layer(maps, training=training))
        maps = self.branch[-1](maps, training=training)
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
        }
