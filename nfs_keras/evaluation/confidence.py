"""Confidence intervals of retrieval metrics."""

from collections.abc import Sequence

import numpy as np

from nfs_keras.evaluation.retrieval_metrics import RetrievalMetrics


def confidence_intervals(
    metrics: RetrievalMetrics,
    level: float = 0.95,
    num_samples: int = 1000,
    ranks: Sequence[int] | None = None,
    seed: int = 0,
) -> dict[str, tuple[float, float]]:
    """Percentile intervals by bootstrap over identities, in percent.

    Queries of one person succeed and fail together, so people are sampled
    with replacement, not queries; sampled queries would give intervals that
    are too narrow. The gallery is not changed.

    Args:
        metrics: The result of `retrieval_metrics`.
        level: Share of the samples that the interval contains, in (0, 1).
        num_samples: Number of samples.
        ranks: Ranks to report. Defaults to those of `metrics`.
        seed: Seed of the samples.

    Returns:
        `(low, high)` for each key of `metrics.percent()`.

    Reference: Efron, "Bootstrap Methods: Another Look at the Jackknife",
    Annals of Statistics, 1979. To sample identities is our choice.
    """
    if not 0 < level < 1:
        raise ValueError(
            "`level` lies between 0 and 1. "
            f"Received: level={level}. "
            "Pass 0.95 for a 95 % interval."
        )
    ranks = metrics.ranks if ranks is None else ranks
    names, values = valid_metrics(metrics, ranks)
    valid = metrics.per_query.valid
    _, people = np.unique(
        metrics.per_query.identity[valid], return_inverse=True
    )
    counts = np.bincount(people)
    sums = np.stack([np.bincount(people, column) for column in values], axis=1)
    draws = np.random.default_rng(seed).multinomial(
        len(counts), np.full(len(counts), 1 / len(counts)), size=num_samples
    )
    means = 100 * (draws @ sums) / (draws @ counts)[:, None]
    tail = (1 - level) / 2
    low, high = np.quantile(means, [tail, 1 - tail], axis=0)
    return {
        name: (float(a), float(b))
        for name, a, b in zip(names, low, high, strict=True)
    }


def valid_metrics(metrics, ranks):
    """Lists the reported metrics of every valid query."""
    values = metrics.per_query
    valid = values.valid
    names = [*(f"rank{k}" for k in ranks), "mean_ap", "mean_inp"]
    hits = [values.first_rank[valid] <= k for k in ranks]
    precision = values.average_precision[valid]
    return names, [*hits, precision, values.inverse_penalty[valid]]
