"""The semi-hard triplet loss under its tensorflow-addons name."""

import keras
from keras import ops

from nfs_keras.losses.arguments import (
    check_distance_metric,
    check_margin,
    identity_vector,
)
from nfs_keras.losses.pairs import (
    addons_distances,
    masked_maximum,
    masked_minimum,
    negative_pairs,
    positive_pairs,
)


@keras.saving.register_keras_serializable(package="nfs_keras")
class TripletSemiHardLoss(keras.losses.Loss):
    """Replaces `tfa.losses.TripletSemiHardLoss`, with the same results.

    For each pair of rows of one identity at distance `p`, the semi-hard
    negative is the nearest one that is farther from the anchor than `p`, at
    distance `n`; if there is none, the farthest negative. The loss is the mean
    over all such pairs of `max(p - n + margin, 0)`. Unlike tensorflow-addons,
    it is 0 if no two rows share an identity (NaN there) or if all rows do.

    It is one number per batch: `reduction=None` gives shape `(1,)`, and sample
    weights scale it by their mean. Memory grows with the cube of the batch.

    Args:
        margin: Non-negative float. Defaults to `1.0`.
        distance_metric: `"L2"`, `"squared-L2"`, `"angular"` (1 - cosine), or a
            callable that takes the embeddings and returns the matrix of their
            distances. Defaults to `"L2"`.
        name: Name of the loss.
        reduction: As in `keras.losses.Loss`.

    Call arguments:
        y_true: Identities, of shape `(batch,)` or `(batch, 1)`: integers below
            2**24.
        y_pred: Embeddings, of shape `(batch, dim)`, L2-normalised as
            tensorflow-addons requires.

    Example:

    >>> loss = TripletSemiHardLoss()
    >>> embeddings = np.array([[0.0, 1.0], [0.0, 1.0], [1.0, 0.0]])
    >>> float(loss(np.array([0, 0, 1]), embeddings))
    0.0

    Reference:
        Schroff, Kalenichenko, Philbin, "FaceNet: A Unified Embedding for Face
        Recognition and Clustering", CVPR 2015; tensorflow-addons 0.23.
    """

    def __init__(
        self,
        margin=1.0,
        distance_metric="L2",
        name=None,
        reduction="sum_over_batch_size",
    ):
        super().__init__(name=name, reduction=reduction, dtype="float32")
        check_margin(margin)
        check_distance_metric(distance_metric)
        self.margin = margin
        self.distance_metric = distance_metric

    def call(self, y_true, y_pred):
        identities = identity_vector(y_true, y_pred)
        distances = addons_distances(y_pred, self.distance_metric)
        positives = positive_pairs(identities)
        negatives = negative_pairs(identities)
        gap = distances - semi_hard_negatives(distances, negatives)
        counted = ops.cast(
            ops.logical_and(positives, ops.any(negatives)), gap.dtype
        )
        total = ops.sum(counted * ops.relu(gap + self.margin))
        loss = total / ops.maximum(ops.sum(counted), 1.0)
        # Keras scales a loss for its replicas only if it has an axis to reduce.
        return ops.reshape(loss, (1,))

    def get_config(self):
        return {
            **super().get_config(),
            "margin": self.margin,
            "distance_metric": keras.saving.serialize_keras_object(
                self.distance_metric
            ),
        }

    @classmethod
    def from_config(cls, config):
        metric = keras.saving.deserialize_keras_object(
            config["distance_metric"]
        )
        return cls(**{**config, "distance_metric": metric})


def semi_hard_negatives(distances, negatives):
    """Finds the distance of each pair's semi-hard negative.

    Args:
        distances: Float tensor of shape `(batch, batch)`.
        negatives: Boolean tensor of shape `(batch, batch)`.

    Returns:
        Tensor of shape `(batch, batch)`: entry `(i, j)` is the smallest
        distance of `i` to a negative beyond `j`, else its largest to any.
    """
    farther = ops.logical_and(
        distances[:, None, :] > distances[:, :, None],
        negatives[:, None, :],
    )  # (anchor, positive, negative)
    beyond = masked_minimum(distances[:, None, :], farther)
    farthest = masked_maximum(distances, negatives)[:, None]
    return ops.where(ops.any(farther, axis=2), beyond, farthest)
