"""The private beginning of each modality's stream."""

import keras
from keras import ops

from nfs_keras.backbones.conv_norm import ConvNorm

IMAGENET_MEAN = (0.485, 0.456, 0.406)  # of RGB in [0, 1]
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)


@keras.saving.register_keras_serializable(package="nfs_keras")
class Stem(keras.layers.Layer):
    """Normalises the pixels of one modality and finds its first features.

    Normalisation lives here, once, so that training, evaluation and serving
    all hand over raw pixels and cannot disagree.

    Args:
        filters: Positive integer. Channels of the output.
        kernel_size: Odd positive integer. Defaults to `7`.
        pool: Whether a 3x3 maximum of stride 2 follows. Defaults to `True`.
        mean: Mean of R, G, B in [0, 1]. Defaults to ImageNet's.
        deviation: Standard deviation of R, G, B. Defaults to ImageNet's.
        **kwargs: Base layer keyword arguments.

    Input shape:
        `(batch, height, width, 3)`, RGB in [0, 255]. Infrared pictures have
        three equal channels.

    Output shape:
        `(batch, height / 4, width / 4, filters)` with `pool`, else halves.
    """

    def __init__(
        self,
        filters,
        kernel_size=7,
        pool=True,
        mean=IMAGENET_MEAN,
        deviation=IMAGENET_DEVIATION,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = kernel_size
        self.pool = pool
        self.mean = mean
        self.deviation = deviation
        self.conv = ConvNorm(
            filters, kernel_size, 2, dtype=self.dtype_policy, name="conv"
        )

    def build(self, input_shape):
        self.conv.build(input_shape)

    def call(self, inputs, training=False):
        mean = ops.cast(self.mean, inputs.dtype)
        deviation = ops.cast(self.deviation, inputs.dtype)
        maps = (inputs / 255.0 - mean) / deviation
        maps = ops.relu(self.conv(maps, training=training))
        if not self.pool:
            return maps
        # After the ReLU zero padding is the same as padding with -infinity.
        maps = ops.pad(maps, ((0, 0), (1, 1), (1, 1), (0, 0)))
        return ops.max_pool(maps, 3, 2)

    def compute_output_shape(self, input_shape):
        shape = self.conv.compute_output_shape(input_shape)
        if not self.pool:
            return shape
        return (shape[0], -(-shape[1] // 2), -(-shape[2] // 2), shape[3])

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "pool": self.pool,
            "mean": self.mean,
            "deviation": self.deviation,
        }
