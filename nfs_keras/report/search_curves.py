"""How temperature, entropy, open fraction and gates moved in the search."""

import numpy as np

from nfs_keras.report.style import drawn, extra, literal, mark, new_figure

NUM_BINS = 20


@drawn
def plot_search_curves(temperature=None, entropy=None, open_fraction=None):
    """Draws the course of a search, one panel above the other.

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
            "`plot_search_curves` needs something to draw. "
            "Received: temperature=None, entropy=None, open_fraction=None. "
            "Pass at least one of them."
        )
    figure, grid = new_figure(0.6 + 1.4 * len(panels), len(panels), sharex=True)
    for position, (axes, (name, values)) in enumerate(
        zip(grid[:, 0], panels.items(), strict=True)
    ):
        axes.plot(np.arange(1, len(values) + 1), values, **mark(position))
        axes.set_ylabel(name)
        axes.set_ylim(0, 1.15 * max(np.nanmax(values), 1e-3))
    axes.set_xlabel("Epoch of the search")
    axes.xaxis.get_major_locator().set_params(integer=True)
    return figure


@drawn
def plot_gate_movement(gates):
    """Draws where the keep-probabilities of every cell stood, by epoch.

    Args:
        gates: Dict of gate name, such as `"stage1/channel"`, to logits
            `(epochs, modalities, ...)`.

    Returns:
        A `matplotlib.figure.Figure`: a panel per gate; the darker a field,
        the more gates of that epoch (columns) have that probability (rows).
    """
    rows = -(-len(gates) // 2)
    figure, grid = new_figure(
        0.8 + 1.25 * rows, rows, min(2, len(gates)), sharex=True, sharey=True
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
            # Square root: a few gates that wander must be seen beside many.
            norm=extra("matplotlib.colors").PowerNorm(0.5, 0, 1),
            extent=(0.5, shares.shape[1] + 0.5, 0, 1),
        )
        axes.set_title(literal(name), fontsize=9)
        axes.set_yticks([0, 0.5, 1])
        axes.grid(False)
    for axes in panels[len(gates) :]:
        axes.remove()
    figure.supylabel("P(keep)", fontsize=10)
    figure.supxlabel("Epoch of the search", fontsize=10)
    return figure


def probability_shares(logits):
    """Bins keep-probabilities by epoch.

    Args:
        logits: Float array `(epochs, ...)`.

    Returns:
        Float array `(bins, epochs)`; every column sums to 1.
    """
    epochs = len(logits)
    # sigmoid through tanh, which cannot overflow
    keep = 0.5 + 0.5 * np.tanh(np.reshape(logits, (epochs, -1)) / 2)
    counts = [np.histogram(x, NUM_BINS, (0, 1))[0] for x in keep]
    return np.transpose(counts) / keep.shape[1]
