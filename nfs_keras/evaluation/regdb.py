"""The RegDB protocol, whole."""

from collections.abc import Mapping, Sequence

from nfs_keras.evaluation.evaluation_table import EvaluationTable
from nfs_keras.evaluation.protocol import REGDB
from nfs_keras.evaluation.similarity import GIBIBYTE
from nfs_keras.evaluation.trials import (
    OTHER_MODALITY,
    Embed,
    Setting,
    merge_rows,
    notes,
    score_settings,
)


def evaluate_regdb(
    embed: Embed | Mapping[int, Embed],
    dataset,
    trials: Sequence[int] | None = None,
    trained_on: int | None = None,
    force: bool = False,
    queries: Sequence[str] = ("visible", "infrared"),
    ranks: tuple[int, ...] = (1, 5, 10, 20),
    rerank: bool = False,
    memory: int = GIBIBYTE,
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
        rerank: Whether to re-rank; the table then says so.
        memory: Bytes for similarities in work.

    Returns:
        `EvaluationTable` with rows `"visible to infrared"` and
        `"infrared to visible"`.

    Raises:
        ValueError: If a foreign trial would be tested without `force`.
    """
    if trained_on is None:
        trained_on = dataset.trial
    embeds = embeds_by_trial(embed, trials, trained_on, force)
    tables = [
        score_settings(
            embeds[trial],
            regdb_settings(dataset, trial, queries),
            ranks,
            rerank,
            memory,
        )
        for trial in embeds
    ]
    leaks = leak_notes(embed, embeds, trained_on)
    said = leaks + notes(next(iter(embeds.values())), rerank)
    return EvaluationTable(REGDB.name, said, merge_rows(tables))


def regdb_settings(dataset, trial, queries):
    """Lists the directions of a trial."""
    settings = []
    for query in queries:
        reader = dataset.replace(trial=trial, query=query)
        name = f"{query} to {OTHER_MODALITY[query]}"
        setting = Setting(name, trial, reader.query, reader.gallery, REGDB)
        settings.append(setting)
    return settings


def embeds_by_trial(embed, trials, trained_on, force):
    """Pairs each trial with its embedding function; refuses leaks."""
    if isinstance(embed, Mapping):
        missing = sorted({*(trials or ())} - {*embed})
        if missing:
            raise ValueError(
                "Every trial needs the network that was trained on it. "
                f"Received: trials={tuple(trials)}, embed has {[*embed]}. "
                f"Add {missing} to `embed`, or leave them out of `trials`."
            )
        return {trial: embed[trial] for trial in trials or embed}
    trials = trials or (trained_on,)
    if set(trials) != {trained_on} and not force:
        raise ValueError(
            "A RegDB network is tested on the trial that it was trained on: "
            "other trials test people whom it has learned. "
            f"Received: trials={tuple(trials)}, trained_on={trained_on}. "
            "Pass one embedding function per trial, {trial: embed}, or "
            "`force=True` for a table that says so."
        )
    return dict.fromkeys(trials, embed)


def leak_notes(embed, trials, trained_on):
    """Says which trials were tested although people of them were learned."""
    if isinstance(embed, Mapping):
        return ()
    return tuple(
        f"LEAK, forced: trial {trial} tests people whom the network learned "
        f"in trial {trained_on}."
        for trial in trials
        if trial != trained_on
    )
