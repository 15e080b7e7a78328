"""Draws the figures of the documentation from a finished run.

    python docs/draw_figures.py runs/regdb docs/images

Writes kept_pixels.png, gate_movement.png and rank_lists.png.
"""

import pathlib
import sys

import numpy as np

from nfs_keras.report import (
    Run,
    find_rank_lists,
    plot_gate_movement,
    plot_kept_pixels,
    plot_rank_lists,
)
from nfs_keras.report.pictures import read_picture


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
    """Draws what the cells keep, over both modalities of one person."""
    embeddings = run.last_embeddings()
    person = embeddings.identity.min()
    own = embeddings.take(embeddings.identity == person)
    pictures = {
        modality: read_picture(
            own.of(modality).sample(0).path, run.dataset["root"], height=160
        )
        for modality in ("visible", "infrared")
    }
    kept = {cell: levels["spatial"] for cell, levels in run.cells.items()}
    logits = {cell: run.gates[f"{cell}_spatial"][-1] for cell in kept}
    probabilities = {cell: 1 / (1 + np.exp(-x)) for cell, x in logits.items()}
    return plot_kept_pixels(pictures, kept, probabilities)


def draw_rank_lists(run):
    """Draws the two best answers to visible queries, and the worst."""
    query, gallery = map(run.last_embeddings().of, ("visible", "infrared"))
    worst, best = find_rank_lists(
        query.embedding,
        gallery.embedding,
        query.identity,
        gallery.identity,
        num_worst=1,
        num_best=2,
    )
    samples = [
        [side.sample(position) for position in range(len(side.path))]
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
