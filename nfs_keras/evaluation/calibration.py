"""Finds the similarity above which two images show the same person."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from nfs_keras.evaluation.ground_truth import make_ground_truth
from nfs_keras.evaluation.protocol import Protocol
from nfs_keras.evaluation.search import Embed, Search, embed_once
from nfs_keras.evaluation.similarity import (
    GIBIBYTE,
    check_embeddings,
    similarity_blocks,
)


class OperatingPoint(NamedTuple):
    """Rates of accepted pairs if similarities `>= threshold` are accepted."""

    threshold: float
    true_positive_rate: float
    false_positive_rate: float


@dataclass(frozen=True)
class Calibration:
    """The receiver operating characteristic of one search direction.

    Point i of the curve accepts a pair as the same person from `thresholds[i]`
    on. There is one point per matching pair: thresholds between two of them
    only accept more errors.

    Args:
        thresholds: (P,) descending similarities.
        true_positive_rates: (P,) share of matching pairs that are accepted.
        false_positive_rates: (P,) share of other pairs that are accepted.
        num_matching: Pairs of the same identity.
        num_other: Pairs of different identities.
    """

    thresholds: np.ndarray = field(repr=False)
    true_positive_rates: np.ndarray = field(repr=False)
    false_positive_rates: np.ndarray = field(repr=False)
    num_matching: int
    num_other: int

    @property
    def equal_error_rate(self) -> float:
        """The rate where missed matches and accepted errors are equal.

        Exact: from one threshold to the next, first errors are accepted and
        then a match, and the two rates meet on one of these two steps.
        """
        i = self._crossing
        missed = 1 - self.true_positive_rates[i - 1] if i else 1.0
        return float(min(self.false_positive_rates[i], missed))

    @property
    def threshold(self) -> float:
        """The similarity at the equal error rate."""
        return float(self.thresholds[self._crossing])

    def at_false_positive_rate(self, rate: float) -> OperatingPoint:
        """The point that accepts most matches at no more than `rate` errors.

        Its threshold is infinite if every threshold accepts more errors.
        """
        i = np.searchsorted(self.false_positive_rates, rate, side="right") - 1
        if i < 0:
            return OperatingPoint(float("inf"), 0.0, 0.0)
        return OperatingPoint(
            float(self.thresholds[i]),
            float(self.true_positive_rates[i]),
            float(self.false_positive_rates[i]),
        )

    def to_dict(self, num_points: int = 200) -> dict:
        """Converts the calibration for JSON, with fewer points of its curve."""
        last = len(self.thresholds) - 1
        points = np.unique(np.linspace(0, last, num_points).astype(int))
        return {
            "threshold": self.threshold,
            "equal_error_rate": self.equal_error_rate,
            "roc": {
                "fpr": self.false_positive_rates[points].tolist(),
                "tpr": self.true_positive_rates[points].tolist(),
            },
        }

    @property
    def _crossing(self):
        """The first point with no fewer accepted errors than missed matches."""
        missed = 1 - self.true_positive_rates
        return int(np.argmax(self.false_positive_rates >= missed))


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

    All pairs that the protocol allows count, each once. Choose the
    threshold on validation identities, one for each search direction: the
    similarities of the two directions are distributed alike only if the
    galleries are.

    The equal error rate is the usual summary; for a search, where a query
    is compared with thousands of other people, choose the threshold by
    `calibration.at_false_positive_rate(1e-4)` instead.

    The arguments are those of `retrieval_metrics`; `protocol` decides which
    pairs count.

    Returns:
        `Calibration`.

    Raises:
        ValueError: If there are no matching or no other pairs; otherwise as
            `retrieval_metrics`.
    """
    query, gallery = check_embeddings(query, gallery)
    truth = make_ground_truth(
        (len(query), len(gallery)),
        (query_identities, gallery_identities),
        (query_cameras, gallery_cameras),
        protocol,
        ranks=(1,),
    )
    # Two passes: first the thresholds, then the pairs above them.
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


def calibrate_searches(
    embed: Embed, searches: Sequence[Search], memory: int = GIBIBYTE
) -> dict[str, Calibration]:
    """Calibrates each search direction, by the camera rules of its protocol.

    Give it searches among people on whom the network was neither trained nor
    tested, such as `dataset.both_directions(held_out)` with
    `train, held_out = dataset.hold_out()`.

    Args:
        embed: Function from samples to (N, D) embeddings.
        searches: One search for each direction.
        memory: As for `calibrate`.

    Returns:
        Dict of direction to `Calibration`.
    """
    by_path = embed_once(embed, searches)
    return {
        search.direction: calibrate(
            *search.embeddings(by_path),
            *search.labels(),
            search.protocol,
            memory,
        )
        for search in searches
    }


def labelled_pairs(
    embed: Embed, searches: Sequence[Search], max_side: int = 1500
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Collects similarities of pairs, labelled as the same person or not.

    Args:
        embed: As for `calibrate_searches`, and so are `searches`.
        max_side: Of more queries or gallery images than this, evenly spaced
            ones are taken.

    Returns:
        Dict of direction to `(similarity, same_person)`, two arrays of the
        same length; pairs that the camera rules exclude are left out.
    """
    thinned = [
        search._replace(
            query=search.query[:: -(-len(search.query) // max_side)],
            gallery=search.gallery[:: -(-len(search.gallery) // max_side)],
        )
        for search in searches
    ]
    by_path = embed_once(embed, thinned)
    return {s.direction: split_pairs(s, by_path) for s in thinned}


def split_pairs(search, by_path):
    """Returns the similarities of a search, matching pairs first."""
    query, gallery = check_embeddings(*search.embeddings(by_path))
    *identities, q, g = search.labels()
    shape = (len(query), len(gallery))
    truth = make_ground_truth(shape, identities, (q, g), search.protocol, (1,))
    memory = 8 * len(query) * len(gallery)  # one block, in any precision
    ((rows, block),) = similarity_blocks(query, gallery, memory)
    matching, _ = take_matching(block, rows, truth)
    others = block[~np.isneginf(block)]
    same = np.repeat([True, False], [len(matching), len(others)])
    return np.concatenate([matching, others]), same


def take_matching(block, rows, truth):
    """Replaces the matching and hidden pairs of a block by -inf.

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
            "pairs. Check the identities of query and gallery."
        )
