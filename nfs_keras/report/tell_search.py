"""The chapters on the search: how it went, and what it chose."""

import numpy as np

from nfs_keras.modalities import MODALITIES
from nfs_keras.report.blocks import Note, Table, chart
from nfs_keras.report.formats import decimal
from nfs_keras.report.kept_channels import channel_fates, plot_kept_channels
from nfs_keras.report.kept_pixels import plot_kept_pixels
from nfs_keras.report.learning_curves import plot_learning_curves
from nfs_keras.report.pictures import read_picture
from nfs_keras.report.search_curves import (
    plot_gate_movement,
    plot_search_curves,
)

SEARCHED = ("temperature", "gate_entropy", "open_fraction")


def tell_search(run):
    """Yields how the search moved, and how every stage learned."""
    known = run.history.get("search", {})
    course = [known.get(name) for name in SEARCHED]
    if any(x is not None for x in course):
        yield tell_course(course)
    else:
        yield Note("No search is recorded in history.csv.")
    if run.gates:
        yield tell_gates(run.gates)
    else:
        yield Note(f"No gates were recorded: {run.why('gates.npz')}.")
    losses = {k: v["loss"] for k, v in run.history.items() if "loss" in v}
    if losses:
        yield tell_losses(losses)
    else:
        yield Note("No losses are recorded in history.csv.")


def tell_course(course):
    """Draws temperature, entropy and open fraction."""
    ends = [
        f"{name.replace('_', ' ')} from {values[0]:.2f} to {values[-1]:.2f}"
        for name, values in zip(SEARCHED, course, strict=True)
        if values is not None
    ]
    alt = f"Curves over the epochs of the run: {'; '.join(ends)}."
    caption = (
        "Course of the search. Entropy is 1 bit while a gate is undecided "
        "and 0 once it is decided."
    )
    return chart(plot_search_curves(*course), alt, caption)


def tell_gates(gates):
    """Draws how the keep-probabilities moved."""
    alt = (
        "Histograms of keep-probabilities by epoch, one panel each for "
        f"{', '.join(gates)}."
    )
    caption = (
        "Where the gates stood, epoch by epoch: the darker, the more gates. "
        "A decided search parts into a band at 0 and a band at 1."
    )
    return chart(plot_gate_movement(gates), alt, caption)


def tell_losses(losses):
    """Draws the loss of every stage."""
    ends = [
        f"{stage} from {values[0]:.2f} to {values[-1]:.2f}"
        for stage, values in losses.items()
    ]
    alt = f"Loss by epoch: {'; '.join(ends)}."
    caption = "Learning curves. Stages differ in their losses: compare shapes."
    return chart(plot_learning_curves(losses), alt, caption)


def tell_choice(run):
    """Yields what the derived architecture keeps."""
    if not run.cells:
        yield Note(f"Nothing was chosen: {run.why('architecture.json')}.")
        return
    yield Table(
        "Kept share of every gate, in percent",
        ["gate", *MODALITIES],
        list(kept_shares(run.cells)),
    )
    channels = level(run.cells, "channel")
    if channels:
        yield tell_channels(channels)
    else:
        yield Note("No channels were searched.")
    if level(run.cells, "spatial"):
        yield tell_pixels(run)
    else:
        yield Note("No pixels were searched.")


def level(cells, name):
    """Gives one level, `"channel"` or `"spatial"`, of the cells that have it.

    A gate shared by both modalities stands for each of them.
    """
    return {
        cell: np.broadcast_to(levels[name], (2, *levels[name].shape[1:]))
        for cell, levels in cells.items()
        if name in levels
    }


def kept_shares(cells):
    """Yields a table row per gate: its name and the share it keeps."""
    for cell, levels in cells.items():
        for name, kept in levels.items():
            shares = [decimal(100 * x.mean()) for x in kept]
            yield [f"{cell} {name}", *shares]


def tell_channels(channels):
    """Draws the fate of the channels of every cell."""
    fates = {cell: channel_fates(kept) for cell, kept in channels.items()}
    alt = "Channels kept: " + "; ".join(
        f"{cell}: " + ", ".join(f"{count} {fate}" for fate, count in x.items())
        for cell, x in fates.items()
    )
    caption = (
        "Channels kept for both modalities, for one, or for neither. Those "
        "of neither are cut out of the compacted network."
    )
    return chart(plot_kept_channels(channels), f"{alt}.", caption)


def tell_pixels(run):
    """Draws the kept pixels over a picture of each modality."""
    kept = level(run.cells, "spatial")
    pictures = example_pictures(run)
    alt = "Heat maps of kept pixels: " + "; ".join(
        f"{cell} keeps {100 * np.mean(gates):.0f} %"
        for cell, gates in kept.items()
    )
    caption = "Pixels kept, over a test picture of each modality."
    if not any(x is not None for x in pictures.values()):
        caption += " The pictures were not found: grey stands for them."
    return chart(
        plot_kept_pixels(pictures, kept, pixel_probabilities(run, kept)),
        f"{alt}.",
        caption,
    )


def pixel_probabilities(run, kept):
    """Gives the last P(keep) of the cells whose gates were recorded."""
    logits = {cell: run.gates.get(f"{cell}_spatial") for cell in kept}
    return {
        cell: 0.5 + 0.5 * np.tanh(x[-1] / 2)
        for cell, x in logits.items()
        if x is not None and x.shape[1:] == kept[cell].shape
    }


def example_pictures(run):
    """Reads a test picture of each modality."""
    embeddings = run.last_embeddings()
    found = dict.fromkeys(MODALITIES)
    if embeddings is None:
        return found
    root = run.dataset.get("root", "")
    for modality in MODALITIES:
        own = embeddings.of(modality)
        if len(own.path):
            path = own.sample(np.argmin(own.identity)).path
            found[modality] = read_picture(path, root, height=160)
    return found
