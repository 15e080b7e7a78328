"""Which channels of each cell the search kept, and for which modality."""

import numpy as np

from nfs_keras.report.style import (
    GREEN,
    INK,
    ORANGE,
    SKY,
    drawn,
    literal,
    new_figure,
)

# Light fills under dark numbers; the hatch says the same as the colour.
FATES = {
    "both": {"facecolor": GREEN, "hatch": ""},
    "visible only": {"facecolor": ORANGE, "hatch": "///"},
    "infrared only": {"facecolor": SKY, "hatch": "..."},
    "neither": {"facecolor": "none", "hatch": ""},
}


def channel_fates(kept) -> dict[str, int]:
    """Counts the channels kept for both modalities, for one, for neither.

    Args:
        kept: Boolean array `(2, channels)`: visible, then infrared.

    Returns:
        Counts by fate, in the order of the chart.
    """
    visible, infrared = np.asarray(kept, bool)
    return {
        "both": int(np.sum(visible & infrared)),
        "visible only": int(np.sum(visible & ~infrared)),
        "infrared only": int(np.sum(~visible & infrared)),
        "neither": int(np.sum(~visible & ~infrared)),
    }


@drawn
def plot_kept_channels(kept, title=None):
    """Draws one bar per cell, divided by the fate of its channels.

    Args:
        kept: Dict of cell name to boolean array `(2, channels)`: visible,
            then infrared.
        title: String above the axes.

    Returns:
        A `matplotlib.figure.Figure`.
    """
    figure, ((axes,),) = new_figure(1.4 + 0.42 * len(kept))
    for position, gates in enumerate(kept.values()):
        left = 0
        for fate, count in channel_fates(gates).items():
            share = 100 * count / np.shape(gates)[1]
            draw_share(axes, position, left, share, count, FATES[fate])
            left += share
    axes.set_yticks(range(len(kept)), map(literal, kept))
    axes.invert_yaxis()
    axes.set(xlabel="Channels (%)", xlim=(0, 100))
    axes.set_title(title)
    axes.grid(False)
    add_fates_legend(figure)
    return figure


def draw_share(axes, position, left, share, count, look):
    """Draws one part of a bar, and its count where there is room for it."""
    axes.barh(position, share, left=left, height=0.72, ec=INK, **look)
    if share >= 1 + 2.5 * len(str(count)):
        box = {"fc": look["facecolor"], "ec": "none", "pad": 1}
        axes.text(
            left + share / 2,
            position,
            count,
            ha="center",
            va="center",
            fontsize=9,
            bbox=box if look["hatch"] else None,
            color="black" if look["facecolor"] != "none" else None,
        )


def add_fates_legend(figure):
    """Explains the fills under the axes."""
    from matplotlib.patches import Patch

    patches = [
        Patch(label=fate, ec=INK, **look) for fate, look in FATES.items()
    ]
    figure.legend(
        handles=patches, loc="outside lower center", ncols=2, handlelength=2.4
    )
