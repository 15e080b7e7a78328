"""Training and search: losses, temperature, entropy, and how gates moved."""

import numpy as np

from nfs_keras.report.blocks import Note, chart
from nfs_keras.report.style import (
    WIDTH,
    add_legend,
    curve_style,
    new_figure,
    report_import,
    short_label,
    styled,
)

NUM_BINS = 20
SEARCHED = ("temperature", "gate_entropy", "open_fraction")


@styled
def plot_learning_curves(curves, quantity="Loss"):
    """Plots one curve per stage, epoch by epoch.

    Args:
        curves: Dict of stage, or any name, to float array `(epochs,)`; NaN
            where an epoch has no value.
        quantity: String beside the vertical axis.

    Returns:
        A `matplotlib.figure.Figure`.
    """
    figure, ((axes,),) = new_figure(2.9)
    for position, values in enumerate(curves.values()):
        values = np.asarray(values, float)
        known = np.flatnonzero(np.isfinite(values))
        every = max(1, len(known) // 8)
        axes.plot(
            known + 1, values[known], markevery=every, **curve_style(position)
        )
    axes.set(xlabel="Epoch", ylabel=quantity)
    axes.xaxis.get_major_locator().set_params(integer=True)
    add_legend(axes, curves)
    return figure


@styled
def plot_search_curves(temperature=None, entropy=None, open_fraction=None):
    """Plots temperature, entropy and open fraction of a search by epoch.

    Args:
        temperature: Float array `(epochs,)`, or `None` to leave it out.
        entropy: Float array `(epochs,)`: mean entropy of the gates in bits.
        open_fraction: Float array `(epochs,)` in [0, 1].

    Returns:
        A `matplotlib.figure.Figure` with a panel for each array given.

    Raises:
        ValueError: If all three are left out.
    """
    given = {
        "Temperature": temperature,
        "Entropy": entropy,
        "Open fraction": open_fraction,
    }
    panels = {name: x for name, x in given.items() if x is not None}
    if not panels:
        raise ValueError(
            "`plot_search_curves` needs something to plot. "
            "Received: temperature=None, entropy=None, open_fraction=None. "
            "Pass at least one of them."
        )
    figure, grid = new_figure(0.6 + 1.4 * len(panels), len(panels), sharex=True)
    for position, (axes, (name, values)) in enumerate(
        zip(grid[:, 0], panels.items(), strict=True)
    ):
        axes.plot(
            np.arange(1, len(values) + 1), values, **curve_style(position)
        )
        axes.set_ylabel(name)
        axes.set_ylim(0, 1.15 * max(np.nanmax(values), 1e-3))
    axes.set_xlabel("Epoch of the search")
    axes.xaxis.get_major_locator().set_params(integer=True)
    return figure


@styled
def plot_gate_movement(gates):
    """Plots the distribution of keep-probabilities of every gate by epoch.

    Args:
        gates: Dict of gate name, such as `"stage1/channel"`, to logits
            `(epochs, modalities, ...)`.

    Returns:
        A `matplotlib.figure.Figure`: a panel per gate; the darker a field,
        the more gates of that epoch (columns) have that probability (rows).
    """
    columns = 4 if len(gates) > 12 else min(2, len(gates))
    rows = -(-len(gates) // columns)
    figure, grid = new_figure(
        0.8 + 1.25 * rows,
        rows,
        columns,
        width=WIDTH if columns < 4 else 2.5 * columns,
        sharex=True,
        sharey=True,
    )
    panels = list(grid.flat)
    for axes, (name, logits) in zip(panels, gates.items(), strict=False):
        shares = probability_shares(logits)
        axes.imshow(
            shares,
            origin="lower",
            aspect="auto",
            interpolation="none",
            cmap="Blues",
            # Square root: few gates must be seen beside many.
            norm=report_import("matplotlib.colors").PowerNorm(0.5, 0, 1),
            extent=(0.5, shares.shape[1] + 0.5, 0, 1),
        )
        axes.set_title(short_label(name), fontsize=7)
        axes.set_yticks([0, 0.5, 1])
        axes.grid(False)
    for axes in panels[len(gates) :]:
        axes.remove()
    figure.supylabel("P(keep)", fontsize=10)
    figure.supxlabel("Epoch of the search", fontsize=10)
    return figure


def probability_shares(logits):
    """Bins keep-probabilities: `(bins, epochs)`, every column sums to 1."""
    epochs = len(logits)
    # sigmoid through tanh, which cannot overflow
    keep = 0.5 + 0.5 * np.tanh(np.reshape(logits, (epochs, -1)) / 2)
    counts = [np.histogram(x, NUM_BINS, (0, 1))[0] for x in keep]
    return np.transpose(counts) / keep.shape[1]


def describe_search(run):
    """Yields how the search moved, and how every stage learned."""
    known = run.history.get("search", {})
    curves = [known.get(name) for name in SEARCHED]
    if any(x is not None for x in curves):
        yield search_chart(curves)
    else:
        yield Note("No search is recorded in history.csv.")
    losses = {k: v["loss"] for k, v in run.history.items() if "loss" in v}
    if losses:
        yield loss_chart(losses)
    else:
        yield Note("No losses are recorded in history.csv.")
    if run.gates:
        yield gate_chart(run.gates)
    else:
        reason = run.describe_missing("gates.npz")
        yield Note(f"No gates were recorded: {reason}.")


def search_chart(curves):
    """Shows temperature, entropy and open fraction by epoch."""
    ends = [
        f"{name.replace('_', ' ')} from {values[0]:.2f} to {values[-1]:.2f}"
        for name, values in zip(SEARCHED, curves, strict=True)
        if values is not None
    ]
    alt = f"Curves over the epochs of the search: {'; '.join(ends)}."
    caption = (
        "Course of the search. Entropy is 1 bit while a gate is undecided "
        "and 0 once it is decided."
    )
    return chart(plot_search_curves(*curves), alt, caption)


def gate_chart(gates):
    """Shows how the keep-probabilities moved."""
    alt = (
        "Histograms of keep-probabilities by epoch, one panel each for "
        f"{', '.join(gates)}."
    )
    caption = (
        "Keep-probabilities of the gates by epoch: the darker, the more "
        "gates. A decided search ends in a band at 0 and a band at 1."
    )
    return chart(plot_gate_movement(gates), alt, caption)


def loss_chart(losses):
    """Shows the loss of every stage by epoch."""
    ends = [
        f"{stage} from {values[0]:.2f} to {values[-1]:.2f}"
        for stage, values in losses.items()
    ]
    alt = f"Loss by epoch: {'; '.join(ends)}."
    caption = "Learning curves. Stages differ in their losses: compare shapes."
    return chart(plot_learning_curves(losses), alt, caption)
