"""Learning curves of the stages of a run."""

import numpy as np

from nfs_keras.report.style import drawn, label_lines, mark, new_figure


@drawn
def plot_learning_curves(curves, quantity="Loss"):
    """Draws one curve per stage, epoch by epoch.

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
        axes.plot(known + 1, values[known], markevery=every, **mark(position))
    axes.set(xlabel="Epoch", ylabel=quantity)
    axes.xaxis.get_major_locator().set_params(integer=True)
    label_lines(axes, curves)
    return figure
