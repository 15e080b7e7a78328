"""Means, paired differences and targets of the lines of the study."""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.stats import t as student

DIRECTIONS = ("visible_to_infrared", "infrared_to_visible")
FULL = "stages_only"  # the method as the recipe `demo` has it
BUDGETED = "dual_cmco_identity"  # and as `--compress` has it
METRICS = {"rank1": "R-1", "mean_ap": "mAP"}
GAP = "discretisation_gap_mean_ap"


class Difference(NamedTuple):
    """What one row scores above another, seed by seed, in points.

    Attributes:
        mean: Mean of the differences.
        half: Half the width of their 95 % interval; `None` for one seed.
        num_seeds: Number of seeds that both rows were run with.
    """

    mean: float
    half: float | None
    num_seeds: int

    @property
    def low(self):
        return self.mean - self.half

    @property
    def high(self):
        return self.mean + self.half

    @property
    def verdict(self):
        """Where the interval lies: "above", "below" or on both sides of 0."""
        if self.half is None:
            return "one seed"
        if self.low > 0:
            return "above"
        return "below" if self.high < 0 else "not told apart"


class Target(NamedTuple):
    """Something that was asked for.

    Attributes:
        what: Words.
        asked: Words.
        outcome: A `Difference`, a share in percent, or `None` if missing.
        met: Boolean, or `None` where the lines cannot tell.
    """

    what: str
    asked: str
    outcome: Difference | float | None
    met: bool | None


def read_study(path):
    """Reads lines; of two with the same row, seed and dataset the last.

    Returns:
        Dict of dataset to a dict of row to a dict of seed to a line.
    """
    study = {}
    for text in Path(path).read_text().splitlines():
        line = json.loads(text)
        rows = study.setdefault(line["dataset"], {})
        rows.setdefault(line["row"], {})[line["seed"]] = line
    return study


def both_directions(line, metric):
    """A metric of a line, averaged over its directions (SYSU-MM01 has one)."""
    return float(np.mean([line[x][metric] for x in DIRECTIONS if x in line]))


def is_searched(runs):
    """Whether a row has an architecture, chosen or random."""
    return any("open_fraction" in line for line in runs.values())


def spread(values):
    """Gives the mean, and the standard deviation (`None` of one value)."""
    deviation = np.std(values, ddof=1) if len(values) > 1 else None
    return np.mean(values), deviation


def difference(runs, others, metric):
    """Compares two rows on the seeds that both have; `None` if on none."""
    seeds = sorted(set(runs) & set(others))
    if not seeds:
        return None
    values = [
        both_directions(runs[seed], metric)
        - both_directions(others[seed], metric)
        for seed in seeds
    ]
    mean, deviation = spread(values)
    if deviation is None:
        return Difference(float(mean), None, 1)
    quantile = student.ppf(0.975, len(seeds) - 1)
    half = quantile * deviation / np.sqrt(len(seeds))
    return Difference(float(mean), float(half), len(seeds))


def flops_saved(runs, others):
    """Percent of the operations of `others` that `runs` does without."""
    if not runs or not others:
        return None
    counts = [
        np.mean([line["flops"] for line in row.values()])
        for row in (runs, others)
    ]
    return float(100 * (1 - counts[0] / counts[1]))


def targets(rows):
    """What was asked of the method on a dataset, and what came out.

    Args:
        rows: Dict of row to a dict of seed to a line.

    Returns:
        List of `Target`.
    """
    return [
        *accuracy_targets(rows, FULL),
        *accuracy_targets(rows, BUDGETED),
        clear_target(rows, BUDGETED, "random", 0),
        clear_target(rows, BUDGETED, "random", 0, "mean_ap"),
        *compact_targets(rows, FULL),
        *compact_targets(rows, BUDGETED),
    ]


def accuracy_targets(rows, row):
    """The method must lead the network without it."""
    return [
        clear_target(rows, row, "baseline", 10),
        clear_target(rows, row, "baseline_cmco", 3),
    ]


def compact_targets(rows, row):
    """A compacted network must be cheaper, and no worse than CMCO alone."""
    small = f"{row}_compact"
    saved = flops_saved(rows.get(small), rows.get("baseline_cmco"))
    what = f"operations that `{small}` saves of those without gates"
    met = None if saved is None else saved >= 30
    return [
        Target(what, "at least 30 %", saved, met),
        loss_target(rows, small, row),
        loss_target(rows, small, "baseline_cmco"),
    ]


def clear_target(rows, row, other, points, metric="rank1"):
    """A row must lead by some points, its interval clear of zero."""
    found = difference(rows.get(row, {}), rows.get(other, {}), metric)
    asked = f"at least {points} points" if points else "above 0"
    met = None
    if found and found.half is not None:
        met = found.mean >= points and found.low > 0
    what = f"{METRICS[metric]} of `{row}` above `{other}`"
    return Target(what, f"{asked}, interval clear of 0", found, met)


def loss_target(rows, small, other):
    """The compacted network must lose nothing that a table would show."""
    found = difference(rows.get(small, {}), rows.get(other, {}), "mean_ap")
    met = None
    if found and found.half is not None:
        met = round(found.mean, 1) >= 0
    what = f"mAP of `{small}` above `{other}`"
    return Target(what, "mean not below 0.0", found, met)
