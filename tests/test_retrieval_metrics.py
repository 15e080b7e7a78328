import numpy as np
import pytest
from retrieval_reference import brute_force

from nfs_keras.evaluation import (
    Protocol,
    metrics_from_similarity,
    retrieval_metrics,
)

CAMERAS = {
    "regdb": ((1,), (2,)),
    "sysu_mm01": ((3, 6), (1, 2, 4, 5)),
    "llcm": (tuple(range(1, 10)), tuple(range(1, 10))),
}


def random_case(rules, seed, ties=False, dim=8):
    """Embeddings and labels with absent identities and hidden matches."""
    rng = np.random.default_rng(seed)
    num_query, num_gallery = rng.integers(1, 60), rng.integers(30, 90)
    query = rng.normal(size=(num_query, dim))
    gallery = rng.normal(size=(num_gallery, dim))
    if ties:  # signs: unit rows of dimension 4 have exact products
        query, gallery = np.sign(query[:, :4]), np.sign(gallery[:, :4])
    query_identities = rng.integers(0, 14, num_query)
    gallery_identities = rng.integers(2, 16, num_gallery)
    query_identities[0] = gallery_identities[0] = 5
    query_cameras = rng.choice(CAMERAS[rules][0], num_query)
    gallery_cameras = rng.choice(CAMERAS[rules][1], num_gallery)
    query_cameras[0], gallery_cameras[0] = CAMERAS[rules][0][-1], 1
    if rules == "regdb":
        gallery_cameras[:] = 2
    return (
        query,
        gallery,
        query_identities,
        gallery_identities,
        query_cameras,
        gallery_cameras,
    )


def expected(case, rules):
    query, gallery, *labels = case
    unit = [
        side / np.linalg.norm(side, axis=1, keepdims=True)
        for side in (query, gallery)
    ]
    similarity = unit[0] @ unit[1].T
    return brute_force(
        similarity.tolist(),
        list(zip(labels[0].tolist(), labels[2].tolist(), strict=True)),
        list(zip(labels[1].tolist(), labels[3].tolist(), strict=True)),
        rules,
    )


def assert_equal(metrics, reference):
    cmc, mean_ap, mean_inp, num_valid = reference
    np.testing.assert_allclose(metrics.cmc, cmc, rtol=0, atol=1e-9)
    assert metrics.mean_ap == pytest.approx(mean_ap, rel=0, abs=1e-9)
    assert metrics.mean_inp == pytest.approx(mean_inp, rel=0, abs=1e-9)
    assert metrics.num_valid_queries == num_valid


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("rules", CAMERAS)
def test_metrics_equal_the_brute_force_loop(rules, ties):
    for seed in range(25):
        case = random_case(rules, seed, ties)
        metrics = retrieval_metrics(*case, protocol=rules, ranks=(1, 5))
        assert_equal(metrics, expected(case, rules))


@pytest.mark.parametrize("rules", CAMERAS)
def test_a_similarity_matrix_gives_the_same_metrics(rules):
    for seed in range(5):
        query, gallery, *labels = random_case(rules, seed, ties=True)
        similarity = query @ gallery.T
        untouched = similarity.copy()
        metrics = metrics_from_similarity(
            similarity, *labels, protocol=rules, ranks=(1,)
        )
        reference = expected((query, gallery, *labels), rules)
        assert_equal(metrics, reference)
        np.testing.assert_array_equal(similarity, untouched)


def test_integer_similarities_are_ranked():
    similarity = np.array([[3, 1, 2]])
    metrics = metrics_from_similarity(similarity, [1], [0, 1, 1], ranks=(1,))
    np.testing.assert_array_equal(metrics.cmc, [0, 1, 1])
    assert metrics.mean_ap == (1 / 2 + 2 / 3) / 2


@pytest.mark.parametrize("rules", CAMERAS)
def test_memory_and_threads_change_nothing(rules):
    case = random_case(rules, seed=3, ties=True)
    row = case[1].shape[0] * 8
    results = [
        retrieval_metrics(
            *case, protocol=rules, ranks=(1,), memory=memory, threads=threads
        )
        for memory in (row, 3 * row, 2**30)
        for threads in (1, 4)
    ]
    for metrics in results[1:]:
        np.testing.assert_array_equal(metrics.cmc, results[0].cmc)
        np.testing.assert_array_equal(
            metrics.per_query.average_precision,
            results[0].per_query.average_precision,
        )


@pytest.mark.parametrize("rules", CAMERAS)
def test_permuting_gallery_or_queries_changes_nothing(rules):
    case = random_case(rules, seed=4)
    rng = np.random.default_rng(0)
    g = rng.permutation(len(case[1]))
    q = rng.permutation(len(case[0]))
    permuted = [x[p] for x, p in zip(case, [q, g] * 3, strict=True)]
    before = retrieval_metrics(*case, protocol=rules, ranks=(1,))
    after = retrieval_metrics(*permuted, protocol=rules, ranks=(1,))
    np.testing.assert_array_equal(after.cmc, before.cmc)
    np.testing.assert_allclose(
        after.per_query.average_precision,
        before.per_query.average_precision[q],
        rtol=1e-12,
    )


@pytest.mark.parametrize("rules", CAMERAS)
def test_relabelling_identities_changes_nothing(rules):
    query, gallery, q, g, *cameras = random_case(rules, seed=5)
    names = np.random.default_rng(0).permutation(20)
    before, after = (
        retrieval_metrics(
            query, gallery, *labels, *cameras, protocol=rules, ranks=(1,)
        )
        for labels in ((q, g), (names[q], names[g]))
    )
    np.testing.assert_array_equal(after.cmc, before.cmc)
    assert after.mean_ap == pytest.approx(before.mean_ap, abs=1e-12)


def test_identities_may_be_strings():
    metrics = retrieval_metrics(
        np.eye(2), np.eye(2), ["a", "b"], ["a", "b"], ranks=(1,)
    )
    assert metrics.rank(1) == 1


def test_scaling_embeddings_changes_nothing():
    query, gallery, *labels = random_case("regdb", seed=6)
    lengths = np.random.default_rng(0).uniform(0.1, 9, (len(gallery), 1))
    before = retrieval_metrics(query, gallery, *labels, ranks=(1,))
    after = retrieval_metrics(3 * query, lengths * gallery, *labels, ranks=(1,))
    np.testing.assert_array_equal(after.cmc, before.cmc)
    assert after.mean_ap == before.mean_ap


def test_a_row_of_zeros_is_similar_to_nothing():
    gallery = np.array([[1.0, 0], [0, 0], [-1, 0]])
    metrics = retrieval_metrics([[1.0, 0]], gallery, [7], [0, 7, 0], ranks=(1,))
    np.testing.assert_array_equal(metrics.cmc, [0, 1, 1])


def test_float32_and_float64_sides_are_ranked_as_float64():
    case = random_case("regdb", seed=8, ties=True)
    query = case[0].astype(np.float32)
    metrics = retrieval_metrics(query, *case[1:], ranks=(1,))
    assert_equal(metrics, expected(case, "regdb"))


def perfect_case(num_identities=6, images=4):
    identities = np.repeat(np.arange(num_identities), images)
    return np.eye(num_identities)[identities], identities


def test_a_perfect_ranking_scores_one():
    embeddings, identities = perfect_case()
    metrics = retrieval_metrics(
        embeddings, embeddings, identities, identities, ranks=(1,)
    )
    assert metrics.rank(1) == metrics.mean_ap == metrics.mean_inp == 1


def test_a_reversed_ranking_has_its_closed_form():
    embeddings, identities = perfect_case(num_identities=6, images=4)
    metrics = metrics_from_similarity(
        -(embeddings @ embeddings.T), identities, identities, ranks=(20, 21)
    )
    others, matches = 20, 4
    assert metrics.rank(others) == 0
    assert metrics.rank(others + 1) == 1
    assert metrics.mean_inp == matches / (others + matches)
    precision = [k / (others + k) for k in range(1, matches + 1)]
    assert metrics.mean_ap == pytest.approx(np.mean(precision), abs=1e-12)


def test_ties_follow_the_gallery():
    identities = np.array([1, 0, 0, 1])
    metrics = metrics_from_similarity(
        np.zeros((2, 4)), [0, 1], identities, ranks=(1,)
    )
    np.testing.assert_array_equal(metrics.per_query.first_rank, [2, 1])
    np.testing.assert_array_equal(
        metrics.per_query.inverse_penalty, [2 / 3, 0.5]
    )


def test_equal_gallery_images_tie_at_any_place_in_any_block():
    rng = np.random.default_rng(0)
    query = rng.normal(size=(70, 33)).astype(np.float32)
    gallery = np.repeat(rng.normal(size=(1, 33)), 301, axis=0)
    identities = np.r_[np.zeros(150), 1, np.zeros(150)]
    metrics = retrieval_metrics(
        query,
        gallery.astype(np.float32),
        np.ones(70),
        identities,
        ranks=(1,),
        memory=10 * 301 * 4,
    )
    assert set(metrics.per_query.first_rank) == {151}


def test_skipped_queries_are_counted_by_their_rule():
    metrics = retrieval_metrics(
        np.ones((3, 2)),
        np.ones((3, 2)),
        [1, 2, 9],
        [1, 2, 1],
        query_cameras=[6, 3, 6],
        gallery_cameras=[1, 2, 4],
        protocol="sysu_mm01",
        ranks=(1, 2),
    )
    assert metrics.num_valid_queries == 1
    assert metrics.skipped == (
        "of 3 queries 2 have no match left in the gallery: "
        "1 identity absent, 1 camera rule"
    )
    np.testing.assert_array_equal(metrics.per_query.valid, [True, False, False])


def test_no_valid_query_raises_with_the_rule():
    with pytest.raises(ValueError, match="2 identity absent, 1 camera rule"):
        retrieval_metrics(
            np.ones((3, 2)),
            np.ones((2, 2)),
            [8, 2, 9],
            [1, 2],
            query_cameras=[6, 3, 6],
            gallery_cameras=[1, 2],
            protocol="sysu_mm01",
            ranks=(1,),
        )


def test_a_protocol_of_ones_own_is_a_value():
    protocol = Protocol("mine", excluded=((1, 1),), counts="images")
    metrics = metrics_from_similarity(
        [[3.0, 2.0, 1.0]],
        [5],
        [4, 4, 5],
        [1],
        [1, 2, 2],
        protocol=protocol,
        ranks=(1,),
    )
    np.testing.assert_array_equal(metrics.per_query.first_rank, [2])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"query": np.ones((4, 3))}, "same dimension"),
        ({"query": np.ones((0, 2))}, r"query.shape=\(0, 2\)"),
        ({"gallery": np.ones((0, 2))}, r"gallery.shape=\(0, 2\)"),
        ({"query": np.ones(4)}, r"query.shape=\(4,\)"),
        ({"query_identities": [1, 2, 3]}, r"query_identities.shape=\(3,\)"),
        ({"gallery_identities": [1]}, r"\(1,\) for 5 images"),
        ({"ranks": (1, 6)}, "between 1 and the 5 images"),
        ({"ranks": (0,)}, r"ranks=\(0,\)"),
        ({"ranks": ()}, r"ranks=\(\)"),
        ({"memory": 39}, "at least one ranking of the gallery, 40 bytes"),
        ({"protocol": "sysu_mm01"}, "need camera numbers"),
        ({"protocol": "market"}, "protocol='market'"),
    ],
)
def test_mistakes_are_named(changes, message):
    arguments = {
        "query": np.ones((4, 2)),
        "gallery": np.ones((5, 2)),
        "query_identities": np.arange(4),
        "gallery_identities": np.arange(5),
        "ranks": (1,),
    }
    with pytest.raises(ValueError, match=message):
        retrieval_metrics(**arguments | changes)


def test_ranks_of_identities_end_at_their_number():
    case = random_case("llcm", seed=0)
    num_identities = len(np.unique(case[3]))
    with pytest.raises(ValueError, match=f"the {num_identities} identities"):
        retrieval_metrics(*case, protocol="llcm", ranks=(num_identities + 1,))


def test_embeddings_that_are_not_finite_are_counted():
    gallery = np.ones((5, 2), np.float32)
    gallery[2, 1], gallery[4, 0] = np.nan, np.inf
    with pytest.raises(ValueError, match="2 of 5 rows .* at index 2"):
        retrieval_metrics(np.ones((1, 2)), gallery, [1], np.ones(5), ranks=(1,))


def test_similarities_that_are_not_finite_are_found():
    similarity = np.ones((4, 3))
    similarity[2, 1] = np.nan
    with pytest.raises(ValueError, match=r"similarity\[2, 1\]=nan"):
        metrics_from_similarity(similarity, [3, 2, 1, 0], [1, 2, 3], ranks=(1,))


def test_embeddings_are_no_similarity_matrix():
    with pytest.raises(ValueError, match=r"similarity.shape=\(3,\)"):
        metrics_from_similarity(np.ones(3), [1], [1], ranks=(1,))


def test_metrics_print_in_percent():
    embeddings, identities = perfect_case()
    metrics = retrieval_metrics(
        embeddings, embeddings, identities, identities, ranks=(1, 5)
    )
    assert metrics.percent() == {
        "rank1": 100,
        "rank5": 100,
        "mean_ap": 100,
        "mean_inp": 100,
    }
    assert str(metrics) == (
        "R-1 100.00  R-5 100.00  mAP 100.00  mINP 100.00  (24 of 24 queries)"
    )
