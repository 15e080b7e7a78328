"""The triplet loss that weighs all pairs of a batch instead of choosing one."""

import keras
from keras import ops

from nfs_keras.losses.arguments import identity_vector
from nfs_keras.losses.pairs import (
    comparable_anchors,
    negative_pairs,
    positive_pairs,
)
from nfs_keras.ops import at_least_float32, pairwise_distances


@keras.saving.register_keras_serializable(package="nfs_keras")
class WeightedRegularizedTriplet(keras.losses.Loss):
    """Compares an anchor's far positives with its near negatives, no margin.

    For each row of the batch, the anchor, with `d` its Euclidean distances:

    ```python
    p = sum(softmax(d[positives]) * d[positives])  # far positives weigh most
    n = sum(softmax(-d[negatives]) * d[negatives])  # near negatives weigh most
    loss = log(1 + exp(p - n))
    ```

    Positives are the *other* rows of the anchor's identity (the released code
    of the reference counts the anchor itself too, at distance 0). An anchor
    without a positive or without a negative has loss 0. The loss is computed
    in float32 whatever the embeddings' dtype.

    Args:
        reduction: As in `keras.losses.Loss`. `None` gives one loss per row.
        name: Name of the loss.

    Call arguments:
        y_true: Identities, of shape `(batch,)` or `(batch, 1)`: integers below
            2**24.
        y_pred: Embeddings, of shape `(batch, dim)`; the reference passes the
            pooled features, before the batch-norm neck.

    Example:

    >>> loss = WeightedRegularizedTriplet()
    >>> embeddings = np.array([[0.0], [0.0], [9.0], [9.0]])
    >>> float(loss(np.array([7, 7, 8, 8]), embeddings)) < 0.001
    True

    Reference:
        Ye, Shen, Lin, Xiang, Shao, Hoi, "Deep Learning for Person
        Re-Identification: A Survey and Outlook" (AGW), TPAMI 2021.
    """

    def __init__(
        self,
        reduction="sum_over_batch_size",
        name="weighted_regularized_triplet",
    ):
        super().__init__(name=name, reduction=reduction, dtype="float32")

    def call(self, y_true, y_pred):
        identities = identity_vector(y_true, y_pred)
        distances = pairwise_distances(at_least_float32(y_pred))
        positives = positive_pairs(identities)
        negatives = negative_pairs(identities)
        far = weighted_mean(distances, distances, positives)
        near = weighted_mean(distances, -distances, negatives)
        losses = ops.softplus(far - near)
        return ops.where(comparable_anchors(positives, negatives), losses, 0.0)


def weighted_mean(values, scores, mask):
    """Averages each row of `values`, weighted by a softmax of `scores`.

    Args:
        values: Float tensor of shape `(n, m)`.
        scores: Float tensor of shape `(n, m)`.
        mask: Boolean tensor of shape `(n, m)`: which entries take part.

    Returns:
        Tensor of shape `(n,)`, finite even where a row of `mask` is empty.
    """
    scores = ops.where(mask, scores, -1e9)
    # `ops.softmax` warns about a batch of one row, which is valid here.
    weights = ops.exp(scores - ops.max(scores, axis=1, keepdims=True))
    return ops.sum(weights * values, axis=1) / ops.sum(weights, axis=1)
