import numpy as np
import pytest
from figure_checks import check_figure

from nfs_keras.report import embeddings
from nfs_keras.report.embeddings import (
    MAX_BARS,
    NUM_BINS,
    embedding_map,
    merge_bins,
    plot_embedding_map,
    plot_similarity_histogram,
    sample_identities,
    similarity_counts,
)

PEOPLE = np.repeat(np.arange(9), 8)
EMBEDDINGS = np.random.default_rng(0).normal(size=(72, 9))
EMBEDDINGS += 9 * np.eye(9)[PEOPLE]
MODALITIES = np.tile(["visible", "infrared"], 36)


@pytest.fixture
def images():
    rng = np.random.default_rng(0)
    query, gallery = rng.normal(size=(30, 5)), rng.normal(size=(40, 5))
    return query, gallery, rng.integers(0, 6, 30), rng.integers(0, 6, 40)


def test_counts_agree_with_a_loop_over_pairs(images):
    query, gallery, query_identities, gallery_identities = images
    values = {True: [], False: []}
    for x, a in zip(query, query_identities, strict=True):
        for y, b in zip(gallery, gallery_identities, strict=True):
            length = np.linalg.norm(x) * np.linalg.norm(y)
            values[bool(a == b)].append(x @ y / length)
    counts = similarity_counts(*images)
    for found, same in zip(counts, (True, False), strict=True):
        expected, _ = np.histogram(values[same], NUM_BINS, (-1, 1))
        np.testing.assert_array_equal(found, expected)


def test_the_size_of_a_block_does_not_matter(images, monkeypatch):
    whole = similarity_counts(*images)
    monkeypatch.setattr(embeddings, "MEMORY", 7 * 40 * 8)
    np.testing.assert_array_equal(similarity_counts(*images), whole)


def test_equal_and_opposite_images_fall_into_the_last_bins():
    one = np.array([[3.0, 4.0]])
    same, different = similarity_counts(
        one, np.concatenate([one, -one]), np.array([1]), np.array([1, 2])
    )
    assert same[-1] == 1 and different[0] == 1


def test_merging_loses_no_pair_and_leaves_few_bars(images):
    counts = similarity_counts(*images)
    edges, *merged = merge_bins(*counts)
    for before, after in zip(counts, merged, strict=True):
        assert after.sum() == before.sum()
    assert len(merged[0]) <= MAX_BARS
    assert len(edges) == len(merged[0]) + 1


def test_similarities_close_together_are_still_distinguished():
    query = np.array([[1.0, 0.0]])
    angles = np.linspace(0.3, 0.35, 50)
    gallery = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    people = np.arange(50)
    counts = similarity_counts(query, gallery, np.array([0]), people)
    _, _, different = merge_bins(*counts)
    assert np.count_nonzero(different) > 10


def test_the_histogram_is_legible(images):
    check_figure(plot_similarity_histogram(*images, threshold=0.5))


def test_people_without_a_match_are_plotted(images):
    query, gallery, query_identities, _ = images
    strangers = np.full(len(gallery), 99)
    check_figure(
        plot_similarity_histogram(query, gallery, query_identities, strangers)
    )


@pytest.mark.parametrize("method", ["tsne", "pca"])
def test_people_lie_nearer_to_themselves_than_to_others(method):
    points = embedding_map(EMBEDDINGS, method)
    gaps = np.linalg.norm(points[:, None] - points[None], axis=-1)
    same = PEOPLE[:, None] == PEOPLE[None]
    assert gaps[same].mean() < 0.5 * gaps[~same].mean()


def test_the_same_seed_gives_the_same_map():
    maps = [embedding_map(EMBEDDINGS, seed=3) for _ in range(2)]
    np.testing.assert_array_equal(*maps)


def test_very_few_images_have_a_map():
    assert embedding_map(EMBEDDINGS[:3]).shape == (3, 2)


def test_an_unknown_method_is_refused():
    with pytest.raises(ValueError, match="method='umap'"):
        embedding_map(EMBEDDINGS, "umap")


def test_whole_people_are_sampled():
    people = np.repeat(np.arange(1000, 1100), 10)
    identities = np.random.default_rng(0).permutation(people)
    rows = sample_identities(identities, 50)
    assert len(rows) == 50
    people, counts = np.unique(identities[rows], return_counts=True)
    assert len(people) == 5 and set(counts) == {10}


def test_fewer_images_than_asked_for_are_all_taken():
    np.testing.assert_array_equal(sample_identities(PEOPLE), np.arange(72))


def test_the_map_is_legible():
    points = 10 * np.eye(9)[PEOPLE][:, :2] + 0.1 * EMBEDDINGS[:, :2]
    points[:, 0] += 5 * PEOPLE
    check_figure(plot_embedding_map(points, PEOPLE, MODALITIES))
