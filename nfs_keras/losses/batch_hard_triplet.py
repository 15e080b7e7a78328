"""The triplet loss on the hardest triplets of a batch."""

import keras
from keras import ops

from nfs_keras.losses.arguments import check_margin, identity_vector
from nfs_keras.losses.pairs import (
    comparable_anchors,
    masked_maximum,
    masked_minimum,
    negative_pairs,
    positive_pairs,
)
from nfs_keras.ops import at_least_float32, pairwise_distances


@keras.saving.register_keras_serializable(package="nfs_keras")
class BatchHardTriplet(keras.losses.Loss):
    """Pulls the farthest positive nearer than the nearest negative.

    For each row of the batch, the anchor, with `p` its largest Euclidean
    distance to another row of the same identity and `n` its smallest to a row
    of another identity:

    ```python
    loss = max(p - n + margin, 0)  # or log(1 + exp(p - n)) if margin="soft"
    ```

    Modality plays no part: where batches hold both, the hardest pair is mostly
    one across modalities. An anchor without a positive or without a negative
    has loss 0. The loss is computed in float32 whatever the embeddings' dtype.

    Args:
        margin: Non-negative float, by how much `n` must exceed `p`; or
            `"soft"` for the soft margin, which never stops pulling. Defaults
            to `0.3`.
        reduction: As in `keras.losses.Loss`. `None` gives one loss per row.
        name: Name of the loss.

    Call arguments:
        y_true: Identities, of shape `(batch,)` or `(batch, 1)`: integers below
            2**24.
        y_pred: Embeddings, of shape `(batch, dim)`.

    Example:

    >>> loss = BatchHardTriplet(margin=0.5)
    >>> embeddings = np.array([[0.0], [1.0], [3.0], [3.0]])
    >>> float(loss(np.array([7, 7, 8, 8]), embeddings))
    0.0
    >>> float(loss(np.array([7, 8, 7, 8]), embeddings))
    2.5

    Reference:
        Hermans, Beyer, Leibe, "In Defense of the Triplet Loss for Person
        Re-Identification", 2017.
    """

    def __init__(
        self,
        margin=0.3,
        reduction="sum_over_batch_size",
        name="batch_hard_triplet",
    ):
        super().__init__(name=name, reduction=reduction, dtype="float32")
        if margin != "soft":
            check_margin(margin)
        self.margin = margin

    def call(self, y_true, y_pred):
        identities = identity_vector(y_true, y_pred)
        distances = pairwise_distances(at_least_float32(y_pred))
        positives = positive_pairs(identities)
        negatives = negative_pairs(identities)
        gap = masked_maximum(distances, positives) - masked_minimum(
            distances, negatives
        )
        if self.margin == "soft":
            losses = ops.softplus(gap)
        else:
            losses = ops.relu(gap + self.margin)
        return ops.where(comparable_anchors(positives, negatives), losses, 0.0)

    def get_config(self):
        return {**super().get_config(), "margin": self.margin}
