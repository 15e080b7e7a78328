"""The attention block that AGW puts behind its last residual blocks."""

import keras
from keras import ops

from nfs_keras.backbones.conv_norm import EPSILON, MOMENTUM


@keras.saving.register_keras_serializable(package="nfs_keras")
class NonLocalBlock(keras.layers.Layer):
    """Adds to every pixel what the whole map has to say about it.

    With maps x of N pixels, `y = theta(x) (phi(x)^T g(x)) / N` and the output
    is `x + norm(w(y))`, where theta, phi, g and w are 1x1 convolutions. The
    batch norm starts at zero, and so the block as the identity. There is no
    softmax; multiplied in this order, no N x N matrix is needed either.

    Args:
        filters: Positive integer. Channels of the input and the output.
        inner_filters: Positive integer. Channels of theta, phi and g.
            Defaults to `1`, as in AGW's released code.
        **kwargs: Base layer keyword arguments.

    Call arguments:
        inputs: Float tensor `(batch, height, width, channels)`.
        keep: Gate that broadcasts against the output, or `None`. It scales
            what the block adds; what it was given has been scaled before.
        training: Whether batch normalisation uses the batch.

    Input shape:
        4D tensor `(batch, height, width, channels)`.

    Output shape:
        Same as the input.

    Example:

    >>> maps = np.ones((2, 6, 3, 8), "float32")
    >>> bool((np.asarray(NonLocalBlock(8)(maps)) == maps).all())  # untrained
    True

    Reference:
        Wang et al., "Non-local Neural Networks", CVPR 2018, equation 4; with
        one inner channel as in Ye et al., "Deep Learning for Person
        Re-identification" (AGW), TPAMI 2021.
    """

    def __init__(self, filters, inner_filters=1, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.inner_filters = inner_filters
        self.theta = self._convolution(inner_filters, "theta")
        self.phi = self._convolution(inner_filters, "phi")
        self.g = self._convolution(inner_filters, "g")
        self.w = self._convolution(filters, "w")
        self.norm = keras.layers.BatchNormalization(
            momentum=MOMENTUM,
            epsilon=EPSILON,
            gamma_initializer="zeros",
            dtype=self.dtype_policy,
            name="norm",
        )

    def _convolution(self, filters, name):
        """Makes a 1x1 convolution: the same product at every pixel."""
        return keras.layers.Dense(filters, dtype=self.dtype_policy, name=name)

    def build(self, input_shape):
        for layer in (self.theta, self.phi, self.g):
            layer.build(input_shape)
        self.w.build((*input_shape[:-1], self.inner_filters))
        self.norm.build(input_shape)

    def call(self, inputs, keep=None, training=False):
        _, height, width, _ = ops.shape(inputs)
        pixels = ops.reshape(inputs, (-1, height * width, self.filters))
        # Divided early, a mean overflows in no precision.
        phi = ops.transpose(self.phi(pixels), (0, 2, 1)) / (height * width)
        found = ops.matmul(self.theta(pixels), ops.matmul(phi, self.g(pixels)))
        found = ops.reshape(self.w(found), (-1, *ops.shape(inputs)[1:]))
        found = self.norm(found, training=training)
        if keep is not None:
            found = found * ops.cast(keep, found.dtype)
        return inputs + found

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "inner_filters": self.inner_filters,
        }
