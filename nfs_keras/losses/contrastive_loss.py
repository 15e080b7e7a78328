"""The contrastive loss under its tensorflow-addons name."""

import keras
from keras import ops

from nfs_keras.losses.arguments import check_margin


@keras.saving.register_keras_serializable(package="nfs_keras")
class ContrastiveLoss(keras.losses.Loss):
    """Replaces `tfa.losses.ContrastiveLoss`, with the same results.

    A positive pair (`y = 1`) should be near, a negative one (`y = 0`) at
    least `margin` apart. At distance `d`:

    ```python
    loss = y * d**2 + (1 - y) * max(margin - d, 0) ** 2
    ```

    Args:
        margin: Non-negative float. Defaults to `1.0`.
        reduction: As in `keras.losses.Loss`. `None` gives one loss per pair.
        name: Name of the loss.

    Call arguments:
        y_true: 1 for a pair of one identity, else 0, of shape `(batch,)` or
            `(batch, 1)`.
        y_pred: Distances of the pairs, of shape `(batch,)` or `(batch, 1)`.

    Example:

    >>> loss = ContrastiveLoss(margin=2.0)
    >>> float(loss(np.array([1, 0]), np.array([3.0, 1.5])))
    4.625

    Reference:
        Hadsell, Chopra, LeCun, "Dimensionality Reduction by Learning an
        Invariant Mapping", CVPR 2006; tensorflow-addons 0.23.
    """

    def __init__(
        self,
        margin=1.0,
        reduction="sum_over_batch_size",
        name="contrastive_loss",
    ):
        super().__init__(name=name, reduction=reduction, dtype="float32")
        check_margin(margin)
        self.margin = margin

    def call(self, y_true, y_pred):
        # (batch,) times (batch, 1) would silently become a matrix.
        positive = ops.reshape(y_true, ops.shape(y_pred))
        apart = ops.square(ops.relu(self.margin - y_pred))
        return positive * ops.square(y_pred) + (1 - positive) * apart

    def get_config(self):
        return {**super().get_config(), "margin": self.margin}
