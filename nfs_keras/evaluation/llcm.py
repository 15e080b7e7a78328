"""The LLCM protocol, whole."""

from collections.abc import Sequence

from nfs_keras.evaluation.evaluation_table import EvaluationTable
from nfs_keras.evaluation.protocol import LLCM
from nfs_keras.evaluation.similarity import GIBIBYTE
from nfs_keras.evaluation.trials import (
    OTHER_MODALITY,
    Embed,
    Setting,
    notes,
    score_settings,
)

RELEASED = (
    "Visible to infrared by the released program, which searches the sampled "
    "infrared images among all visible ones: not comparable with the paper's "
    "text."
)


def evaluate_llcm(
    embed: Embed,
    dataset,
    queries: Sequence[str] = ("visible", "infrared"),
    trials: Sequence[int] = tuple(range(10)),
    ranks: tuple[int, ...] = (1, 5, 10, 20),
    rerank: bool = False,
    memory: int = GIBIBYTE,
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
        embed: Function from samples to (N, D) embeddings.
        dataset: An `LLCM` reader.
        queries: Query modalities, one row each.
        trials: Trial numbers.
        ranks: Ranks to report.
        rerank: Whether to re-rank; the table then says so.
        memory: Bytes for similarities in work.

    Returns:
        `EvaluationTable` with rows `"visible to infrared"` and
        `"infrared to visible"`.
    """
    settings = [
        llcm_setting(dataset, query, trial)
        for query in queries
        for trial in trials
    ]
    rows = score_settings(embed, settings, ranks, rerank, memory)
    released = dataset.scoring == "released" and "visible" in queries
    said = (RELEASED,) * released + notes(embed, rerank)
    return EvaluationTable("LLCM", said, tuple(rows))


def llcm_setting(dataset, query, trial):
    """Lists one direction of one trial."""
    # The released program transposes the visible-to-infrared matrix only.
    scoring = dataset.scoring if query == "visible" else "paper"
    reader = dataset.replace(query=query, trial=trial, scoring=scoring)
    suffix = ", released program" if scoring == "released" else ""
    name = f"{query} to {OTHER_MODALITY[query]}{suffix}"
    return Setting(name, trial, reader.query, reader.gallery, LLCM)
