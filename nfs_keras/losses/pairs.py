"""Which rows of a batch belong together, and how far apart they are."""

from keras import ops

from nfs_keras.ops import at_least_float32, l2_normalize, pairwise_distances


def identity_vector(y_true, y_pred):
    """Checks a batch of identities and embeddings; returns the identities.

    Args:
        y_true: Identities, of shape `(batch,)` or `(batch, 1)`.
        y_pred: Embeddings, of shape `(batch, dim)`.

    Returns:
        Identities of shape `(batch,)`.

    Raises:
        ValueError: If the shapes are others, for example one-hot labels.
    """
    labels_fit = len(y_true.shape) == 1 or tuple(y_true.shape[1:]) == (1,)
    if not labels_fit or len(y_pred.shape) != 2:
        raise ValueError(
            "A triplet loss compares embeddings of shape `(batch, dim)` by "
            "integer identities of shape `(batch,)`. "
            f"Received: y_true.shape={tuple(y_true.shape)}, "
            f"y_pred.shape={tuple(y_pred.shape)}. "
            "Pass identities, not one-hot vectors, and flat embeddings."
        )
    return ops.reshape(y_true, (-1,))


def same_identity(identities):
    """Marks the pairs of rows that show the same identity, `(batch, batch)`."""
    return ops.equal(identities[:, None], identities[None, :])


def positive_pairs(identities):
    """Marks the pairs of *different* rows that show the same identity."""
    positions = ops.cumsum(ops.ones_like(identities))
    return ops.logical_and(
        same_identity(identities),
        ops.not_equal(positions[:, None], positions[None, :]),
    )


def negative_pairs(identities):
    """Marks the pairs of rows that show different identities."""
    return ops.logical_not(same_identity(identities))


def comparable_anchors(positives, negatives):
    """Marks the rows that have both a positive and a negative, `(batch,)`."""
    return ops.logical_and(
        ops.any(positives, axis=1), ops.any(negatives, axis=1)
    )


def masked_maximum(values, mask):
    """Takes each row's maximum where `mask` holds, else the row's minimum.

    Where a row of `mask` is empty, the result is the row's minimum: finite,
    and the value that tensorflow-addons gives.
    """
    lowest = ops.min(values, axis=-1, keepdims=True)
    return ops.max(ops.where(mask, values, lowest), axis=-1)


def masked_minimum(values, mask):
    """Takes each row's minimum where `mask` holds, else the row's maximum."""
    return -masked_maximum(-values, mask)


def addons_distances(embeddings, distance_metric):
    """Measures distances between all rows as tensorflow-addons names them.

    Args:
        embeddings: Float tensor of shape `(batch, dim)`.
        distance_metric: `"L2"`, `"squared-L2"`, `"angular"` (1 - cosine), or a
            callable that takes the embeddings and returns the matrix.

    Returns:
        Tensor of shape `(batch, batch)`, float32 or float64.
    """
    embeddings = at_least_float32(embeddings)
    if callable(distance_metric):
        return distance_metric(embeddings)
    if distance_metric == "angular":
        unit = l2_normalize(embeddings)
        return ops.relu(1 - ops.matmul(unit, ops.transpose(unit)))
    squared = distance_metric == "squared-L2"
    distances = pairwise_distances(embeddings, squared=squared)
    # Rounding leaves a row a little away from itself; the root enlarges it.
    positions = ops.cumsum(ops.ones_like(distances[:, 0]))
    away = ops.not_equal(positions[:, None], positions[None, :])
    return ops.where(away, distances, 0.0)


def check_distance_metric(distance_metric):
    """Raises unless `addons_distances` knows `distance_metric`."""
    known = ("L2", "squared-L2", "angular")
    if distance_metric not in known and not callable(distance_metric):
        raise ValueError(
            f"`distance_metric` must be one of {known} or a callable. "
            f"Received: distance_metric={distance_metric!r}. "
            "Pass one of these names, or a function of the embeddings that "
            "returns their distance matrix."
        )


def check_margin(margin):
    """Raises unless `margin` is a number that is not negative."""
    if isinstance(margin, bool | str) or not margin >= 0:
        raise ValueError(
            "`margin` must be a number that is not negative. "
            f"Received: margin={margin!r}. "
            "Pass for example `margin=0.3`."
        )
