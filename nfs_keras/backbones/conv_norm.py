"""A convolution and its batch normalisation, one layer."""

import keras

from nfs_keras.backbones.fused_batch_norm import FusedBatchNorm

MOMENTUM = 0.9  # of the moving statistics; PyTorch calls it 0.1
EPSILON = 1e-5


@keras.saving.register_keras_serializable(package="nfs_keras")
class ConvNorm(keras.layers.Layer):
    """Convolves without bias, then normalises over the batch.

    Pads as PyTorch does, by half a kernel on every side, so that weights
    trained there give the same numbers here also where the stride is 2
    (Keras' own `padding="same"` pads one side only).

    Args:
        filters: Positive integer. Channels of the output.
        kernel_size: Odd positive integer.
        stride: Positive integer. Defaults to `1`.
        **kwargs: Base layer keyword arguments.

    Input shape:
        4D tensor `(batch, height, width, channels)`.

    Output shape:
        `(batch, ceil(height / stride), ceil(width / stride), filters)`.
    """

    def __init__(self, filters, kernel_size, stride=1, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = kernel_size
        self.stride = stride
        self.conv = keras.layers.Conv2D(
            filters,
            kernel_size,
            stride,
            padding="same" if stride == 1 else "valid",
            use_bias=False,
            kernel_initializer="he_normal",
            dtype=self.dtype_policy,
            name="conv",
        )
        self.norm = FusedBatchNorm(
            momentum=MOMENTUM,
            epsilon=EPSILON,
            dtype=self.dtype_policy,
            name="norm",
        )

    def build(self, input_shape):
        self.conv.build(input_shape)
        self.norm.build((*input_shape[:-1], self.filters))

    def call(self, inputs, training=False):
        if self.stride > 1 and self.kernel_size > 1:
            half = self.kernel_size // 2
            pads = ((0, 0), (half, half), (half, half), (0, 0))
            inputs = keras.ops.pad(inputs, pads)
        maps = self.conv(inputs)
        # TensorFlow's oneDNN convolution gives an empty batch a wrong shape.
        shape = self.conv.compute_output_shape(inputs.shape)[1:]
        maps = keras.ops.reshape(maps, (-1, *shape))
        return self.norm(maps, training=training)

    def compute_output_shape(self, input_shape):
        batch, height, width, _ = input_shape
        height, width = -(-height // self.stride), -(-width // self.stride)
        return (batch, height, width, self.filters)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "stride": self.stride,
        }
