import numpy as np
import pytest
from figure_checks import check_figure

from nfs_keras.report.embedding_map import (
    embedding_map,
    plot_embedding_map,
    sample_identities,
)

RNG = np.random.default_rng(0)
PEOPLE = np.repeat(np.arange(9), 8)
EMBEDDINGS = np.eye(9)[PEOPLE] * 9 + RNG.normal(size=(72, 9))
MODALITIES = np.tile(["visible", "infrared"], 36)


@pytest.mark.parametrize("method", ["tsne", "pca"])
def test_people_lie_nearer_to_themselves_than_to_others(method):
    points = embedding_map(EMBEDDINGS, method)
    gaps = np.linalg.norm(points[:, None] - points[None], axis=-1)
    same = PEOPLE[:, None] == PEOPLE[None]
    assert gaps[same].mean() < 0.5 * gaps[~same].mean()


def test_the_same_seed_gives_the_same_map():
    maps = [embedding_map(EMBEDDINGS, seed=3) for _ in range(2)]
    np.testing.assert_array_equal(*maps)


def test_very_few_pictures_have_a_map():
    assert embedding_map(EMBEDDINGS[:3]).shape == (3, 2)


def test_an_unknown_method_is_refused():
    with pytest.raises(ValueError, match="method='umap'"):
        embedding_map(EMBEDDINGS, "umap")


def test_whole_people_are_sampled():
    identities = RNG.permutation(np.repeat(np.arange(1000, 1100), 10))
    rows = sample_identities(identities, 50)
    assert len(rows) == 50
    people, counts = np.unique(identities[rows], return_counts=True)
    assert len(people) == 5 and set(counts) == {10}


def test_fewer_pictures_than_asked_for_are_all_taken():
    np.testing.assert_array_equal(sample_identities(PEOPLE), np.arange(72))


def test_the_figure_is_legible():
    points = 10 * np.eye(9)[PEOPLE][:, :2] + 0.1 * EMBEDDINGS[:, :2]
    points[:, 0] += 5 * PEOPLE
    check_figure(plot_embedding_map(points, PEOPLE, MODALITIES))
