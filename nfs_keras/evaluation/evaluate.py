"""Scores a network on a dataset's own protocol, embedding every image once.

The dataset is a reader: its `searches` lists the ranking tasks, and so this
module knows no dataset. `evaluate_regdb`, `evaluate_sysu_mm01` and
`evaluate_llcm` are `evaluate` with the options of one dataset spelled out.
"""

import dataclasses
from collections.abc import Mapping, Sequence

from nfs_keras.evaluation.evaluation_table import EvaluationRow, EvaluationTable
from nfs_keras.evaluation.reranking import rerank as k_reciprocal
from nfs_keras.evaluation.retrieval_metrics import (
    RetrievalMetrics,
    metrics_from_similarity,
    retrieval_metrics,
)
from nfs_keras.evaluation.search import (
    Embed,
    check_search,
    embed_once,
    list_searches,
    one_per_row,
)
from nfs_keras.evaluation.similarity import GIBIBYTE

BOTH = ("visible", "infrared")


def evaluate(
    embed: Embed | Mapping[int, Embed],
    dataset,
    ranks: Sequence[int] | None = None,
    rerank: bool = False,
    memory: int = GIBIBYTE,
    **options,
) -> EvaluationTable:
    """Scores a network on a dataset's own protocol.

    Args:
        embed: Function from samples to (N, D) embeddings, or one per trial:
            `{1: embed_1, 2: embed_2}`, each of a network that was trained on
            the trial of its key.
        dataset: A reader of `nfs_keras.datasets`, or of your own.
        ranks: Ranks to report. Defaults to the reader's `ranks`.
        rerank: Whether to re-rank; the table then says so.
        memory: Bytes for the block of similarities that is in work.
        **options: What the reader's `searches` takes, such as `trials=(0,)`.

    Returns:
        `EvaluationTable`, with a row for each name among the searches.

    Raises:
        ValueError: If the dataset has nothing to search for, or ranks lie
            beyond a gallery.
    """
    if isinstance(embed, Mapping):
        options = {"trials": tuple(embed), **options}
        embed = check_embeds(embed, options["trials"])
    searches = list_searches(dataset, **options)
    ranks = tuple(dataset.ranks if ranks is None else ranks)
    for search in one_per_row(searches):
        check_search(search, ranks)
    rows = {}
    for part, trial_embed in by_embed(embed, searches):
        by_path = embed_once(trial_embed, part)
        for search in part:
            metrics = score(search, by_path, ranks, rerank, memory)
            row = EvaluationRow(search.name, {}, search.direction)
            rows.setdefault(search.name, row).trials[search.trial] = metrics
    notes = (*dataset.notes, *notes_about(embed, rerank))
    return EvaluationTable(dataset.title, notes, tuple(rows.values()))


def evaluate_regdb(
    embed: Embed | Mapping[int, Embed],
    dataset,
    trials: Sequence[int] | None = None,
    trained_on: int | None = None,
    force: bool = False,
    queries: Sequence[str] = BOTH,
    **options,
) -> EvaluationTable:
    """Scores RegDB: every test image of one modality against the other's.

    Each trial splits the 412 people anew, so a network is tested on the
    trial that it was trained on and on no other: another trial's test set
    holds people that it has learned. The published mean over ten trials is
    that of ten networks; pass them as a mapping.

    Args:
        embed: As for `evaluate`.
        dataset: A `RegDB` reader.
        trials: Trials to test. Defaults to the keys of `embed`, or to
            `trained_on`.
        trained_on: Trial that a single `embed` was trained on. Defaults to
            the trial of `dataset`.
        force: Whether to test on foreign trials all the same; the table then
            says so.
        queries: Query modalities, one row each.
        **options: As for `evaluate`: `ranks`, `rerank`, `memory`.

    Returns:
        `EvaluationTable` with rows `"visible to infrared"` and
        `"infrared to visible"`.

    Raises:
        ValueError: If a foreign trial would be tested without `force`.
    """
    leaks = ()
    if isinstance(embed, Mapping):
        trials = tuple(trials or embed)
    else:
        trained_on = dataset.trial if trained_on is None else trained_on
        trials = tuple(trials or (trained_on,))
        leaks = check_trials(trials, trained_on, force)
    table = evaluate(embed, dataset, trials=trials, queries=queries, **options)
    return dataclasses.replace(table, notes=(*leaks, *table.notes))


def evaluate_sysu_mm01(
    embed: Embed,
    dataset,
    modes: Sequence[str] = ("all", "indoor"),
    shots: Sequence[int] = (1, 10),
    trials: Sequence[int] = tuple(range(10)),
    **options,
) -> EvaluationTable:
    """Scores SYSU-MM01: infrared queries against random visible galleries.

    A trial draws a gallery of 1 or 10 images of each person and camera; the
    published figures are means over ten trials. Ranks count identities, and
    a query from camera 3 does not see camera 2, which stands in the same
    room.

    Args:
        embed: As for `evaluate`.
        dataset: A `SYSUMM01` reader. Its `sampler` draws the galleries and
            is named in the table.
        modes: `"all"` and `"indoor"`.
        shots: 1 and 10.
        trials: Trial numbers.
        **options: As for `evaluate`: `ranks`, `rerank`, `memory`.

    Returns:
        `EvaluationTable` with rows such as `"all-search, single-shot"`.
    """
    options |= {"modes": modes, "shots": shots, "trials": trials}
    return evaluate(embed, dataset, **options)


def evaluate_llcm(
    embed: Embed,
    dataset,
    queries: Sequence[str] = BOTH,
    trials: Sequence[int] = tuple(range(10)),
    **options,
) -> EvaluationTable:
    """Scores LLCM: all images of one modality against a sample of the other.

    A trial draws one gallery image of each person and camera; the published
    figures are means over ten trials. Ranks count identities, and a query
    does not see gallery images of its own person from its own camera number.

    For visible queries two scales are in circulation, and the reader's
    `scoring` chooses: `"paper"` follows the paper's text; `"released"` the
    authors' program, which transposes the distance matrix. The row of the
    latter has its own name, and a table holds one of them only.

    Args:
        embed: As for `evaluate`.
        dataset: An `LLCM` reader.
        queries: Query modalities, one row each.
        trials: Trial numbers.
        **options: As for `evaluate`: `ranks`, `rerank`, `memory`.

    Returns:
        `EvaluationTable` with rows `"visible to infrared"` and
        `"infrared to visible"`.
    """
    options |= {"queries": queries, "trials": trials}
    return evaluate(embed, dataset, **options)


def score(search, by_path, ranks, rerank, memory) -> RetrievalMetrics:
    """Scores one ranking task with the embeddings of its images."""
    query, gallery = search.embeddings(by_path)
    rules = (*search.labels(), search.protocol, ranks, memory)
    if rerank:
        similarity = -k_reciprocal(query, gallery, memory=memory)
        return metrics_from_similarity(similarity, *rules)
    return retrieval_metrics(query, gallery, *rules)


def by_embed(embed, searches):
    """Pairs searches with the embedding function that scores them."""
    if not isinstance(embed, Mapping):
        return [(searches, embed)]
    return [
        ([s for s in searches if s.trial == trial], function)
        for trial, function in embed.items()
    ]


def check_embeds(embed, trials):
    """Keeps the embedding functions of `trials`; refuses a missing one."""
    missing = sorted({*trials} - {*embed})
    if missing:
        raise ValueError(
            "Every trial needs the network that was trained on it. "
            f"Received: trials={tuple(trials)}, embed has {[*embed]}. "
            f"Add {missing} to `embed`, or leave them out of `trials`."
        )
    return {trial: embed[trial] for trial in trials}


def check_trials(trials, trained_on, force) -> tuple[str, ...]:
    """Refuses leaks between RegDB's trials, or says which were forced."""
    if set(trials) != {trained_on} and not force:
        raise ValueError(
            "A RegDB network is tested on the trial that it was trained on: "
            "other trials test people whom it has learned. "
            f"Received: trials={trials}, trained_on={trained_on}. "
            "Pass one embedding function per trial, {trial: embed}, or "
            "`force=True` for a table that says so."
        )
    return tuple(
        f"LEAK, forced: trial {trial} tests people whom the network learned "
        f"in trial {trained_on}."
        for trial in trials
        if trial != trained_on
    )


def notes_about(embed, rerank) -> tuple[str, ...]:
    """Says what was done to the figures beyond plain ranking."""
    said = []
    if rerank:
        said.append("Re-ranked: k-reciprocal, k1=20, k2=6, weight 0.3.")
    embeds = embed.values() if isinstance(embed, Mapping) else [embed]
    if any(getattr(function, "flip", False) for function in embeds):
        said.append("Embeddings averaged over each image and its mirror image.")
    return tuple(said)
