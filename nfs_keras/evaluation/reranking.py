"""k-reciprocal re-ranking in memory that is linear in the images.

The published program keeps several (Q + G) x (Q + G) matrices. Each row of
them has a few dozen entries that are not zero, and only these are kept here;
similarities are computed in blocks.
"""

from typing import NamedTuple

import numpy as np

from nfs_keras.evaluation.nearest import best
from nfs_keras.evaluation.similarity import (
    GIBIBYTE,
    check_embeddings,
    row_scales,
    similarity_blocks,
    unit_rows,
)


class SparseRows(NamedTuple):
    """Rows that are mostly zero; row i is `start[i] : start[i + 1]`."""

    start: np.ndarray  # (N + 1,)
    columns: np.ndarray
    values: np.ndarray

    def row(self, i: int) -> slice:
        """Where row `i` lies in `columns` and `values`."""
        return slice(self.start[i], self.start[i + 1])


def rerank(
    query: np.ndarray,
    gallery: np.ndarray,
    k1: int = 20,
    k2: int = 6,
    weight: float = 0.3,
    memory: int = GIBIBYTE,
) -> np.ndarray:
    """Re-ranks by how many neighbours two images have in common.

    The distance between two images is a weighted sum of the squared Euclidean
    distance of their unit embeddings, divided by the image's greatest, and of
    the Jaccard distance of their sets of mutual neighbours. It uses all
    queries at once, which a deployed system cannot: report such scores under
    their own name, never beside scores without re-ranking.

    Args:
        query: (Q, D) embeddings.
        gallery: (G, D) embeddings; Q + G > `k1`.
        k1: Number of neighbours to compare.
        k2: Neighbours over which a set of neighbours is averaged.
        weight: Share of the Euclidean distance, in [0, 1].
        memory: Bytes for one block of similarities. The result takes Q x G
            numbers in addition.

    Returns:
        (Q, G) distances; `metrics_from_similarity(-distances, ...)` scores
        them.

    Reference: Zhong, Zheng, Cao, Li, "Re-ranking Person Re-identification
    with k-reciprocal Encoding", CVPR 2017.
    """
    query, gallery = check_embeddings(query, gallery)
    check_options(len(query) + len(gallery), k1, k2, weight)
    dtype = np.result_type(query.dtype, gallery.dtype, np.float32)
    images = np.concatenate(
        [
            unit_rows(side, row_scales(name, side), dtype)
            for name, side in (("query", query), ("gallery", gallery))
        ]
    )
    nearest, farthest = neighbours(images, k1 + 1, memory)
    sets = encode_neighbours(images, nearest, farthest, k1)
    if k2 > 1:
        sets = average_rows(sets, nearest[:, :k2])
    result = np.empty((len(query), len(gallery)), dtype)
    blocks = similarity_blocks(
        images[: len(query)], images[len(query) :], memory
    )
    for rows, block in blocks:
        np.subtract(1, block, out=block)
        block *= (2 * weight / farthest[rows])[:, None]
        result[rows] = block
    add_jaccard(result, sets, 1 - weight)
    return result


def neighbours(images, k, memory):
    """Finds each image's `k` nearest, itself included, and its farthest.

    Returns (N, k) indices and (N,) greatest squared distances.
    """
    nearest = np.empty((len(images), k), np.int64)
    farthest = np.empty(len(images), images.dtype)
    for rows, block in similarity_blocks(images, images, memory):
        nearest[rows] = [best(row, k) for row in block]
        farthest[rows] = 2 - 2 * block.min(axis=1)
    # If all images are equal, every distance is 0 and stays 0.
    return nearest, np.where(farthest > 0, farthest, 1)


def encode_neighbours(images, nearest, farthest, k1):
    """Encodes each image as soft membership of its mutual neighbours."""
    half = nearest[:, : int(np.around(k1 / 2)) + 1]
    mutual, mutual_half = are_mutual(nearest), are_mutual(half)
    sizes = mutual_half.sum(axis=1)
    rows = []
    for i, (near, seen) in enumerate(zip(nearest, mutual, strict=True)):
        core = near[seen]
        shared = mutual_half[core] & np.isin(half[core], core)
        joins = shared.sum(axis=1) > 2 / 3 * sizes[core]
        joined = core[joins]
        columns = np.union1d(core, half[joined][mutual_half[joined]])
        distances = (2 - 2 * (images[columns] @ images[i])) / farthest[i]
        values = np.exp(-distances.astype(float))
        rows.append((columns, values / values.sum()))
    return pack(rows)


def are_mutual(nearest):
    """(N, k) bool: whether image i is in turn a neighbour of `nearest[i]`."""
    return np.stack(
        [(nearest[near] == i).any(axis=1) for i, near in enumerate(nearest)]
    )


def average_rows(sets, groups):
    """Averages the rows of each group of images."""
    rows = []
    for group in groups:
        parts = [sets.row(i) for i in group]
        columns = np.concatenate([sets.columns[part] for part in parts])
        values = np.concatenate([sets.values[part] for part in parts])
        columns, where = np.unique(columns, return_inverse=True)
        rows.append((columns, np.bincount(where, values) / len(group)))
    return pack(rows)


def pack(rows):
    columns, values = zip(*rows, strict=True)
    start = np.cumsum([0, *map(len, columns)])
    return SparseRows(start, np.concatenate(columns), np.concatenate(values))


def add_jaccard(result, sets, weight):
    """Adds the weighted Jaccard distance of every query and gallery image."""
    queries, num_gallery = result.shape
    first = sets.start[queries]
    num = len(sets.start) - 1
    # Gallery entries by column: for each neighbour, the images that have it.
    owners = np.repeat(np.arange(num_gallery), np.diff(sets.start[queries:]))
    order = np.argsort(sets.columns[first:], kind="stable")
    values = sets.values[first:][order]
    owners = owners[order]
    ends = np.cumsum(np.bincount(sets.columns[first:], minlength=num))
    starts = np.concatenate([[0], ends[:-1]])
    for i in range(queries):
        columns = sets.columns[sets.row(i)]
        lengths = ends[columns] - starts[columns]
        mine = np.repeat(sets.values[sets.row(i)], lengths)
        offsets = np.repeat(
            starts[columns] - np.cumsum(lengths) + lengths, lengths
        )
        where = offsets + np.arange(len(offsets))
        smaller = np.minimum(mine, values[where])
        overlap = np.bincount(owners[where], smaller, num_gallery)
        result[i] += weight * (1 - overlap / (2 - overlap))


def check_options(num_images, k1, k2, weight):
    if not (1 <= k2 <= k1 + 1 <= num_images and 0 <= weight <= 1):
        raise ValueError(
            "Re-ranking needs 1 <= k2 <= k1 + 1 <= images and a weight in "
            "[0, 1]. "
            f"Received: k1={k1}, k2={k2}, weight={weight}, "
            f"images={num_images}. "
            "Lower k1 for so few images."
        )
