"""Converts a similarity to the probability that two images show one person."""

from typing import NamedTuple

import numpy as np


class MatchProbability(NamedTuple):
    """A logistic curve over cosine similarity: Platt's calibration.

    Attributes:
        slope: How fast the probability rises with similarity, per unit.
        intercept: Its log-odds at similarity 0.

    Reference:
        Platt, "Probabilistic Outputs for Support Vector Machines", 1999.
    """

    slope: float
    intercept: float


def fit_match_probability(
    similarity, same_person, num_steps: int = 100
) -> MatchProbability:
    """Fits the curve to pairs of images of known people.

    Pairs of one person and pairs of two people have the same total weight
    (our choice): the probability is correct if both are equally likely a
    priori, whatever their share is in the given pairs. Platt's softened
    targets keep the curve finite if the pairs separate perfectly.

    Args:
        similarity: `(N,)` cosine similarities in [-1, 1], of pairs that the
            network was not trained on.
        same_person: `(N,)` bool.
        num_steps: Newton steps.

    Returns:
        `MatchProbability`.

    Raises:
        ValueError: If one of the two kinds of pairs is missing.
    """
    similarity = np.asarray(similarity, "float64").ravel()
    same = np.asarray(same_person, bool).ravel()
    num_same, num_different = same.sum(), (~same).sum()
    if not num_same or not num_different:
        raise ValueError(
            "A calibration needs pairs of one person and pairs of two people. "
            f"Received: {num_same} pairs of one person, {num_different} of two."
            " Pass similarities of both kinds."
        )
    target = np.where(
        same, (num_same + 1) / (num_same + 2), 1 / (num_different + 2)
    )
    weight = np.where(same, 0.5 / num_same, 0.5 / num_different)
    return MatchProbability(*newton(similarity, target, weight, num_steps))


def newton(similarity, target, weight, num_steps: int) -> tuple[float, float]:
    """Minimises the weighted cross-entropy; halves a step that overshoots."""

    def loss(curve):
        logits = features @ curve
        return weight @ (np.logaddexp(0, logits) - target * logits)

    features = np.stack([similarity, np.ones_like(similarity)], axis=1)
    curve = np.zeros(2)
    for _ in range(num_steps):
        probability = 1 / (1 + np.exp(-features @ curve))
        gradient = features.T @ (weight * (probability - target))
        curvature = weight * probability * (1 - probability)
        hessian = (features.T * curvature) @ features + 1e-9 * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        while loss(curve - step) > loss(curve) and np.abs(step).max() > 1e-12:
            step /= 2
        curve -= step
    return float(curve[0]), float(curve[1])
