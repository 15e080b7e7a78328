"""Finds out from what similarity on two images show the same person."""

import numpy as np

from nfs_keras.evaluation.calibration import Calibration
from nfs_keras.evaluation.checks import check_embeddings
from nfs_keras.evaluation.measure import ground_truth
from nfs_keras.evaluation.protocol import Protocol
from nfs_keras.evaluation.similarity import GIBIBYTE, similarity_blocks


def calibrate(
    query: np.ndarray,
    gallery: np.ndarray,
    query_identities: np.ndarray,
    gallery_identities: np.ndarray,
    query_cameras: np.ndarray | None = None,
    gallery_cameras: np.ndarray | None = None,
    protocol: str | Protocol = "regdb",
    memory: int = GIBIBYTE,
) -> Calibration:
    """Compares the similarities of matching and of other pairs.

    All pairs that the protocol lets a query see count, each once. Choose the
    threshold on validation identities, one for each search direction: the
    similarities of the two directions are distributed alike only if the
    galleries are.

    The equal error rate is the usual summary; for a search, where a query
    meets thousands of strangers, choose the threshold by
    `calibration.at_false_positive_rate(1e-4)` instead.

    Args:
        query: (Q, D) embeddings.
        gallery: (G, D) embeddings.
        query_identities: (Q,) identities.
        gallery_identities: (G,) identities.
        query_cameras: (Q,) camera numbers, for protocols with camera rules.
        gallery_cameras: (G,) camera numbers.
        protocol: Which pairs count; as in `retrieval_metrics`.
        memory: Bytes for the block of similarities that is in work.

    Returns:
        `Calibration`.

    Raises:
        ValueError: If there are no matching or no other pairs; otherwise as
            `retrieval_metrics`.
    """
    query, gallery = check_embeddings(query, gallery)
    truth = ground_truth(
        (len(query), len(gallery)),
        (query_identities, gallery_identities),
        (query_cameras, gallery_cameras),
        protocol,
        ranks=(1,),
    )
    # Twice through the blocks: thresholds first, then what passes them.
    matching = [
        take_matching(block, rows, truth)[0]
        for rows, block in similarity_blocks(query, gallery, memory)
    ]
    thresholds = np.sort(np.concatenate(matching))
    passed, num_other = np.zeros(len(thresholds), np.int64), 0
    for rows, block in similarity_blocks(query, gallery, memory):
        matches, num_hidden = take_matching(block, rows, truth)
        others = block.reshape(-1)
        others.sort()
        passed += len(others) - np.searchsorted(others, thresholds)
        num_other += len(others) - len(matches) - num_hidden
    check_pairs(len(thresholds), num_other)
    above = len(thresholds) - np.searchsorted(thresholds, thresholds)
    return Calibration(
        thresholds[::-1],
        (above / len(thresholds))[::-1],
        (passed / num_other)[::-1],
        len(thresholds),
        int(num_other),
    )


def take_matching(block, rows, truth):
    """Takes matching and hidden pairs out of a block: -inf is left there.

    Returns the similarities of the matching pairs and the number of hidden.
    """
    matching, num_hidden = [], 0
    for row, query in zip(block, range(rows.start, rows.stop), strict=True):
        matches = truth.matches(query)
        matching.append(row[matches])
        row[matches] = -np.inf
        for columns in truth.hidden(query):
            row[columns] = -np.inf
        num_hidden += np.count_nonzero(np.isneginf(row)) - len(matches)
    return np.concatenate(matching), num_hidden


def check_pairs(num_matching, num_other):
    if not num_matching or not num_other:
        raise ValueError(
            "A calibration compares pairs of the same person with others. "
            f"Received: {num_matching:,} matching and {num_other:,} other "
            "pairs. Look at the identities of query and gallery."
        )
