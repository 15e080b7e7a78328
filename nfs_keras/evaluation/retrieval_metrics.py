"""Retrieval metrics: CMC, mAP and mINP of rankings."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from nfs_keras.evaluation.ground_truth import GroundTruth, make_ground_truth
from nfs_keras.evaluation.protocol import Protocol
from nfs_keras.evaluation.ranking import score_group
from nfs_keras.evaluation.similarity import (
    GIBIBYTE,
    Blocks,
    check_embeddings,
    copied_blocks,
    similarity_blocks,
)


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
        """Returns the share of queries with a match at rank `k` or better."""
        return float(self.cmc[k - 1])

    def percent(self) -> dict[str, float]:
        """Returns the metrics in percent: `rank1` ..., mean_ap, mean_inp."""
        figures = {f"rank{k}": self.rank(k) for k in self.ranks}
        figures |= {"mean_ap": self.mean_ap, "mean_inp": self.mean_inp}
        return {name: 100 * value for name, value in figures.items()}

    @property
    def skipped(self) -> str:
        """Text: how many queries were skipped, and by which rule."""
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
    """Describes how many queries have no match, and why."""
    return (
        f"of {queries:,} queries {absent + hidden:,} have no match left in "
        f"the gallery: {absent:,} identity absent, {hidden:,} camera rule"
    )


def retrieval_metrics(
    query: np.ndarray,
    gallery: np.ndarray,
    query_identities: np.ndarray,
    gallery_identities: np.ndarray,
    query_cameras: np.ndarray | None = None,
    gallery_cameras: np.ndarray | None = None,
    protocol: str | Protocol = "regdb",
    ranks: tuple[int, ...] = (1, 5, 10, 20),
    memory: int = GIBIBYTE,
    threads: int | None = None,
) -> RetrievalMetrics:
    """Ranks the gallery for every query and scores the rankings.

    Similarity is the cosine: rows are scaled to length 1 first, so embeddings
    need not be normalised and their lengths do not matter; a row of zeros has
    similarity 0 to everything. A ranking sorts by descending similarity, ties
    in gallery order.

    Args:
        query: (Q, D) embeddings, float32 or float64.
        gallery: (G, D) embeddings. If either side is float64, all is.
        query_identities: (Q,) identities.
        gallery_identities: (G,) identities.
        query_cameras: (Q,) camera numbers, for protocols with camera rules.
        gallery_cameras: (G,) camera numbers.
        protocol: `"regdb"`, `"sysu_mm01"`, `"llcm"`, or a `Protocol`.
        ranks: Ranks to report, at most the size of the gallery.
        memory: Bytes for one block of similarities, whatever the sizes of
            query and gallery.
        threads: Threads that count ranks. Defaults to one per core. The
            matrix product has its own, those of NumPy's BLAS.

    Returns:
        `RetrievalMetrics`.

    Raises:
        ValueError: For mismatched lengths, an empty side, embeddings that are
            not finite, ranks beyond the gallery, missing or foreign cameras,
            or if no query has a match.
    """
    query, gallery = check_embeddings(query, gallery)
    truth = make_ground_truth(
        (len(query), len(gallery)),
        (query_identities, gallery_identities),
        (query_cameras, gallery_cameras),
        protocol,
        ranks,
    )
    blocks = similarity_blocks(query[truth.order()], gallery, memory)
    return score(blocks, truth, ranks, threads)


def metrics_from_similarity(
    similarity: np.ndarray,
    query_identities: np.ndarray,
    gallery_identities: np.ndarray,
    query_cameras: np.ndarray | None = None,
    gallery_cameras: np.ndarray | None = None,
    protocol: str | Protocol = "regdb",
    ranks: tuple[int, ...] = (1, 5, 10, 20),
    memory: int = GIBIBYTE,
    threads: int | None = None,
) -> RetrievalMetrics:
    """Scores the rankings of a finished similarity matrix.

    As `retrieval_metrics`, with `similarity`, (Q, G) and finite, in place of
    the embeddings. For distances, pass `-distances`. The matrix may be a
    `numpy.memmap`: it is read in blocks and not changed.
    """
    similarity = np.asarray(similarity)
    if similarity.ndim != 2:
        raise ValueError(
            "`similarity` is a (queries, gallery) matrix. "
            f"Received: similarity.shape={similarity.shape}. "
            "For embeddings call `retrieval_metrics`."
        )
    truth = make_ground_truth(
        similarity.shape,
        (query_identities, gallery_identities),
        (query_cameras, gallery_cameras),
        protocol,
        ranks,
    )
    blocks = copied_blocks(similarity, truth.order(), memory)
    return score(blocks, truth, ranks, threads)


def score(
    blocks: Blocks,
    truth: GroundTruth,
    ranks: tuple[int, ...],
    threads: int | None,
) -> RetrievalMetrics:
    """Scores blocks of rankings, groups of equal tasks on several threads."""
    order = truth.order()
    scores = np.full((truth.num_queries, 3), np.nan)
    with ThreadPoolExecutor(threads or os.cpu_count()) as pool:
        for rows, block in blocks:
            queries = order[rows]
            tasks = [
                pool.submit(score_group, block[part], queries[part], truth)
                for part in truth.groups(queries)
            ]
            scores[queries] = np.concatenate([task.result() for task in tasks])
    return summarise(scores, truth, ranks)


def summarise(scores, truth, ranks):
    """Averages the scores over the valid queries."""
    per_query = PerQuery(truth.query_identities, *scores.T)
    valid = per_query.valid
    num_absent = int(np.count_nonzero(truth.query_labels < 0))
    num_hidden = int(np.count_nonzero(~valid)) - num_absent
    if not valid.any():
        skipped = describe_skipped(len(valid), num_absent, num_hidden)
        raise ValueError(
            f"{truth.protocol.name} needs a query with a match in the "
            f"gallery. Received: {skipped}. "
            "Compare the identities and cameras of query and gallery."
        )
    first = scores[valid, 0].astype(np.int64)
    hits = np.bincount(first, minlength=truth.max_rank + 1)[1:]
    return RetrievalMetrics(
        cmc=np.cumsum(hits) / len(first),
        mean_ap=float(scores[valid, 1].mean()),
        mean_inp=float(scores[valid, 2].mean()),
        num_valid_queries=len(first),
        num_queries=truth.num_queries,
        num_absent=num_absent,
        num_hidden=num_hidden,
        ranks=tuple(ranks),
        per_query=per_query,
    )
