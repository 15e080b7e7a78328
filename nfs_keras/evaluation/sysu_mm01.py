"""The SYSU-MM01 protocol, whole."""

from collections.abc import Sequence

from nfs_keras.evaluation.evaluation_table import EvaluationTable
from nfs_keras.evaluation.protocol import SYSU_ALL_SEARCH, SYSU_INDOOR_SEARCH
from nfs_keras.evaluation.similarity import GIBIBYTE
from nfs_keras.evaluation.trials import Embed, Setting, notes, score_settings

PROTOCOLS = {"all": SYSU_ALL_SEARCH, "indoor": SYSU_INDOOR_SEARCH}
SHOTS = {1: "single-shot", 10: "multi-shot"}


def evaluate_sysu_mm01(
    embed: Embed,
    dataset,
    modes: Sequence[str] = ("all", "indoor"),
    shots: Sequence[int] = (1, 10),
    trials: Sequence[int] = tuple(range(10)),
    ranks: tuple[int, ...] = (1, 5, 10, 20),
    rerank: bool = False,
    memory: int = GIBIBYTE,
) -> EvaluationTable:
    """Scores SYSU-MM01: infrared queries against random visible galleries.

    A trial draws a gallery of 1 or 10 images of each person and camera; the
    published figures are means over ten trials. Ranks count identities, and
    a query from camera 3 does not see camera 2, which stands in the same
    room. Every image is embedded once, however many galleries hold it.

    Args:
        embed: Function from samples to (N, D) embeddings.
        dataset: A `SYSUMM01` reader. Its `sampler` draws the galleries and
            is named in the table.
        modes: `"all"` and `"indoor"`.
        shots: 1 and 10.
        trials: Trial numbers.
        ranks: Ranks to report.
        rerank: Whether to re-rank; the table then says so.
        memory: Bytes for similarities in work.

    Returns:
        `EvaluationTable` with rows such as `"all-search, single-shot"`.
    """
    settings = [
        sysu_setting(dataset.replace(mode=mode, shots=number, trial=trial))
        for mode in modes
        for number in shots
        for trial in trials
    ]
    rows = score_settings(embed, settings, ranks, rerank, memory)
    sampler = f"Galleries drawn by the {dataset.sampler!r} sampler."
    said = (sampler, *notes(embed, rerank))
    return EvaluationTable("SYSU-MM01", said, tuple(rows))


def sysu_setting(reader):
    """Turns a reader's options into a ranking task."""
    name = f"{reader.mode}-search, {SHOTS[reader.shots]}"
    protocol = PROTOCOLS[reader.mode]
    return Setting(name, reader.trial, reader.query, reader.gallery, protocol)
