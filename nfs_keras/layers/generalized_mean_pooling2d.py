"""Pooling between the average and the maximum."""

import keras
from keras import ops

from nfs_keras.ops import at_least_float32, generalized_mean


@keras.saving.register_keras_serializable(package="nfs_keras")
class GeneralizedMeanPooling2D(keras.layers.Layer):
    """Pools each channel of a feature map by its generalised mean.

    `mean(x ** power) ** (1 / power)`: the average at power 1, nearer to the
    maximum the larger the power. Strong local responses count for more than
    in an average, and do not stand alone as in a maximum.

    The power is fixed, not learned: our choice, one number less to search.
    Responses below 1e-4 count as 1e-4 and get no gradient, so pool after a
    ReLU. The powers are computed in float32 under any dtype policy, for in
    float16 they overflow.

    Args:
        power: Positive float. Defaults to `3.0`.
        **kwargs: Base layer keyword arguments, such as `name` and `dtype`.

    Call arguments:
        inputs: Float tensor, `channels_last` only.

    Input shape:
        4D tensor `(batch, height, width, channels)`.

    Output shape:
        2D tensor `(batch, channels)`.

    Raises:
        ValueError: If `power` is not positive.

    Example:

    >>> import numpy as np
    >>> maps = np.array([0.0, 0.0, 0.0, 2.0], "float32").reshape(1, 2, 2, 1)
    >>> pooled = GeneralizedMeanPooling2D(power=3.0)(maps)
    >>> round(float(np.asarray(pooled)[0, 0]), 4)  # average 0.5, maximum 2
    1.2599

    Reference:
        Radenovic, Tolias, Chum, "Fine-tuning CNN Image Retrieval with No
        Human Annotation", TPAMI 2018.
    """

    def __init__(self, power=3.0, **kwargs):
        super().__init__(**kwargs)
        if power <= 0:
            raise ValueError(
                "A generalised mean needs a positive power. "
                f"Received: power={power}. "
                "Use 1.0 for the average, 3.0 for retrieval."
            )
        self.power = power
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def call(self, inputs):
        pooled = generalized_mean(at_least_float32(inputs), self.power)
        return ops.cast(pooled, inputs.dtype)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], input_shape[-1])

    def get_config(self):
        return {**super().get_config(), "power": self.power}
