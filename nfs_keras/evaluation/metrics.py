"""The numbers of one evaluation."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np


class PerQuery(NamedTuple):
    """One value per query, in the order of the queries; NaN where skipped."""

    identity: np.ndarray  # (Q,)
    first_rank: np.ndarray  # (Q,) what the CMC curve accumulates
    average_precision: np.ndarray  # (Q,)
    inverse_penalty: np.ndarray  # (Q,) matches / rank of the last match

    @property
    def valid(self) -> np.ndarray:
        """(Q,) bool: whether the query has a match left in the gallery."""
        return np.isfinite(self.first_rank)


@dataclass(frozen=True)
class RetrievalMetrics:
    """Retrieval quality, averaged over the valid queries. Fractions of 1.

    Args:
        cmc: (R,) array: `cmc[k - 1]` is the share of queries whose first true
            match is at rank k or better. R is the size of the gallery, in
            images or identities as the protocol counts.
        mean_ap: Mean average precision.
        mean_inp: Mean inverse negative penalty (Ye et al., "Deep Learning for
            Person Re-identification: A Survey and Outlook", 2021): number of
            matches / rank of the last one.
        num_valid_queries: Queries with a match, by which every mean divides.
        num_queries: All queries.
        num_absent: Queries skipped as their identity is not in the gallery.
        num_hidden: Queries skipped as the camera rules hide every match.
        ranks: The ranks that tables report.
        per_query: The values behind the means.
    """

    cmc: np.ndarray = field(repr=False)
    mean_ap: float
    mean_inp: float
    num_valid_queries: int
    num_queries: int
    num_absent: int
    num_hidden: int
    ranks: tuple[int, ...]
    per_query: PerQuery = field(repr=False)

    def rank(self, k: int) -> float:
        """The share of queries with a true match at rank `k` or better."""
        return float(self.cmc[k - 1])

    def percent(self) -> dict[str, float]:
        """The reported figures in percent: `rank1` ..., mean_ap, mean_inp."""
        figures = {f"rank{k}": self.rank(k) for k in self.ranks}
        figures |= {"mean_ap": self.mean_ap, "mean_inp": self.mean_inp}
        return {name: 100 * value for name, value in figures.items()}

    @property
    def skipped(self) -> str:
        """Says how many queries were skipped, and by which rule."""
        return describe_skipped(
            self.num_queries, self.num_absent, self.num_hidden
        )

    def __str__(self):
        figures = [f"R-{k} {100 * self.rank(k):.2f}" for k in self.ranks]
        figures.append(f"mAP {100 * self.mean_ap:.2f}")
        figures.append(f"mINP {100 * self.mean_inp:.2f}")
        queries = f"{self.num_valid_queries:,} of {self.num_queries:,} queries"
        return "  ".join(figures) + f"  ({queries})"


def describe_skipped(queries: int, absent: int, hidden: int) -> str:
    """Says how many queries have nothing to find, and why."""
    return (
        f"of {queries:,} queries {absent + hidden:,} have no match left in "
        f"the gallery: {absent:,} identity absent, {hidden:,} camera rule"
    )
