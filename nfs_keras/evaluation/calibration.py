"""From what similarity on two images show the same person."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np


class OperatingPoint(NamedTuple):
    """What becomes of pairs when "same person" means `>= threshold`."""

    threshold: float
    true_positive_rate: float
    false_positive_rate: float


@dataclass(frozen=True)
class Calibration:
    """The receiver operating characteristic of one search direction.

    Point i of the curve says "same person" from `thresholds[i]` on. There is
    one point per matching pair: between them only errors can be gained.

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
        """The rate at which as many matches are refused as others accepted.

        Exact: from one threshold to the next, first errors are gained and
        then a match, and the two rates meet on one of these two steps.
        """
        i = self._crossing
        refused = 1 - self.true_positive_rates[i - 1] if i else 1.0
        return float(min(self.false_positive_rates[i], refused))

    @property
    def threshold(self) -> float:
        """The similarity at the equal error rate."""
        return float(self.thresholds[self._crossing])

    def at_false_positive_rate(self, rate: float) -> OperatingPoint:
        """The point that accepts most matches at no more than `rate` errors.

        Its threshold is infinite if every threshold lets more errors pass.
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
        """The calibration as JSON knows it, its curve thinned out."""
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
        """The first point with no fewer wrong acceptances than refusals."""
        missed = 1 - self.true_positive_rates
        return int(np.argmax(self.false_positive_rates >= missed))
