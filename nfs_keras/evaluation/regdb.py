"""The RegDB protocol, whole."""

from collections.abc import Mapping, Sequence

from nfs_keras.evaluation.evaluation_table import EvaluationTable
from nfs_keras.evaluation.protocol import REGDB
from nfs_keras.evaluation.trials import (
    Embed,
    Setting,
    merge_rows,
    score_settings,
)

OTHER = {"visible": "infrared", "infrared": "visible"}


def evaluate_regdb(
    embed: Embed | Mapping[int, Embed],
    dataset,
    trials: Sequence[int] | None = None,
    trained_on: int | None = None,
    force: bool = False,
    queries: Sequence[str] = ("visible", "infrared"),
    ranks: tuple[int, ...] = (1, 5, 10, 20),
) -> EvaluationTable:
    """Scores RegDB: every test image of one modality against the other's.

    Each trial splits the 412 people anew, so a network is tested on the
    trial that it was trained on and on no other: another trial's test set
    holds people that it has learned. The published mean over ten trials is
    that of ten networks; pass them as a mapping.

    Args:
        embed: Function from samples to (N, D) embeddings, or one per trial:
            `{1: embed_1, 2: embed_2}`, each trained on the trial of its key.
        dataset: A `RegDB` reader.
        trials: Trials to test. Defaults to the keys of `embed`, or to
            `trained_on`.
        trained_on: Trial that a single `embed` was trained on. Defaults to
            the trial of `dataset`.
        force: Whether to test on foreign trials all the same; the table then
            says so.
        queries: Query modalities, one row each.
        ranks: Ranks to report.

    Returns:
        `EvaluationTable` with rows `"visible to infrared"` and
        `"infrared to visible"`.

    Raises:
        ValueError: If a foreign trial would be tested without `force`.
    """
    embeds, notes = embeds_by_trial(embed, dataset, trials, trained_on, force)
    rows = [
        score_settings(
            embeds[trial], regdb_settings(dataset, trial, queries), ranks
        )
        for trial in embeds
    ]
    return EvaluationTable(dataset.name, notes, merge_rows(rows))


def regdb_settings(dataset, trial, queries):
    """Lists the directions of a trial."""
    settings = []
    for query in queries:
        reader = dataset.replace(trial=trial, query=query)
        name = f"{query} to {OTHER[query]}"
        setting = Setting(name, trial, reader.query, reader.gallery, REGDB)
        settings.append(setting)
    return settings


def embeds_by_trial(embed, dataset, trials, trained_on, force):
    """Pairs each trial with its embedding function; refuses leaks."""
    if isinstance(embed, Mapping):
        return {trial: embed[trial] for trial in trials or embed}, ()
    trained_on = dataset.trial if trained_on is None else trained_on
    trials = trials or (trained_on,)
    foreign = [trial for trial in trials if trial != trained_on]
    if foreign and not force:
        raise ValueError(
            "A RegDB network is tested on the trial that it was trained on: "
            "other trials test people whom it has learned. "
            f"Received: trials={tuple(trials)}, trained_on={trained_on}. "
            "Pass one embedding function per trial, {trial: embed}, or "
            "`force=True` for a table that says so."
        )
    notes = [
        f"LEAK, forced: trial {trial} tests people of trial {trained_on}'s "
        "training set."
        for trial in foreign
    ]
    return dict.fromkeys(trials, embed), tuple(notes)
