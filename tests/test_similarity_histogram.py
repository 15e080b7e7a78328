import numpy as np
import pytest
from figure_checks import check_figure

from nfs_keras.report import similarity_histogram
from nfs_keras.report.similarity_histogram import (
    MAX_BARS,
    NUM_BINS,
    merge_bins,
    plot_similarity_histogram,
    similarity_counts,
)


@pytest.fixture
def pictures():
    rng = np.random.default_rng(0)
    query, gallery = rng.normal(size=(30, 5)), rng.normal(size=(40, 5))
    return query, gallery, rng.integers(0, 6, 30), rng.integers(0, 6, 40)


def test_counts_agree_with_a_loop_over_pairs(pictures):
    query, gallery, query_identities, gallery_identities = pictures
    values = {True: [], False: []}
    for x, a in zip(query, query_identities, strict=True):
        for y, b in zip(gallery, gallery_identities, strict=True):
            length = np.linalg.norm(x) * np.linalg.norm(y)
            values[bool(a == b)].append(x @ y / length)
    counts = similarity_counts(*pictures)
    for found, same in zip(counts, (True, False), strict=True):
        expected, _ = np.histogram(values[same], NUM_BINS, (-1, 1))
        np.testing.assert_array_equal(found, expected)


def test_the_size_of_a_block_does_not_matter(pictures, monkeypatch):
    whole = similarity_counts(*pictures)
    monkeypatch.setattr(similarity_histogram, "BLOCK", 7)
    np.testing.assert_array_equal(similarity_counts(*pictures), whole)


def test_equal_and_opposite_pictures_fall_into_the_last_bins():
    one = np.array([[3.0, 4.0]])
    same, different = similarity_counts(
        one, np.concatenate([one, -one]), np.array([1]), np.array([1, 2])
    )
    assert same[-1] == 1 and different[0] == 1


def test_merging_loses_no_pair_and_draws_few_bars(pictures):
    counts = similarity_counts(*pictures)
    edges, *merged = merge_bins(*counts)
    for before, after in zip(counts, merged, strict=True):
        assert after.sum() == before.sum()
    assert len(merged[0]) <= MAX_BARS
    assert len(edges) == len(merged[0]) + 1


def test_similarities_close_together_are_still_told_apart():
    query = np.array([[1.0, 0.0]])
    angles = np.linspace(0.3, 0.35, 50)
    gallery = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    people = np.arange(50)
    counts = similarity_counts(query, gallery, np.array([0]), people)
    _, _, different = merge_bins(*counts)
    assert np.count_nonzero(different) > 10


def test_the_figure_is_legible(pictures):
    check_figure(plot_similarity_histogram(*pictures, threshold=0.5))


def test_people_without_a_match_are_drawn(pictures):
    query, gallery, query_identities, _ = pictures
    strangers = np.full(len(gallery), 99)
    check_figure(
        plot_similarity_histogram(query, gallery, query_identities, strangers)
    )
