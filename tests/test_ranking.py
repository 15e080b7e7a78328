import numpy as np
import pytest

from nfs_keras.evaluation import ranking


def true_ranks(row, items):
    order = sorted(range(len(row)), key=lambda g: (-row[g], g))
    return [order.index(item) + 1 for item in items]


def rank_many_rows(rows, matches):
    return [ranking.rank_many(row, matches) for row in rows]


@pytest.mark.parametrize("levels", [3, 50, 10**6])
@pytest.mark.parametrize("count", [ranking.rank_few, rank_many_rows])
def test_both_ways_of_counting_equal_a_stable_sort(count, levels, monkeypatch):
    monkeypatch.setattr(ranking, "CELLS", 64)  # many chunks
    rng = np.random.default_rng(levels)
    for num_rows in (1, 3):
        rows = rng.integers(0, levels, (num_rows, 700)).astype(np.float32)
        rows[:, ::7] = -np.inf
        visible = np.flatnonzero(np.arange(700) % 7)
        matches = np.sort(rng.choice(visible, 40, replace=False))
        expected = [true_ranks(row, matches) for row in rows.tolist()]
        np.testing.assert_array_equal(count(rows, matches), expected)


def test_many_matches_are_ranked_by_bisection(monkeypatch):
    def fail(rows, matches):
        raise AssertionError("compared every pair")

    monkeypatch.setattr(ranking, "rank_few", fail)
    matches = np.arange(ranking.MANY)
    rows = np.zeros((2, ranking.MANY + 5))
    ranks = ranking.rank_matches(rows, matches)
    np.testing.assert_array_equal(ranks, [matches + 1] * 2)


def test_an_identity_counts_once_however_many_images_it_has():
    row = np.array([9.0, 9, 8, 8, 7, 5])
    labels = np.array([0, 0, 1, 0, 2, 2])
    rank = ranking.rank_identity(row, np.array([4, 5]), labels, num_labels=3)
    assert rank == 3


def test_of_equal_identities_the_earlier_comes_first():
    row = np.ones(4)
    labels = np.array([2, 0, 1, 0])
    assert ranking.rank_identity(row, np.array([1, 3]), labels, 3) == 2


def test_counts_along_rows_of_any_length():
    rng = np.random.default_rng(0)
    for length in (1, 7, 8, 9, 200, 4099):
        mask = rng.random((5, length)) < 0.5
        np.testing.assert_array_equal(ranking.count_true(mask), mask.sum(1))
