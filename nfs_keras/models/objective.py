"""What a network is trained for: a weighted sum of losses."""

import keras
import tensorflow as tf
from keras import ops

from nfs_keras.losses import BatchHardTriplet, CrossModalityContrastive
from nfs_keras.ops import at_least_float32

MODALITIES = ("visible", "infrared")


@keras.saving.register_keras_serializable(package="nfs_keras")
class Objective:
    """Sums the losses of a two-modality batch.

    - *identity*: cross-entropy of the logits, who is it;
    - *triplet*: a metric loss on the pooled feature, over both modalities;
    - *contrast*: the cross-modality contrastive loss (CMCO) on the embedding.

    A term of weight 0 is not computed.

    Args:
        identity: Non-negative weight. Defaults to `1.0`.
        triplet: Non-negative weight. Defaults to `1.0`.
        contrast: Non-negative weight. Defaults to `0.0`.
        triplet_loss: `keras.losses.Loss` of identities and features. Defaults
            to `BatchHardTriplet()`.
        contrast_loss: `keras.losses.Loss` of (identity, modality) rows and
            embeddings. Defaults to `CrossModalityContrastive()`.

    Call arguments:
        outputs: What a `ReIDNetwork` returns.
        labels: Dict of `"visible"` and `"infrared"`, int vectors.

    Returns:
        `(total, parts)`: a float32 scalar, and a dict of the unweighted terms.

    Raises:
        ValueError: For a negative weight, or if all are 0.
    """

    def __init__(
        self,
        identity=1.0,
        triplet=1.0,
        contrast=0.0,
        triplet_loss=None,
        contrast_loss=None,
    ):
        weights = {
            "identity": identity,
            "triplet": triplet,
            "contrast": contrast,
        }
        if min(weights.values()) < 0 or not any(weights.values()):
            raise ValueError(
                "An `Objective` needs non-negative weights, one of them "
                f"positive. Received: weights={weights}. "
                "Leave the arguments out for identity and triplet loss."
            )
        self.weights = weights
        self.triplet_loss = triplet_loss or BatchHardTriplet()
        self.contrast_loss = contrast_loss or CrossModalityContrastive()

    def __call__(self, outputs, labels):
        halves = [ops.cast(labels[name], "int32") for name in MODALITIES]
        identities = ops.concatenate(halves)
        terms = {
            "identity": lambda: identity_loss(identities, outputs["logits"]),
            "triplet": lambda: self.triplet_loss(identities, outputs["pooled"]),
            "contrast": lambda: self.contrast_loss(
                ops.stack([identities, modality_vector(halves)], axis=1),
                outputs["embedding"],
            ),
        }
        parts = {n: terms[n]() for n, w in self.weights.items() if w > 0}
        total = sum(self.weights[n] * part for n, part in parts.items())
        return total, parts

    @property
    def terms(self):
        """Names of the terms that are computed."""
        return [name for name, weight in self.weights.items() if weight > 0]

    def get_config(self):
        serialize = keras.saving.serialize_keras_object
        return {
            **self.weights,
            "triplet_loss": serialize(self.triplet_loss),
            "contrast_loss": serialize(self.contrast_loss),
        }

    @classmethod
    def from_config(cls, config):
        deserialize = keras.saving.deserialize_keras_object
        losses = ("triplet_loss", "contrast_loss")
        made = {name: deserialize(config[name]) for name in losses}
        return cls(**{**config, **made})


def identity_loss(identities, logits):
    """Mean cross-entropy in nats, computed in float32."""
    # A `Loss`, not the function: like the other two it is divided by the
    # number of replicas, whose gradients are added.
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return loss(identities, at_least_float32(logits))


def num_replicas():
    """Int. Over how many devices the batch at hand is spread."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def modality_vector(halves):
    """Int vector: 0 for each row of the first half, 1 for the second."""
    return ops.concatenate(
        [ops.full_like(half, index) for index, half in enumerate(halves)]
    )
