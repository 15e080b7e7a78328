"""Retrieval metrics from embeddings, or from a similarity matrix."""

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from nfs_keras.evaluation.blocks import block_height, similarity_blocks
from nfs_keras.evaluation.checks import (
    check_embeddings,
    check_labels,
    check_ranks,
)
from nfs_keras.evaluation.ground_truth import GroundTruth
from nfs_keras.evaluation.metrics import PerQuery, RetrievalMetrics
from nfs_keras.evaluation.protocol import Protocol, find_protocol
from nfs_keras.evaluation.ranking import rank_identity, rank_matches

GIBIBYTE = 2**30


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
        memory: Bytes for the block of similarities that is in work, whatever
            the sizes of query and gallery.
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
    truth = ground_truth(
        (len(query), len(gallery)),
        (query_identities, gallery_identities),
        (query_cameras, gallery_cameras),
        protocol,
        ranks,
    )
    blocks = similarity_blocks(query, gallery, memory)
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
    `numpy.memmap`: it is read in blocks and left as it is.
    """
    similarity = np.asanyarray(similarity)
    if similarity.ndim != 2:
        raise ValueError(
            "`similarity` is a (queries, gallery) matrix. "
            f"Received: similarity.shape={similarity.shape}. "
            "For embeddings call `retrieval_metrics`."
        )
    truth = ground_truth(
        similarity.shape,
        (query_identities, gallery_identities),
        (query_cameras, gallery_cameras),
        protocol,
        ranks,
    )
    return score(copied_blocks(similarity, memory), truth, ranks, threads)


def ground_truth(shape, identities, cameras, protocol, ranks):
    """Checks labels against the `shape` of the ranking and joins them."""
    protocol = find_protocol(protocol)
    identities, cameras = check_labels(shape, identities, cameras, protocol)
    truth = GroundTruth(*identities, *cameras, protocol)
    check_ranks(ranks, truth)
    return truth


def copied_blocks(similarity, memory):
    height = block_height(
        memory, similarity.shape[1], similarity.dtype, len(similarity)
    )
    for start in range(0, len(similarity), height):
        block = np.array(similarity[start : start + height])
        if not np.isfinite(block).all():
            row, column = np.argwhere(~np.isfinite(block))[0]
            raise ValueError(
                "`similarity` must be finite. "
                f"Received: similarity[{start + row}, {column}]"
                f"={block[row, column]}. "
                "Find out where it comes from; hiding images is the "
                "protocol's part."
            )
        yield start, block


def score(
    blocks: Iterable[tuple[int, np.ndarray]],
    truth: GroundTruth,
    ranks: tuple[int, ...],
    threads: int | None,
) -> RetrievalMetrics:
    """Scores blocks of rankings, the rows of a block on several threads."""
    scores = np.full((truth.num_queries, 3), np.nan)
    workers = threads or os.cpu_count()
    with ThreadPoolExecutor(workers) as pool:
        for start, block in blocks:
            parts = np.array_split(np.arange(len(block)), workers)
            list(
                pool.map(
                    lambda rows, block=block, start=start: score_rows(
                        block, rows, start, truth, scores
                    ),
                    parts,
                )
            )
    return summarise(scores, truth, ranks)


def score_rows(block, rows, start, truth, scores):
    """Writes the scores of some rows of a block into `scores`."""
    for row in rows:
        query = start + row
        matches = truth.matches(query)
        if len(matches):
            for columns in truth.hidden(query):
                block[row, columns] = -np.inf
            scores[query] = score_ranking(block[row], matches, truth)


def score_ranking(row, matches, truth):
    """Gives first rank, average precision and inverse penalty of a ranking."""
    ranks = np.sort(rank_matches(row, matches))
    first = ranks[0]
    if truth.protocol.counts == "identities":
        first = rank_identity(
            row, matches, truth.gallery_labels, len(truth.identities)
        )
    precision = np.arange(1, len(ranks) + 1) / ranks
    return first, precision.mean(), precision[-1]


def summarise(scores, truth, ranks):
    """Averages the scores over the valid queries."""
    per_query = PerQuery(truth.query_identities, *scores.T)
    valid = per_query.valid
    absent = sum(truth.label(i) < 0 for i in np.flatnonzero(~valid))
    if not valid.any():
        raise ValueError(explain_skipped(truth, absent))
    first = scores[valid, 0].astype(np.int64)
    hits = np.bincount(first, minlength=truth.max_rank + 1)[1:]
    return RetrievalMetrics(
        cmc=np.cumsum(hits) / len(first),
        mean_ap=float(scores[valid, 1].mean()),
        mean_inp=float(scores[valid, 2].mean()),
        num_valid_queries=len(first),
        num_queries=truth.num_queries,
        num_absent=int(absent),
        num_hidden=int(truth.num_queries - len(first) - absent),
        ranks=tuple(ranks),
        per_query=per_query,
    )


def explain_skipped(truth, absent):
    num = truth.num_queries
    return (
        f"{truth.protocol.name} needs a query with a match in the gallery. "
        f"Received: of {num:,} queries {num:,} have no match left in the "
        f"gallery: {absent:,} identity absent, {num - absent:,} camera rule. "
        "Compare the identities and cameras of query and gallery."
    )
