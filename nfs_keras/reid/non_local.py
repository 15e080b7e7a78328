"""The non-local attention of AGW's last residual blocks."""

import keras
import numpy as np
from keras import ops

from nfs_keras.search.rules import (
    Rule,
    any_of,
    both,
    num_pixels,
    register_rule,
    where,
)


@keras.saving.register_keras_serializable(package="nfs_keras")
class NonLocal(keras.layers.Layer):
    """Computes for every pixel a weighted sum over the whole map.

    With maps x of N pixels, `w(theta(x) (phi(x)^T g(x)) / N)`, where theta,
    phi, g and w are 1x1 convolutions. There is no softmax; multiplied in this
    order, no N x N matrix is needed either. In a network it is followed by a
    batch norm that starts at zero and a sum with x, so that the block starts
    as the identity.

    Args:
        filters: Positive integer. Channels of the output.
        inner_filters: Positive integer. Channels of theta, phi and g.
            Defaults to `1`, as in AGW's released code.
        **kwargs: Base layer keyword arguments.

    Call arguments:
        inputs: Float tensor `(batch, height, width, channels)`.

    Input shape:
        4D tensor `(batch, height, width, channels)`.

    Output shape:
        `(batch, height, width, filters)`.

    Example:

    >>> maps = np.ones((2, 6, 3, 8), "float32")
    >>> tuple(NonLocal(8)(maps).shape)
    (2, 6, 3, 8)

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

    def _convolution(self, filters, name):
        """Makes a 1x1 convolution: the same product at every pixel."""
        return keras.layers.Dense(filters, dtype=self.dtype_policy, name=name)

    def build(self, input_shape):
        for layer in (self.theta, self.phi, self.g):
            layer.build(input_shape)
        self.w.build((*input_shape[:-1], self.inner_filters))

    def call(self, inputs):
        _, height, width, channels = ops.shape(inputs)
        pixels = ops.reshape(inputs, (-1, height * width, channels))
        # Divided before the sum, a mean does not overflow in half precision.
        phi = ops.transpose(self.phi(pixels), (0, 2, 1)) / (height * width)
        found = ops.matmul(self.theta(pixels), ops.matmul(phi, self.g(pixels)))
        return ops.reshape(self.w(found), (-1, height, width, self.filters))

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.filters)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "inner_filters": self.inner_filters,
        }


class NonLocalRule(Rule):
    """Removes input channels of theta, phi and g, output channels of w."""

    def writes_all(self, node):
        return False

    def backward(self, node, inputs, needed):
        (given,) = inputs
        read = where(given.zero, given.alive, np.ones(len(given.zero)))
        return [both(read, any_of(needed))]

    def rebuild(self, node, build):
        layer, (tensor,) = node.layer, node.tensors
        rows, columns = build.layout(tensor), build.kept(node.outputs)
        smaller = build.clone(layer, weights=False, filters=len(columns))
        outputs = smaller(build.new(tensor))
        for name in ("theta", "phi", "g"):
            old, new = getattr(layer, name), getattr(smaller, name)
            new.kernel.assign(ops.convert_to_numpy(old.kernel)[rows])
            new.bias.assign(old.bias)
        smaller.w.kernel.assign(
            ops.convert_to_numpy(layer.w.kernel)[:, columns]
        )
        smaller.w.bias.assign(ops.convert_to_numpy(layer.w.bias)[columns])
        return outputs

    def flops(self, node, read, written):
        inner, pixels = node.layer.inner_filters, num_pixels(node.outputs)
        return 2 * pixels * inner * (3 * read + 2 * inner + written)


register_rule(NonLocal, NonLocalRule())
