import numpy as np
import pytest
from figure_checks import check_figure

from nfs_keras.datasets import Sample
from nfs_keras.report import rank_lists
from nfs_keras.report.rank_lists import (
    find_rank_lists,
    plot_rank_lists,
    query_margins,
)

RNG = np.random.default_rng(0)
QUERY, GALLERY = RNG.normal(size=(25, 6)), RNG.normal(size=(60, 6))
ASKED, KNOWN = np.arange(25) % 8, np.arange(60) % 9
PAIRS = (QUERY, GALLERY, ASKED, KNOWN)


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def test_margins_agree_with_a_loop():
    similarity = unit(QUERY) @ unit(GALLERY).T
    expected = [
        row[person == KNOWN].max() - row[person != KNOWN].max()
        for row, person in zip(similarity, ASKED, strict=True)
    ]
    np.testing.assert_allclose(query_margins(*PAIRS), expected, atol=1e-6)


def test_the_size_of_a_block_does_not_matter(monkeypatch):
    whole = query_margins(*PAIRS)
    monkeypatch.setattr(rank_lists, "BLOCK", 4)
    np.testing.assert_allclose(query_margins(*PAIRS), whole, atol=1e-6)


def test_answers_are_the_most_similar_first():
    similarity = unit(QUERY) @ unit(GALLERY).T
    for ranks in sum(find_rank_lists(*PAIRS), []):
        expected = np.argsort(-similarity[ranks.query])[:10]
        np.testing.assert_array_equal(ranks.gallery, expected)
        same = KNOWN[expected] == ASKED[ranks.query]
        np.testing.assert_array_equal(ranks.correct, same)
        assert ranks.correct[0] == (ranks.margin > 0)


def test_the_worst_have_the_least_margins_each_of_another_person():
    lists, _ = find_rank_lists(*PAIRS, num_worst=8)
    people = [ASKED[x.query] for x in lists]
    assert sorted(people) == list(range(8))
    margins = query_margins(*PAIRS)
    least = sorted(margins[ASKED == person].min() for person in range(8))
    np.testing.assert_allclose([x.margin for x in lists], least, 1e-5)


def test_the_best_have_the_greatest_margins():
    _, (best,) = find_rank_lists(*PAIRS)
    greatest = query_margins(*PAIRS).max()
    np.testing.assert_allclose(best.margin, greatest, 1e-5)


def test_queries_without_a_match_are_passed_over():
    asked = np.where(ASKED == 0, 99, ASKED)
    lists, _ = find_rank_lists(QUERY, GALLERY, asked, KNOWN, num_worst=99)
    assert 99 not in {asked[x.query] for x in lists}
    assert len(lists) == 7


def test_excluded_pictures_are_no_answers():
    cameras = np.arange(60) % 2

    def excluded(rows):
        return np.tile(cameras == 0, (len(rows), 1))

    lists, _ = find_rank_lists(*PAIRS, excluded=excluded)
    for ranks in lists:
        assert np.all(cameras[ranks.gallery] == 1)


def test_a_small_gallery_has_short_lists():
    lists, _ = find_rank_lists(QUERY, GALLERY[:4], ASKED, KNOWN[:4])
    assert {len(x.gallery) for x in lists} == {4}


@pytest.mark.parametrize("num_lists", [1, 3])
def test_the_figure_is_legible_and_its_files_are_named(num_lists):
    lists, _ = find_rank_lists(*PAIRS, num_worst=num_lists)
    query = [Sample(f"q/{k}.png", k, 3, "infrared") for k in ASKED]
    gallery = [Sample(f"g/{k}.png", k, 1, "visible") for k in KNOWN]
    figure, names = plot_rank_lists(lists, query, gallery)
    check_figure(figure)
    expected = [
        [query[x.query].path, *(gallery[k].path for k in x.gallery)]
        for x in lists
    ]
    assert names == expected
