"""Batch normalisation that trains in one kernel."""

import keras
from keras import ops

from nfs_keras.search.layer_rules import BATCH_NORM
from nfs_keras.search.rules import register_rule


@keras.saving.register_keras_serializable(package="nfs_keras")
class FusedBatchNorm(keras.layers.BatchNormalization):
    """`keras.layers.BatchNormalization` of feature maps, faster to train.

    Keras 3 normalises in several passes over the maps. On the TensorFlow
    backend this layer trains by TensorFlow's fused kernel, in one, with the
    same outputs and moving statistics. At inference, on other backends and
    if `synchronized` over replicas it is the Keras layer.

    Args:
        **kwargs: As for `keras.layers.BatchNormalization`, except that maps
            are `channels_last` and have a scale and an offset.

    Call arguments:
        inputs: Float tensor `(batch, height, width, channels)`.
        training: Whether to normalise by the batch's own statistics.

    Input shape:
        4D tensor `(batch, height, width, channels)`.

    Output shape:
        Same as the input.

    Example:

    >>> maps = np.random.default_rng(0).normal(5, 2, (8, 6, 3, 4))
    >>> normalised = FusedBatchNorm()(maps.astype("float32"), training=True)
    >>> round(abs(float(np.mean(normalised))), 4)
    0.0

    Reference:
        Ioffe, Szegedy, "Batch Normalization", ICML 2015.
    """

    def call(self, inputs, training=False):
        fused = training and self.trainable and not self.synchronized
        if fused and keras.backend.backend() == "tensorflow":
            return self._train_fused(inputs)
        return super().call(inputs, training=training)

    def _train_fused(self, inputs):
        import tensorflow as tf

        outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            inputs,
            ops.convert_to_tensor(self.gamma),
            ops.convert_to_tensor(self.beta),
            epsilon=self.epsilon,
        )
        batch, height, width, _ = ops.shape(inputs)
        count = ops.cast(batch * height * width, variance.dtype)
        # The kernel divides by count - 1, Keras by count.
        variance = variance * (count - 1) / count
        keep = self.momentum
        self.moving_mean.assign(self.moving_mean * keep + mean * (1 - keep))
        self.moving_variance.assign(
            self.moving_variance * keep + variance * (1 - keep)
        )
        return outputs


register_rule(FusedBatchNorm, BATCH_NORM)
