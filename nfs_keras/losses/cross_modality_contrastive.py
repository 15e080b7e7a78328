"""The cross-modality contrastive loss, which supervises the search."""

import keras
from keras import ops

from nfs_keras.losses.arguments import check_margin, check_temperature
from nfs_keras.losses.pairs import masked_minimum, same_identity
from nfs_keras.ops import at_least_float32, l2_normalize, pairwise_distances

FORMS = ("info_nce", "center_margin")


@keras.saving.register_keras_serializable(package="nfs_keras")
class CrossModalityContrastive(keras.losses.Loss):
    """Pulls an identity's two modalities together, and identities apart.

    Each identity has two centres: the L2-normalised mean embedding of its
    visible rows `v` and of its infrared rows `r`. Two forms, both ours (the
    paper names the goal, not the formula):

    - `"info_nce"`: cross-entropy of finding an identity's infrared centre
      among all infrared centres, by cosine similarity / `temperature`, given
      its visible centre; averaged with the same from infrared to visible.
    - `"center_margin"`: `|v - r|**2`, plus the mean over `v` and `r` of
      `max(margin - d, 0)**2` with `d` the distance to the nearest centre, of
      either modality, of another identity.

    The loss is the mean over the identities that have both modalities in the
    batch; each weighs once, however many rows it has. It is 0 if there is none
    or if the batch holds only one identity. It is computed in float32 whatever
    the embeddings' dtype, and it is one number per batch: `reduction=None`
    gives shape `(1,)`, and sample weights scale it by their mean.

    Args:
        form: `"info_nce"` or `"center_margin"`. Defaults to `"info_nce"`.
        temperature: Positive float, divides the similarities of `"info_nce"`.
            Defaults to `0.1`.
        margin: Non-negative float, a distance between unit vectors (0 to 2),
            for `"center_margin"`. Defaults to `1.0`.
        reduction: As in `keras.losses.Loss`.
        name: Name of the loss.

    Call arguments:
        y_true: Integers of shape `(batch, 2)`: in column 0 the identity, below
            2**24, in column 1 the modality, 0 visible and 1 infrared.
        y_pred: Embeddings, of shape `(batch, dim)`.

    Example:

    >>> loss = CrossModalityContrastive(form="center_margin")
    >>> y_true = np.array([[7, 0], [7, 1], [8, 0], [8, 1]])
    >>> embeddings = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    >>> float(loss(y_true, embeddings))
    0.0

    Reference:
        Chen, Wan, Li, Jing, Sun, "Neural Feature Search for RGB-Infrared
        Person Re-Identification", CVPR 2021 (the idea; the formulas are ours).
    """

    def __init__(
        self,
        form="info_nce",
        temperature=0.1,
        margin=1.0,
        reduction="sum_over_batch_size",
        name="cross_modality_contrastive",
    ):
        super().__init__(name=name, reduction=reduction, dtype="float32")
        check_form(form)
        check_temperature(temperature)
        check_margin(margin)
        self.form = form
        self.temperature = temperature
        self.margin = margin

    def call(self, y_true, y_pred):
        if len(y_true.shape) != 2 or y_true.shape[1] != 2:
            raise ValueError(
                "`CrossModalityContrastive` needs the identity and the "
                "modality of each row, `y_true` of shape `(batch, 2)`. "
                f"Received: y_true.shape={tuple(y_true.shape)}. "
                "Pass `np.stack([identities, modality], axis=1)`."
            )
        loss = cross_modality_contrastive(
            y_pred,
            y_true[:, 0],
            y_true[:, 1],
            form=self.form,
            temperature=self.temperature,
            margin=self.margin,
        )
        # Keras scales a loss for its replicas only if it has an axis to reduce.
        return ops.reshape(loss, (1,))

    def get_config(self):
        return {
            **super().get_config(),
            "form": self.form,
            "temperature": self.temperature,
            "margin": self.margin,
        }


def cross_modality_contrastive(
    embeddings,
    identities,
    modality,
    form="info_nce",
    temperature=0.1,
    margin=1.0,
):
    """Computes the loss of `CrossModalityContrastive` as a pure function.

    Args:
        embeddings: Float tensor of shape `(batch, dim)`.
        identities: Tensor of shape `(batch,)`, one number per identity.
        modality: Tensor of shape `(batch,)`: 0 visible, 1 infrared.
        form: `"info_nce"` or `"center_margin"`.
        temperature: Positive float, for `"info_nce"`.
        margin: Non-negative float, for `"center_margin"`.

    Returns:
        Scalar tensor, float32 or float64.

    Raises:
        ValueError: If `form` is unknown.
    """
    check_form(form)
    embeddings = at_least_float32(embeddings)
    same = same_identity(identities)
    visible, has_visible = centers(embeddings, same, ops.equal(modality, 0))
    infrared, has_infrared = centers(embeddings, same, ops.equal(modality, 1))
    if form == "info_nce":
        there = retrieval_loss(
            visible, infrared, same, has_infrared, temperature
        )
        back = retrieval_loss(infrared, visible, same, has_visible, temperature)
        losses = (there + back) / 2
    else:
        pull = ops.sum(ops.square(visible - infrared), axis=1)
        push = push_loss(
            visible, infrared, same, has_visible, has_infrared, margin
        )
        losses = pull + push
    alone = ops.all(same, axis=1)
    counted = has_visible & has_infrared & ops.logical_not(alone)
    weights = ops.where(counted, row_weights(same, losses.dtype), 0.0)
    return ops.sum(weights * losses) / ops.maximum(ops.sum(weights), 1.0)


def centers(embeddings, same, chosen):
    """Computes for each row the centre of its identity's chosen rows.

    Args:
        embeddings: Float tensor of shape `(batch, dim)`.
        same: Boolean tensor of shape `(batch, batch)`, see `same_identity`.
        chosen: Boolean tensor of shape `(batch,)`.

    Returns:
        The L2-normalised means, `(batch, dim)`, zero where an identity has no
        chosen row; and whether it has one, boolean, `(batch,)`.
    """
    members = ops.logical_and(same, chosen[None, :])
    sums = ops.matmul(ops.cast(members, embeddings.dtype), embeddings)
    # Normalised, a sum is a mean.
    return l2_normalize(sums), ops.any(members, axis=1)


def retrieval_loss(queries, targets, same, has_target, temperature):
    """Computes the cross-entropy of finding each row's own target centre."""
    similarities = ops.matmul(queries, ops.transpose(targets)) / temperature
    # exp(log(1 / count)) counts each identity once, not once for each row.
    log_weights = ops.log(row_weights(same, similarities.dtype))
    log_weights = ops.where(has_target, log_weights, -1e9)
    own = ops.sum(queries * targets, axis=1) / temperature
    return ops.logsumexp(similarities + log_weights[None, :], axis=1) - own


def push_loss(visible, infrared, same, has_visible, has_infrared, margin):
    """Computes the squared hinge to the nearest centre of another identity."""
    all_centers = ops.concatenate([visible, infrared], axis=0)
    exists = ops.concatenate([has_visible, has_infrared], axis=0)
    others = ops.logical_not(ops.tile(same, (2, 2))) & exists[None, :]
    nearest = masked_minimum(pairwise_distances(all_centers), others)
    from_visible, from_infrared = ops.split(
        ops.square(ops.relu(margin - nearest)), 2
    )
    return (from_visible + from_infrared) / 2


def row_weights(same, dtype):
    """Computes 1 / (rows of its identity) for each row."""
    return 1 / ops.sum(ops.cast(same, dtype), axis=1)


def check_form(form):
    """Raises unless `form` is one of `FORMS`."""
    if form not in FORMS:
        raise ValueError(
            f"`form` must be one of {FORMS}. "
            f"Received: form={form!r}. "
            "Pass one of these names."
        )
