"""Several runs at a glance: their scores, and their spread over trials."""

import numpy as np

from nfs_keras.modalities import DIRECTIONS
from nfs_keras.report.blocks import Note, Table
from nfs_keras.report.formats import DASH, decimal, duration, short
from nfs_keras.report.run import SYNTHETIC
from nfs_keras.report.tell_results import (
    count_people,
    tell_cmc,
    tell_cost_accuracy,
)

ARROWS = ("V\N{RIGHTWARDS ARROW}I", "I\N{RIGHTWARDS ARROW}V")
CAPTION = (
    "Scores in percent (V visible, I infrared); training in processor time"
)
SCORES = {"rank1": "R-1", "mean_ap": "mAP"}


def compare_runs(runs):
    """Yields what a reader wants first: the scores of every network.

    Args:
        runs: List of `Run`.

    Yields:
        Blocks of the page.
    """
    named = [(run, row) for run in runs for row in run.rows]
    if not named:
        yield Note("Nothing was evaluated yet, so there are no scores.")
        return
    if any(run.synthetic for run in runs):
        yield Note(SYNTHETIC)
    yield tabulate(named)
    yield from tell_trials(runs)
    if len(runs) > 1:
        last = {run.name: run.rows[-1] for run in runs if run.rows}
        people = {run.name: count_people(run) for run in runs}
        yield from tell_cmc({k: (last[k], people[k]) for k in last})
        yield from tell_cost_accuracy(
            [{**row, "name": f"{run.name} {row['name']}"} for run, row in named]
        )


def tabulate(named):
    """Tabulates the scores and costs of every network of every run."""
    header = [
        "run", "network", *score_names(), "FLOPs", "parameters", "training",
    ]  # fmt: skip
    rows = [
        [
            run.name,
            row["name"],
            *(decimal(value) for value in scores(row)),
            short(row.get("flops")),
            short(row.get("parameters")),
            duration(row.get("cpu_seconds")),
        ]
        for run, row in named
    ]
    return Table(CAPTION, header, rows)


def score_names():
    """Names the columns that `scores` fills."""
    return [f"{name} {arrow}" for arrow in ARROWS for name in SCORES.values()]


def scores(row):
    """Lists the scores of a network in both directions; `None` if absent."""
    return [
        (row.get(direction) or {}).get(name)
        for direction in DIRECTIONS
        for name in SCORES
    ]


def tell_trials(runs):
    """Yields mean and deviation over the runs that differ in their trial."""
    trials = {run.dataset.get("trial"): run for run in runs}
    datasets = {run.dataset.get("name") for run in runs}
    if len(trials) < 2 or len(trials) != len(runs) or len(datasets) > 1:
        yield Note(
            "Scores of one trial each: there is no deviation over trials."
        )
        return
    table = []
    for name in dict.fromkeys(row["name"] for x in runs for row in x.rows):
        own = [row for x in runs for row in x.rows if row["name"] == name]
        columns = zip(*map(scores, own), strict=True)
        table.append([name, str(len(own)), *map(mean_deviation, columns)])
    header = ["network", "trials", *score_names()]
    caption = "Mean and standard deviation over trials, in percent"
    yield Table(caption, header, table)


def mean_deviation(values):
    """Writes `57.1 ± 1.2`; a dash unless there are two values or more."""
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return DASH
    return (
        f"{np.mean(known):.1f} \N{PLUS-MINUS SIGN} {np.std(known, ddof=1):.1f}"
    )
