"""Runs the settings of a protocol, embedding every image once."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from nfs_keras.evaluation.evaluation_table import EvaluationRow
from nfs_keras.evaluation.measure import (
    metrics_from_similarity,
    retrieval_metrics,
)
from nfs_keras.evaluation.protocol import Protocol
from nfs_keras.evaluation.reranking import rerank as k_reciprocal

OTHER_MODALITY = {"visible": "infrared", "infrared": "visible"}

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
    rerank: bool,
    memory: int,
) -> list[EvaluationRow]:
    """Scores settings that share one embedding function."""
    samples = [
        sample
        for setting in settings
        for side in (setting.query, setting.gallery)
        for sample in side
    ]
    embeddings = embed_once(embed, samples)
    rows = {}
    for setting in settings:
        metrics = score_setting(setting, embeddings, ranks, rerank, memory)
        rows.setdefault(setting.name, {})[setting.trial] = metrics
    return [EvaluationRow(name, trials) for name, trials in rows.items()]


def score_setting(setting, embeddings, ranks, rerank, memory):
    """Scores one ranking task with the embeddings of its images."""
    sides = (setting.query, setting.gallery)
    query, gallery = (
        np.stack([embeddings[s.path] for s in side]) for side in sides
    )
    labels = [
        *(np.array([s.identity for s in side]) for side in sides),
        *(np.array([s.camera for s in side]) for side in sides),
        setting.protocol,
        ranks,
        memory,
    ]
    if rerank:
        similarity = -k_reciprocal(query, gallery, memory=memory)
        return metrics_from_similarity(similarity, *labels)
    return retrieval_metrics(query, gallery, *labels)


def merge_rows(
    tables: Iterable[Sequence[EvaluationRow]],
) -> tuple[EvaluationRow, ...]:
    """Joins the trials of rows that have the same name."""
    merged = {}
    for rows in tables:
        for row in rows:
            merged.setdefault(row.name, {}).update(row.trials)
    return tuple(EvaluationRow(name, trials) for name, trials in merged.items())


def notes(embed: Embed, rerank: bool) -> tuple[str, ...]:
    """Says what was done to the figures beyond plain ranking."""
    said = []
    if rerank:
        said.append("Re-ranked: k-reciprocal, k1=20, k2=6, weight 0.3.")
    if getattr(embed, "flip", False):
        said.append("Embeddings averaged over each image and its mirror image.")
    return tuple(said)
