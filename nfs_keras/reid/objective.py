"""The losses of a re-identification network, as one function."""

import keras
import numpy as np
from keras import ops, tree

from nfs_keras.layers.replicas import num_replicas
from nfs_keras.losses import BatchHardTriplet, CrossModalityContrastive
from nfs_keras.modalities import MODALITIES
from nfs_keras.ops import at_least_float32

FORM = (
    "dicts of 'visible' and 'infrared', images and labels, as "
    "`training_dataset` makes them"
)


@keras.saving.register_keras_serializable(package="nfs_keras")
class Objective:
    """Sums the losses of a two-modality batch.

    - *identity*: cross-entropy of the logits, over the identities;
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
        labels: Dict of `"visible"` and `"infrared"`, int vectors.
        outputs: The outputs of a `ReIDNetwork`.

    Returns:
        `(total, parts)`: a float32 scalar, and a dict of the unweighted terms
        and, with `identity`, the `accuracy`.

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

    def __call__(self, labels, outputs):
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
        if "identity" in parts:
            share = accuracy(identities, outputs["logits"])
            parts["accuracy"] = share / num_replicas()  # as losses are
        return total, parts

    def check_batch(self, batch, network):
        """Raises `ValueError` for a batch that cannot be trained on.

        Args:
            batch: `(images, labels)`.
            network: `ReIDNetwork`.
        """
        classes = network.num_identities if self.weights["identity"] else None
        check_batch(batch, classes)

    @property
    def parts(self):
        """Names of the parts that a call returns."""
        terms = [name for name, weight in self.weights.items() if weight > 0]
        return terms + ["accuracy"] * ("identity" in terms)

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
    """Computes the mean cross-entropy in nats, in float32."""
    # A `Loss`, not the function: like the other two it is divided by the
    # number of replicas, whose gradients are added.
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return loss(identities, at_least_float32(logits))


def accuracy(identities, logits):
    """Computes the share of rows whose largest logit is their identity's."""
    hits = ops.argmax(logits, axis=-1) == ops.cast(identities, "int32")
    return ops.mean(ops.cast(hits, "float32"))


def modality_vector(halves):
    """Makes an int vector: 0 for each row of the first half, 1 for the rest."""
    return ops.concatenate(
        [ops.full_like(half, index) for index, half in enumerate(halves)]
    )


def check_batch(batch, num_identities=None):
    """Raises `ValueError` for a batch that cannot be trained on.

    Args:
        batch: `(images, labels)`, of arrays.
        num_identities: Number of identities of the classifier, or `None` if
            the labels are only compared with each other.
    """
    images, labels = batch if len(batch) == 2 else (None, None)
    for part in (images, labels):
        if not isinstance(part, dict) or not set(MODALITIES) <= set(part):
            shapes = tree.map_structure(lambda x: tuple(np.shape(x)), batch)
            raise ValueError(
                "A batch is a pair of dicts. "
                f"Received: elements of {shapes}. "
                f"Pass {FORM}."
            )
    sizes = {name: len(images[name]) for name in MODALITIES}
    known = {name: len(labels[name]) for name in MODALITIES}
    if sizes != known:
        raise ValueError(
            "A batch must have one label for each image. "
            f"Received: {sizes} images, {known} labels. "
            f"Pass {FORM}."
        )
    if not all(sizes.values()):
        raise ValueError(
            "Each training batch needs images of both modalities. "
            f"Received: images={sizes}. "
            "Use an `IdentitySampler`, which samples both of each identity."
        )
    people = np.concatenate([labels[name] for name in MODALITIES])
    if num_identities is None:
        return
    if people.min() < 0 or people.max() >= num_identities:
        raise ValueError(
            f"Labels must lie in [0, {num_identities}), one for each identity "
            "of the classifier. "
            f"Received: labels from {people.min()} to {people.max()}. "
            "Number them with `identity_labels`, and give `reid_network` "
            "the same `num_identities`."
        )
