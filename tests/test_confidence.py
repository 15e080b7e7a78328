import numpy as np
import pytest

from nfs_keras.evaluation import (
    confidence_intervals,
    metrics_from_similarity,
)


def metrics_of(num_identities, images, share, seed=0):
    """Everyone is found at once or not at all, as people are."""
    rng = np.random.default_rng(seed)
    identities = np.repeat(np.arange(num_identities), images)
    found = rng.random(num_identities) < share
    similarity = rng.random((len(identities), num_identities))
    similarity[np.arange(len(identities)), identities] = found[identities] * 2
    return metrics_from_similarity(
        similarity, identities, np.arange(num_identities), ranks=(1, 5)
    )


def test_intervals_hold_the_metric():
    metrics = metrics_of(100, 5, share=0.6)
    intervals = confidence_intervals(metrics)
    for name, value in metrics.percent().items():
        low, high = intervals[name]
        assert low < value < high


def test_the_width_follows_the_number_of_people_not_of_images():
    for images in (2, 20):
        metrics = metrics_of(100, images, share=0.5)
        low, high = confidence_intervals(metrics, num_samples=4000)["rank1"]
        share = metrics.rank(1)
        expected = 2 * 1.96 * 100 * np.sqrt(share * (1 - share) / 100)
        assert high - low == pytest.approx(expected, rel=0.1)


def test_a_certain_metric_has_no_width():
    metrics = metrics_of(10, 3, share=1.1)
    assert confidence_intervals(metrics)["rank1"] == (100, 100)


def test_skipped_queries_do_not_count():
    similarity = np.array([[1.0, 0], [1, 0], [0, 1]])
    metrics = metrics_from_similarity(similarity, [7, 8, 7], [7, 6], ranks=(1,))
    low, high = confidence_intervals(metrics)["rank1"]
    assert (low, high) == (50, 50)


def test_the_seed_decides():
    metrics = metrics_of(31, 2, share=0.5)
    first, again, other = (
        confidence_intervals(metrics, num_samples=7, seed=seed)
        for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_other_ranks_may_be_asked_for():
    metrics = metrics_of(30, 2, share=0.5)
    assert "rank3" in confidence_intervals(metrics, ranks=(3,))


def test_a_level_is_a_share():
    with pytest.raises(ValueError, match="level=95"):
        confidence_intervals(metrics_of(9, 2, 0.5), level=95)
