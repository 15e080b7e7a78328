"""Retrieval metrics from embeddings, or from a similarity matrix."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from nfs_keras.evaluation.checks import (
    check_embeddings,
    check_labels,
    check_ranks,
)
from nfs_keras.evaluation.ground_truth import GroundTruth
from nfs_keras.evaluation.metrics import (
    PerQuery,
    RetrievalMetrics,
    describe_skipped,
)
from nfs_keras.evaluation.protocol import Protocol, find_protocol
from nfs_keras.evaluation.ranking import rank_identity, rank_matches
from nfs_keras.evaluation.similarity import (
    GIBIBYTE,
    Blocks,
    copied_blocks,
    similarity_blocks,
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
    `numpy.memmap`: it is read in blocks and left as it is.
    """
    similarity = np.asarray(similarity)
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
    blocks = copied_blocks(similarity, truth.order(), memory)
    return score(blocks, truth, ranks, threads)


def ground_truth(shape, identities, cameras, protocol, ranks):
    """Checks labels against the `shape` of the ranking and joins them."""
    protocol = find_protocol(protocol)
    identities, cameras = check_labels(shape, identities, cameras, protocol)
    truth = GroundTruth(*identities, *cameras, protocol)
    check_ranks(ranks, truth)
    return truth


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
            work = [
                pool.submit(score_group, block[part], queries[part], truth)
                for part in truth.groups(queries)
            ]
            scores[queries] = np.concatenate([task.result() for task in work])
    return summarise(scores, truth, ranks)


def score_group(rows, queries, truth):
    """Scores rankings that share their matches: (R, 3), NaN where skipped."""
    scores = np.full((len(rows), 3), np.nan)
    matches = truth.matches(queries[0])
    if len(matches):
        for columns in truth.hidden(queries[0]):
            rows[:, columns] = -np.inf
        ranks = np.sort(rank_matches(rows, matches), axis=1)
        precision = np.arange(1, len(matches) + 1) / ranks
        scores[:, 0] = first_ranks(rows, matches, ranks[:, 0], truth)
        scores[:, 1] = precision.mean(axis=1)
        scores[:, 2] = precision[:, -1]
    return scores


def first_ranks(rows, matches, first, truth):
    """Turns the ranks of best matches into what the CMC curve counts."""
    if truth.protocol.counts == "images":
        return first
    labels, num = truth.gallery_labels, len(truth.identities)
    return [
        1 if rank == 1 else rank_identity(row, matches, labels, num)
        for row, rank in zip(rows, first, strict=True)
    ]


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
