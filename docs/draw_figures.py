"""Plots the figures of the documentation from a finished run.

    python docs/draw_figures.py runs/regdb docs/images

Writes kept_pixels.png, gate_movement.png and rank_lists.png.
"""

import pathlib
import sys

import numpy as np

from nfs_keras.modalities import MODALITIES
from nfs_keras.report import (
    Run,
    find_rank_lists,
    plot_gate_movement,
    plot_kept_pixels,
    plot_rank_lists,
)
from nfs_keras.report.run import sample_at, select, select_modality
from nfs_keras.report.style import read_image


def main(run_dir, images):
    run = Run(run_dir)
    folder = pathlib.Path(images)
    folder.mkdir(parents=True, exist_ok=True)
    for name, figure in (
        ("kept_pixels", draw_kept_pixels(run)),
        ("gate_movement", plot_gate_movement(run.gates)),
        ("rank_lists", draw_rank_lists(run)),
    ):
        figure.savefig(folder / f"{name}.png", dpi=150)


def draw_kept_pixels(run):
    """Plots what the cells keep, over both modalities of one person."""
    embedded = run.last_embeddings()
    identities = embedded["identity"]
    own = select(embedded, identities == identities.min())
    samples = [sample_at(select_modality(own, m), 0) for m in MODALITIES]
    images = {
        sample.modality: read_image(sample.path, run.dataset["root"], 160)
        for sample in samples
    }
    kept = {
        cell: levels["spatial"]
        for cell, levels in run.cells.items()
        if "spatial" in levels  # the gates inside blocks have channels alone
    }
    logits = {cell: run.gates[f"{cell}_spatial"][-1] for cell in kept}
    probabilities = {cell: 1 / (1 + np.exp(-x)) for cell, x in logits.items()}
    return plot_kept_pixels(images, kept, probabilities)


def draw_rank_lists(run):
    """Plots the two best answers to visible queries, and the worst."""
    embedded = run.last_embeddings()
    query, gallery = (select_modality(embedded, m) for m in MODALITIES)
    worst, best = find_rank_lists(
        query["embedding"],
        gallery["embedding"],
        query["identity"],
        gallery["identity"],
        num_worst=1,
        num_best=2,
    )
    samples = [
        [sample_at(side, position) for position in range(len(side["path"]))]
        for side in (query, gallery)
    ]
    figure, file_names = plot_rank_lists(
        [*best, *worst], *samples, run.dataset["root"]
    )
    for names in file_names:
        print(*names, sep="\n  ")
    return figure


if __name__ == "__main__":
    main(*sys.argv[1:])
