"""Similarities in blocks of queries, so that memory stays bounded.

A block holds whole rankings, a row of G numbers per query. A row is D times
smaller than the gallery's embeddings, which the caller holds already, so
memory can be bounded without splitting a ranking.
"""

from collections.abc import Iterator

import numpy as np

GIBIBYTE = 2**30
TILE = 2**14  # embeddings at a time

Blocks = Iterator[tuple[slice, np.ndarray]]


def similarity_blocks(
    query: np.ndarray, gallery: np.ndarray, memory: int
) -> Blocks:
    """Yields the cosine similarities of a few queries to the whole gallery.

    Args:
        query: (Q, D) embeddings.
        gallery: (G, D) embeddings.
        memory: Bytes that a block may take.

    Yields:
        Pairs: a slice of the queries, and their (b, G) similarities in an
        array that is overwritten by the next block.
    """
    dtype = np.result_type(query.dtype, gallery.dtype, np.float32)
    query = unit_rows(query, row_scales("query", query), dtype)
    squares = squared_lengths("gallery", gallery)
    scales = scales_of(squares, gallery.dtype)
    repeats, originals = find_repeats(gallery, squares)
    height = block_height(memory, len(gallery), dtype, len(query))
    buffer = np.empty((height, len(gallery)), dtype)
    for start in range(0, len(query), height):
        rows = slice(start, min(start + height, len(query)))
        block = buffer[: rows.stop - start]
        multiply(query[rows], gallery, scales, block)
        # A product rounds equal rows differently at different places.
        block[:, repeats] = block[:, originals]
        yield rows, block


def copied_blocks(
    similarity: np.ndarray, order: np.ndarray, memory: int
) -> Blocks:
    """Yields copies of rows of a finished matrix, in the given order."""
    queries, width = similarity.shape
    dtype = np.result_type(similarity.dtype, np.float32)
    height = block_height(memory, width, dtype, queries)
    for start in range(0, queries, height):
        rows = slice(start, min(start + height, queries))
        block = np.asarray(similarity[order[rows]], dtype)
        check_finite(block, order[rows])
        yield rows, block


def multiply(query, gallery, scales, block):
    """Writes the products of unit queries and the gallery into `block`."""
    if scales is None and gallery.dtype == block.dtype:
        np.matmul(query, gallery.T, out=block)
        return
    for start in range(0, len(gallery), TILE):
        part = slice(start, start + TILE)
        scale = None if scales is None else scales[part]
        tile = unit_rows(gallery[part], scale, block.dtype)
        np.matmul(query, tile.T, out=block[:, part])


def block_height(memory, num_gallery, dtype, num_queries):
    """Counts the rankings that fit into `memory` bytes."""
    width = num_gallery * np.dtype(dtype).itemsize
    if memory < width:
        raise ValueError(
            "`memory` holds at least one ranking of the gallery, "
            f"{width:,} bytes. "
            f"Received: memory={memory}. "
            "Raise it; the embeddings themselves take more than that."
        )
    return min(num_queries, memory // width)


def row_scales(name: str, embeddings: np.ndarray) -> np.ndarray | None:
    """Computes the factor that scales each row to length 1.

    Returns:
        (N,) float64 factors, 1 for rows of zeros; `None` if all rows have
        length 1 within a few roundings of their dtype and stay as they are.
    """
    return scales_of(squared_lengths(name, embeddings), embeddings.dtype)


def squared_lengths(name: str, embeddings: np.ndarray) -> np.ndarray:
    """Sums the squares of each row in float64; NaN and infinity raise."""
    squares = np.empty(len(embeddings))
    for start in range(0, len(embeddings), TILE):
        tile = embeddings[start : start + TILE]
        part = squares[start : start + TILE]
        np.einsum("nd,nd->n", tile, tile, dtype=float, out=part)
    check_lengths(name, squares)
    return squares


def scales_of(squares, dtype):
    lengths = np.sqrt(squares)
    eps = np.finfo(np.result_type(dtype, np.float32)).eps
    if np.all(np.abs(lengths - 1) <= 4 * eps):
        return None
    return 1 / np.where(lengths > 0, lengths, 1)


def find_repeats(
    embeddings: np.ndarray, squares: np.ndarray
) -> tuple[list[int], list[int]]:
    """Finds rows that equal an earlier row bit for bit, and that row.

    Only rows of equal length are compared, so this is fast.
    """
    order = np.argsort(squares, kind="stable")
    equal = np.diff(squares[order]) == 0
    first, repeats, originals = {}, [], []
    for i in order[np.r_[equal, False] | np.r_[False, equal]]:
        original = first.setdefault(embeddings[i].tobytes(), i)
        if original != i:
            repeats.append(i)
            originals.append(original)
    return repeats, originals


def unit_rows(embeddings, scales, dtype):
    """Scales rows to length 1."""
    embeddings = embeddings.astype(dtype, copy=False)
    if scales is None:
        return embeddings
    return embeddings * scales.astype(dtype)[:, None]


def check_lengths(name, squares):
    """Raises `ValueError` for rows whose length is NaN or infinite."""
    bad = np.flatnonzero(~np.isfinite(squares))
    if len(bad):
        raise ValueError(
            f"`{name}` embeddings must be finite. "
            f"Received: {len(bad):,} of {len(squares):,} rows with NaN or "
            f"infinity, the first at index {bad[0]}. "
            "Check that image, and the network's weights."
        )


def check_finite(block, queries):
    """Raises `ValueError` for similarities that are NaN or infinite."""
    bad = ~np.isfinite(block)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise ValueError(
            "`similarity` must be finite. "
            f"Received: similarity[{queries[row]}, {column}]"
            f"={block[row, column]}. "
            "Use the camera rules of a `Protocol` to exclude images."
        )


def check_embeddings(
    query: np.ndarray, gallery: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Returns two sets of embeddings as arrays that can be compared."""
    query = check_matrix("query", query)
    gallery = check_matrix("gallery", gallery)
    if query.shape[1] != gallery.shape[1]:
        raise ValueError(
            "Query and gallery embeddings must have the same dimension. "
            f"Received: query.shape={query.shape}, "
            f"gallery.shape={gallery.shape}. "
            "Embed both with the same network."
        )
    return query, gallery


def check_matrix(name: str, embeddings: np.ndarray) -> np.ndarray:
    """Returns (N, D) embeddings with N > 0."""
    embeddings = np.asarray(embeddings)
    if embeddings.ndim != 2 or not embeddings.size:
        raise ValueError(
            f"`{name}` is a non-empty (images, dimension) matrix. "
            f"Received: {name}.shape={embeddings.shape}. "
            "Check whether the dataset is empty and whether embeddings are "
            "flat."
        )
    return embeddings
