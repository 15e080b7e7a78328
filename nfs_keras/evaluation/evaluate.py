"""Scores a network on a dataset's own protocol, embedding every image once.

The dataset is a reader: its `searches` lists the ranking tasks, so this module
works for any dataset. `evaluate_regdb`, `evaluate_sysu_mm01` and
`evaluate_llcm` are `evaluate` with the named options of one dataset.
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
        rerank: Whether to re-rank, with a note in the table.
        memory: Bytes for one block of similarities.
        **options: Arguments of the reader's `searches`, such as `trials=(0,)`.

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

    Each trial splits the 412 people anew, so a network is tested only on the
    trial that it was trained on: another trial's test set contains people
    that it was trained on. The published mean over ten trials is that of ten
    networks; pass them as a mapping.

    Args:
        embed: As for `evaluate`.
        dataset: A `RegDB` reader.
        trials: Trials to test. Defaults to the keys of `embed`, or to
            `trained_on`.
        trained_on: Trial that a single `embed` was trained on. Defaults to
            the trial of `dataset`.
        force: Whether to allow tests on other trials, with a note in the
            table.
        queries: Query modalities, one row each.
        **options: As for `evaluate`: `ranks`, `rerank`, `memory`.

    Returns:
        `EvaluationTable` with rows `"visible to infrared"` and
        `"infrared to visible"`.

    Raises:
        ValueError: If another trial would be tested without `force`.
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

    A trial samples a gallery of 1 or 10 images of each person and camera; the
    published scores are means over ten trials. Ranks count identities, and
    a query from camera 3 is not compared with images of camera 2, which
    stands in the same place.

    Args:
        embed: As for `evaluate`.
        dataset: A `SYSUMM01` reader. Its `sampler` samples the galleries and
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

    A trial samples one gallery image of each person and camera; the published
    scores are means over ten trials. Ranks count identities, and a query is
    not compared with gallery images of the same person and camera number.

    For visible queries two ways of scoring are published, and the reader's
    `scoring` chooses: `"paper"` follows the paper's text; `"released"` the
    authors' program, which transposes the distance matrix. The row of the
    latter has its own name, and a table holds only one of them.

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
    """Returns the embedding functions of `trials`; a missing one raises."""
    missing = sorted({*trials} - {*embed})
    if missing:
        raise ValueError(
            "Every trial needs the network that was trained on it. "
            f"Received: trials={tuple(trials)}, embed has {[*embed]}. "
            f"Add {missing} to `embed`, or leave them out of `trials`."
        )
    return {trial: embed[trial] for trial in trials}


def check_trials(trials, trained_on, force) -> tuple[str, ...]:
    """Raises for leaks between RegDB's trials, or notes the forced ones."""
    if set(trials) != {trained_on} and not force:
        raise ValueError(
            "A RegDB network is tested on the trial that it was trained on: "
            "other trials test people of its training set. "
            f"Received: trials={trials}, trained_on={trained_on}. "
            "Pass one embedding function per trial, {trial: embed}, or "
            "`force=True` for a table with a note about it."
        )
    return tuple(
        f"LEAK, forced: trial {trial} tests people whom the network was "
        f"trained on in trial {trained_on}."
        for trial in trials
        if trial != trained_on
    )


def notes_about(embed, rerank) -> tuple[str, ...]:
    """Notes what was done beyond plain ranking."""
    notes = []
    if rerank:
        notes.append("Re-ranked: k-reciprocal, k1=20, k2=6, weight 0.3.")
    embeds = embed.values() if isinstance(embed, Mapping) else [embed]
    if any(getattr(function, "flip", False) for function in embeds):
        notes.append(
            "Embeddings averaged over each image and its mirror image."
        )
    return tuple(notes)
