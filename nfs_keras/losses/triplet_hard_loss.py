"""The hard triplet loss under its tensorflow-addons name."""

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
class TripletHardLoss(keras.losses.Loss):
    """Replaces `tfa.losses.TripletHardLoss`, with the same results.

    With `p` an anchor's largest distance to another row of its identity and
    `n` its smallest to a row of another identity, the loss is the mean over
    the batch of `max(p - n + margin, 0)`, or of `log(1 + exp(p - n))` if
    `soft`. An anchor without a positive counts with `p = 0`, as in
    tensorflow-addons (`BatchHardTriplet` leaves it out). Unlike there, the
    loss is 0 if no anchor has a positive or if all rows are of one identity,
    and the soft margin does not overflow.

    Args:
        margin: Non-negative float. Defaults to `1.0`.
        soft: Whether to use the soft margin; `margin` is then without effect.
            Defaults to `False`.
        distance_metric: `"L2"`, `"squared-L2"`, `"angular"` (1 - cosine), or a
            callable that takes the embeddings and returns the matrix of their
            distances. Defaults to `"L2"`.
        name: Name of the loss.
        reduction: As in `keras.losses.Loss`. `None` gives one loss per row.

    Call arguments:
        y_true: Identities, of shape `(batch,)` or `(batch, 1)`: integers below
            2**24.
        y_pred: Embeddings, of shape `(batch, dim)`, L2-normalised as
            tensorflow-addons requires.

    Example:

    >>> loss = TripletHardLoss()
    >>> embeddings = np.array([[0.0, 1.0], [0.0, 1.0], [1.0, 0.0]])
    >>> float(loss(np.array([0, 0, 1]), embeddings))
    0.0

    Reference:
        Hermans, Beyer, Leibe, "In Defense of the Triplet Loss for Person
        Re-Identification", 2017; tensorflow-addons 0.23.
    """

    def __init__(
        self,
        margin=1.0,
        soft=False,
        distance_metric="L2",
        name=None,
        reduction="sum_over_batch_size",
    ):
        super().__init__(name=name, reduction=reduction, dtype="float32")
        check_margin(margin)
        check_distance_metric(distance_metric)
        self.margin = margin
        self.soft = soft
        self.distance_metric = distance_metric

    def call(self, y_true, y_pred):
        identities = identity_vector(y_true, y_pred)
        distances = addons_distances(y_pred, self.distance_metric)
        positives = positive_pairs(identities)
        negatives = negative_pairs(identities)
        gap = masked_maximum(distances, positives) - masked_minimum(
            distances, negatives
        )
        if self.soft:
            losses = ops.softplus(gap)
        else:
            losses = ops.relu(gap + self.margin)
        something = ops.any(positives) & ops.any(negatives)
        return ops.where(something, losses, 0.0)

    def get_config(self):
        return {
            **super().get_config(),
            "margin": self.margin,
            "soft": self.soft,
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
