import numpy as np
import pytest

from nfs_keras.evaluation import metrics_from_similarity, rerank


def dense_rerank(query, gallery, k1, k2, weight):
    """The published algorithm on full matrices."""
    images = np.concatenate([query, gallery])
    images = images / np.linalg.norm(images, axis=1, keepdims=True)
    distances = 2 - 2 * images @ images.T
    distances = distances / distances.max(axis=1, keepdims=True)
    num = len(images)
    initial = np.argsort(distances, axis=1, kind="stable")
    sets = np.zeros((num, num))
    for i in range(num):
        core = mutual_neighbours(initial, i, k1)
        expansion = list(core)
        for j in core:
            candidates = mutual_neighbours(initial, j, int(np.around(k1 / 2)))
            shared = np.intersect1d(candidates, core)
            if len(shared) > 2 / 3 * len(candidates):
                expansion.extend(candidates)
        expansion = np.unique(expansion)
        values = np.exp(-distances[i, expansion])
        sets[i, expansion] = values / values.sum()
    if k2 != 1:
        sets = np.stack([sets[initial[i, :k2]].mean(0) for i in range(num)])
    jaccard = np.empty((len(query), len(gallery)))
    for i in range(len(query)):
        for j in range(len(gallery)):
            shared = np.minimum(sets[i], sets[len(query) + j]).sum()
            jaccard[i, j] = 1 - shared / (2 - shared)
    plain = distances[: len(query), len(query) :]
    return (1 - weight) * jaccard + weight * plain


def mutual_neighbours(initial, i, k):
    forward = initial[i, : k + 1]
    return [j for j in forward if i in initial[j, : k + 1]]


def people(num_identities, images, noise, seed=0):
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(num_identities, 16))
    identities = np.repeat(np.arange(num_identities), images)
    sides = [
        centres[identities] + noise * rng.normal(size=(len(identities), 16))
        for _ in range(2)
    ]
    return *sides, identities


@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
@pytest.mark.parametrize(("k1", "k2"), [(20, 6), (7, 1), (5, 3)])
def test_reranking_equals_the_dense_algorithm(k1, k2, weight):
    query, gallery, _ = people(num_identities=9, images=5, noise=1.0)
    query = query[::2]
    found = rerank(query, gallery, k1, k2, weight, memory=5 * 80 * 8)
    expected = dense_rerank(query, gallery, k1, k2, weight)
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_reranking_lifts_people_with_several_images():
    query, gallery, identities = people(20, 10, noise=1.6)
    unit = [
        x / np.linalg.norm(x, axis=1, keepdims=True) for x in (query, gallery)
    ]
    plain, reranked = (
        metrics_from_similarity(similarity, identities, identities)
        for similarity in (unit[0] @ unit[1].T, -rerank(query, gallery))
    )
    assert reranked.mean_ap > plain.mean_ap + 0.03


def test_images_that_are_all_alike_stay_finite():
    distances = rerank(np.ones((3, 2)), np.ones((4, 2)), k1=2, k2=2)
    assert np.isfinite(distances).all()


@pytest.mark.parametrize(
    "options", [{"k1": 7}, {"k2": 0}, {"k2": 9}, {"weight": 1.5}]
)
def test_options_that_do_not_fit_raise(options):
    with pytest.raises(ValueError, match="k1 for so few|Lower k1"):
        rerank(np.ones((3, 2)), np.ones((4, 2)), **{"k1": 3, "k2": 2} | options)
