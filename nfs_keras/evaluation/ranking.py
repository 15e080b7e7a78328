"""Ranks of true matches by counting, without sorting the gallery.

In a list sorted by descending similarity, ties in gallery order, the rank of
item j is one more than the number of items that *beat* it:

    s[i] > s[j],  or  s[i] == s[j] and i < j.

So an item before j beats it with `>=` and an item after j with `>`: one
comparison and one count per item, whatever ties there are. A query has few
true matches, hence this is far less work than a sort.
"""

import numpy as np

CHUNK = 2**15  # gallery items at a time: what stays in a core's own cache


def rank_matches(row: np.ndarray, matches: np.ndarray) -> np.ndarray:
    """Finds the 1-based ranks of some items of one ranking.

    Args:
        row: (G,) similarities of a query to the gallery; `-inf` for images
            that the query may not see.
        matches: (M,) gallery indices, none of them hidden.

    Returns:
        (M,) int64 ranks.
    """
    ranks = np.ones(len(matches), np.int64)
    items = list(zip(matches.tolist(), row[matches].tolist(), strict=True))
    for start in range(0, len(row), CHUNK):
        chunk = row[start : start + CHUNK]
        mask = np.empty(len(chunk), bool)
        for n, (column, similarity) in enumerate(items):
            beats(chunk, column - start, similarity, mask)
            ranks[n] += np.count_nonzero(mask)
    return ranks


def rank_identity(
    row: np.ndarray, matches: np.ndarray, labels: np.ndarray, num_labels: int
) -> int:
    """Finds the rank of the best match in a list of identities.

    Only the first occurrence of each identity stays in the list, so the rank
    is one more than the number of distinct identities among the items that
    beat the best match.

    Args:
        row: (G,) similarities; `-inf` for images that the query may not see.
        matches: (M,) ascending gallery indices of the true matches.
        labels: (G,) identity of each gallery image, `0 .. num_labels - 1`.
        num_labels: Number of identities in the gallery.

    Returns:
        The 1-based rank.
    """
    best = matches[np.argmax(row[matches])]  # the first of equals
    mask = beats(row, best, row[best].item(), np.empty(len(row), bool))
    ahead = np.zeros(num_labels, bool)
    ahead[labels[mask]] = True
    return 1 + np.count_nonzero(ahead)


def beats(
    row: np.ndarray, column: int, similarity: float, mask: np.ndarray
) -> np.ndarray:
    """Marks, in `mask`, the items of `row` that beat the item at `column`.

    `column` counts from the start of `row` and may lie outside of it.
    """
    column = min(max(column, 0), len(row))
    np.greater_equal(row[:column], similarity, out=mask[:column])
    np.greater(row[column:], similarity, out=mask[column:])
    return mask
