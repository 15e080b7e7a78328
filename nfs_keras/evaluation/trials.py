"""Runs the settings of a protocol, embedding every image once."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from nfs_keras.evaluation.evaluation_table import EvaluationRow
from nfs_keras.evaluation.measure import (
    GIBIBYTE,
    retrieval_metrics,
)
from nfs_keras.evaluation.protocol import Protocol

Embed = Callable[[Sequence], np.ndarray]  # samples -> (N, D)


class Setting(NamedTuple):
    """One ranking task: a row of the table in one trial."""

    name: str
    trial: int
    query: Sequence
    gallery: Sequence
    protocol: Protocol


def embed_once(embed: Embed, samples: Iterable) -> dict[str, np.ndarray]:
    """Embeds each distinct image once; gives path -> (D,) embedding."""
    distinct = list({sample.path: sample for sample in samples}.values())
    embeddings = np.asarray(embed(distinct))
    if embeddings.ndim != 2 or len(embeddings) != len(distinct):
        raise ValueError(
            "An embedding function gives one row per sample. "
            f"Received: shape={embeddings.shape} for {len(distinct)} samples. "
            "Return an (N, D) array, in the order of the samples."
        )
    paths = [sample.path for sample in distinct]
    return dict(zip(paths, embeddings, strict=True))


def score_settings(
    embed: Embed,
    settings: Sequence[Setting],
    ranks: tuple[int, ...],
    memory: int = GIBIBYTE,
) -> list[EvaluationRow]:
    """Scores settings that share one embedding function."""
    samples = [s for x in settings for side in x[2:4] for s in side]
    embeddings = embed_once(embed, samples)
    rows = {}
    for setting in settings:
        metrics = score_setting(setting, embeddings, ranks, memory)
        rows.setdefault(setting.name, {})[setting.trial] = metrics
    return [EvaluationRow(name, trials) for name, trials in rows.items()]


def score_setting(setting, embeddings, ranks, memory):
    """Scores one ranking task with the embeddings of its images."""
    sides = (setting.query, setting.gallery)
    return retrieval_metrics(
        *(np.stack([embeddings[s.path] for s in side]) for side in sides),
        *(np.array([s.identity for s in side]) for side in sides),
        *(np.array([s.camera for s in side]) for side in sides),
        protocol=setting.protocol,
        ranks=ranks,
        memory=memory,
    )


def merge_rows(tables: Iterable[Sequence[EvaluationRow]]):
    """Joins the trials of rows that have the same name."""
    merged = {}
    for rows in tables:
        for row in rows:
            merged.setdefault(row.name, {}).update(row.trials)
    return tuple(EvaluationRow(name, trials) for name, trials in merged.items())
