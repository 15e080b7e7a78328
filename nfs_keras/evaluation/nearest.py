"""Finds the nearest gallery items of each query, also among millions."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from nfs_keras.evaluation.similarity import (
    GIBIBYTE,
    check_embeddings,
    similarity_blocks,
)


def top_k(
    query: np.ndarray,
    gallery: np.ndarray,
    k: int,
    memory: int = GIBIBYTE,
    threads: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Finds the `k` most similar gallery items of every query, exactly.

    Similarity is the cosine, as in `retrieval_metrics`.

    Args:
        query: (Q, D) embeddings, float32 or float64.
        gallery: (G, D) embeddings; may be a `numpy.memmap`.
        k: How many to find, at most G.
        memory: Bytes for one block of similarities.
        threads: Threads that search. Defaults to one per core.

    Returns:
        (Q, k) similarities, descending, and (Q, k) int64 gallery indices.
        Of equal similarities the earlier gallery item comes first.

    Raises:
        ValueError: If `k` is not in 1 .. G; otherwise as
            `retrieval_metrics`.
    """
    query, gallery = check_embeddings(query, gallery)
    if not 1 <= k <= len(gallery):
        raise ValueError(
            f"`k` lies between 1 and the {len(gallery):,} items of the "
            f"gallery. Received: k={k}. "
            "Pass a smaller `k`."
        )
    found = []
    with ThreadPoolExecutor(threads or os.cpu_count()) as pool:
        for _, block in similarity_blocks(query, gallery, memory):
            indices = np.stack([*pool.map(lambda row: best(row, k), block)])
            found.append((np.take_along_axis(block, indices, 1), indices))
    similarities, indices = zip(*found, strict=True)
    return np.concatenate(similarities), np.concatenate(indices)


def best(row: np.ndarray, k: int) -> np.ndarray:
    """Finds the `k` greatest of `row`, descending, ties in order of index.

    Only items better than the k-th best so far are sorted. Each part of the
    row is as long as all before it, so it holds about k such items.
    """
    stop = min(max(4 * k, 1024), len(row))
    kept = descending(row, np.arange(stop))[:k]
    while stop < len(row):
        start, stop = stop, min(2 * stop, len(row))
        better = start + np.flatnonzero(row[start:stop] > row[kept[-1]])
        kept = descending(row, np.concatenate([kept, better]))[:k]
    return kept


def descending(row, indices):
    """Sorts `indices` by descending similarity; ties keep their order."""
    return indices[np.argsort(-row[indices], kind="stable")]
