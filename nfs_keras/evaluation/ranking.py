"""Ranks of true matches by counting, without sorting the gallery.

In a list sorted by descending similarity, ties in gallery order, the rank of
item j is one more than the number of items that *beat* it:

    s[i] > s[j],  or  s[i] == s[j] and i < j.

So an item before j beats it with `>=` and an item after j with `>`: one
comparison and one count per item, whatever ties there are. A query has few
true matches, hence this is much faster than a sort. Where it has many, each
gallery item is placed among them by bisection instead.
"""

import numpy as np

CELLS = 2**20  # comparisons at a time: they fit into a core's cache
MANY = 192  # from this number of true matches on, bisection is faster


def score_group(rows, queries, truth):
    """Scores rankings that share their matches: (R, 3), NaN where skipped."""
    scores = np.full((len(rows), 3), np.nan)
    matches = truth.matches(queries[0])
    if len(matches):
        for columns in truth.hidden(queries[0]):
            rows[:, columns] = -np.inf
        ranks = np.sort(rank_matches(rows, matches), axis=1)
        precision = np.arange(1, len(matches) + 1) / ranks
        scores[:, 0] = first_ranks(rows, matches, ranks[:, 0], truth)
        scores[:, 1] = precision.mean(axis=1)
        scores[:, 2] = precision[:, -1]
    return scores


def first_ranks(rows, matches, first, truth):
    """Converts the ranks of the best matches to the unit of the CMC curve."""
    if truth.protocol.counts == "images":
        return first
    labels, num = truth.gallery_labels, len(truth.identities)
    return [
        1 if rank == 1 else rank_identity(row, matches, labels, num)
        for row, rank in zip(rows, first, strict=True)
    ]


def rank_matches(rows: np.ndarray, matches: np.ndarray) -> np.ndarray:
    """Finds the 1-based ranks of the same items in several rankings.

    Args:
        rows: (R, G) similarities of R queries to the gallery; `-inf` for
            excluded images.
        matches: (M,) gallery indices, none of them hidden.

    Returns:
        (R, M) int64 ranks.
    """
    if len(matches) < MANY:
        return rank_few(rows, matches)
    return np.stack([rank_many(row, matches) for row in rows])


def rank_few(rows, matches):
    """Compares every gallery item with every match."""
    ranks = np.ones((len(matches), len(rows)), np.int64)
    similarities = rows[:, matches].T[..., None]  # (M, R, 1)
    width = max(CELLS // ranks.size, 512)
    for start in range(0, rows.shape[1], width):
        part = rows[:, start : start + width]
        masks = np.empty((len(matches), *part.shape), bool)
        columns = (matches - start).tolist()
        for beaten in zip(columns, similarities, masks, strict=True):
            beats(part, *beaten)
        ranks += count_true(masks)
    return ranks.T


def rank_many(row, matches):
    """Places every gallery item among the matches of one query."""
    num = len(row) + 1
    order = np.lexsort((-matches, row[matches]))  # the worst match first
    matches = matches[order]
    similarities = row[matches]
    # One integer per match that sorts as (similarity, -index) does.
    keys = np.searchsorted(similarities, similarities) * num - matches
    beaten = np.zeros(len(matches) + 1, np.int64)
    for start in range(0, len(row), CELLS):
        part = row[start : start + CELLS]
        place = np.searchsorted(similarities, part)
        equal = similarities[np.minimum(place, len(matches) - 1)] == part
        ties = np.flatnonzero(equal)
        tie_keys = place[ties] * num - (ties + start)
        place[ties] = np.searchsorted(keys, tie_keys)
        beaten += np.bincount(place, minlength=len(beaten))
    ranks = np.empty(len(matches), np.int64)
    ranks[order] = 1 + np.cumsum(beaten[:0:-1])[::-1]
    return ranks


def rank_identity(
    row: np.ndarray, matches: np.ndarray, labels: np.ndarray, num_labels: int
) -> int:
    """Finds the rank of the best match in a list of identities.

    Only the first occurrence of each identity stays in the list, so the rank
    is one more than the number of distinct identities among the items that
    beat the best match.

    Args:
        row: (G,) similarities; `-inf` for excluded images.
        matches: (M,) ascending gallery indices of the true matches.
        labels: (G,) identity of each gallery image, `0 .. num_labels - 1`.
        num_labels: Number of identities in the gallery.

    Returns:
        The 1-based rank.
    """
    best = matches[np.argmax(row[matches])]  # the first of equals
    mask = beats(row, best, row[best], np.empty(len(row), bool))
    ahead = np.zeros(num_labels, bool)
    ahead[labels[mask]] = True
    return 1 + np.count_nonzero(ahead)


def beats(
    rows: np.ndarray, column: int, similarity: np.ndarray, mask: np.ndarray
) -> np.ndarray:
    """Marks in `mask` the items of `rows` that beat the item at `column`.

    `column` counts from the start of the rows and may lie outside of them.
    """
    column = min(max(column, 0), rows.shape[-1])
    before, after = rows[..., :column], rows[..., column:]
    np.greater_equal(before, similarity, out=mask[..., :column])
    np.greater(after, similarity, out=mask[..., column:])
    return mask


def count_true(mask: np.ndarray) -> np.ndarray:
    """Counts along the last axis, faster than `numpy.count_nonzero` does."""
    words = np.bitwise_count(np.packbits(mask, axis=-1))
    return words.sum(axis=-1, dtype=np.int64)
