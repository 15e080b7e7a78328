"""Checks what goes into a gallery, before any of it is written."""

import collections
import numbers

import numpy as np

ID_LENGTH = 1024  # bytes
CALL_BYTES = 16 * 2**20  # a quarter of what a Milvus server accepts


def check_embeddings(embeddings, size, dim=None):
    """Returns embeddings as a float32 array (N, D).

    Args:
        embeddings: What should be such an array.
        size: Int. N.
        dim: Int. D, or `None` if any will do.

    Raises:
        ValueError: If the shape is wrong, or a row has no direction: zero
            (the embedding of a broken picture), infinite or not a number.
    """
    embeddings = np.asarray(embeddings, "float32")
    wanted = (size, dim or embeddings.shape[-1])
    if embeddings.ndim != 2 or embeddings.shape != wanted:
        raise ValueError(
            f"Embeddings need the shape ({size}, {dim or 'D'}). "
            f"Received: embeddings.shape={embeddings.shape}. "
            "Give one row per picture, of the model that fills this gallery."
        )
    norms = np.linalg.norm(embeddings, axis=1)
    wrong = np.flatnonzero(~(np.isfinite(norms) & (norms > 0)))
    if wrong.size:
        raise ValueError(
            "An embedding must be finite and not zero. "
            f"Received: {wrong.size} others, the first in row {wrong[0]}. "
            "Drop pictures that the model marked as not valid."
        )
    return embeddings


def check_gallery_ids(ids):
    """Returns ids as a list of strings.

    Raises:
        ValueError: If an id repeats, is empty, too long or not a string.
    """
    ids = list(ids)
    wrong = [
        x
        for x in ids
        if not isinstance(x, str) or not 0 < len(x.encode()) <= ID_LENGTH
    ]
    if wrong:
        raise ValueError(
            f"An id is a string of 1 to {ID_LENGTH} bytes. "
            f"Received: {len(wrong)} others, such as {wrong[0]!r:.80}. "
            "Give each picture a short name."
        )
    if len(set(ids)) < len(ids):
        twice = [x for x, n in collections.Counter(ids).items() if n > 1]
        raise ValueError(
            "An id may appear once in a call. "
            f"Received: {len(twice)} repeated ids, such as {twice[0]!r}. "
            "Keep one picture of each."
        )
    return ids


def spread(name, values, size):
    """Returns a list of N values; a single value is repeated N times."""
    if values is None or isinstance(values, str | numbers.Integral):
        values = [values] * size
    values = [int(x) if isinstance(x, numbers.Integral) else x for x in values]
    if len(values) != size:
        raise ValueError(
            f"`{name}` needs one value for each of the {size} ids. "
            f"Received: {len(values)} values. "
            "Use `None` where a value is unknown."
        )
    return values


def row_chunks(columns):
    """Yields lists of row dicts, each small enough for one call."""
    names = list(columns)
    size = max(1, CALL_BYTES // (columns["embedding"].shape[1] * 4 + ID_LENGTH))
    for start in range(0, len(columns["id"]), size):
        parts = [columns[name][start : start + size] for name in names]
        yield [
            dict(zip(names, row, strict=True))
            for row in zip(*parts, strict=True)
        ]
