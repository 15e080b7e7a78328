"""Finds the positive and negative pairs of a batch, and their distances."""

from keras import ops

from nfs_keras.ops import at_least_float32, l2_normalize, pairwise_distances


def same_identity(identities):
    """Marks the pairs of rows that show the same identity, `(batch, batch)`."""
    return ops.equal(identities[:, None], identities[None, :])


def positive_pairs(identities):
    """Marks the pairs of *different* rows that show the same identity."""
    return ops.logical_and(
        same_identity(identities), different_rows(identities)
    )


def negative_pairs(identities):
    """Marks the pairs of rows that show different identities."""
    return ops.logical_not(same_identity(identities))


def different_rows(vector):
    """Marks all pairs of rows but each row with itself, `(batch, batch)`."""
    # `arange` and `eye` require a size that is known before the batch is.
    positions = ops.cumsum(ops.ones_like(vector))
    return ops.not_equal(positions[:, None], positions[None, :])


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
    return ops.where(different_rows(distances[:, 0]), distances, 0.0)
