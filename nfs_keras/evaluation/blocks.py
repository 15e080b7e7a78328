"""Similarities in blocks of queries, so that memory stays bounded."""

from collections.abc import Iterator

import numpy as np

TILE = 2**14  # gallery rows that are normalised at a time


def similarity_blocks(
    query: np.ndarray, gallery: np.ndarray, memory: int
) -> Iterator[tuple[int, np.ndarray]]:
    """Yields the cosine similarities of a few queries to the whole gallery.

    Every row of a block is a whole ranking; a block is as high as `memory`
    allows. The array is reused for the next block.

    Args:
        query: (Q, D) finite embeddings.
        gallery: (G, D) finite embeddings.
        memory: Bytes that a block may take.

    Yields:
        Pairs of the first query's index and a (b, G) float array.
    """
    dtype = np.result_type(query.dtype, gallery.dtype, np.float32)
    query = unit_rows(query, row_scales(query), dtype)
    scales = row_scales(gallery)
    height = block_height(memory, len(gallery), dtype, len(query))
    buffer = np.empty((height, len(gallery)), dtype)
    for start in range(0, len(query), height):
        rows = query[start : start + height]
        block = buffer[: len(rows)]
        multiply(rows, gallery, scales, block)
        yield start, block


def multiply(rows, gallery, scales, block):
    """Writes the similarities of `rows` to the gallery into `block`."""
    if scales is None and gallery.dtype == block.dtype:
        np.matmul(rows, gallery.T, out=block)
        return
    for start in range(0, len(gallery), TILE):
        part = slice(start, start + TILE)
        scale = None if scales is None else scales[part]
        tile = unit_rows(gallery[part], scale, block.dtype)
        np.matmul(rows, tile.T, out=block[:, part])


def block_height(memory, num_gallery, dtype, num_queries):
    """Counts the rankings that fit into `memory` bytes."""
    width = num_gallery * np.dtype(dtype).itemsize
    if memory < width:
        raise ValueError(
            "`memory` must hold at least one ranking of the gallery, "
            f"{width:,} bytes. "
            f"Received: memory={memory}. "
            "Raise it; the embeddings themselves take more than that."
        )
    return max(1, min(num_queries, memory // width))


def row_scales(embeddings):
    """Finds what each row is multiplied by, or `None` for unit rows."""
    norms = np.concatenate(
        [
            np.linalg.norm(embeddings[i : i + TILE], axis=1)
            for i in range(0, len(embeddings), TILE)
        ]
    )
    if np.all(np.abs(norms - 1) <= 4 * np.finfo(norms.dtype).eps):
        return None
    return 1 / np.maximum(norms, np.finfo(norms.dtype).tiny)


def unit_rows(embeddings, scales, dtype):
    """Scales rows to length 1."""
    embeddings = embeddings.astype(dtype, copy=False)
    if scales is None:
        return embeddings
    return embeddings * scales.astype(dtype, copy=False)[:, None]
