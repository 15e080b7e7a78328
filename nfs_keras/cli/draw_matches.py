"""Draws a query and its matches in a gallery."""

import numpy as np

from nfs_keras.report.pictures import read_picture
from nfs_keras.report.style import drawn, new_figure

EMPTY = np.full((128, 64, 3), 150, np.uint8)


@drawn
def draw_matches(image, matches, root):
    """Draws a query and its matches in a row, with their similarities.

    Args:
        image: Path of the query.
        matches: List of `nfs_keras.scale.Match`; ids are paths below `root`.
        root: Folder of the gallery's images.

    Returns:
        A `matplotlib.figure.Figure`. A missing image is grey.
    """
    shown = [("query", image)]
    for rank, match in enumerate(matches, 1):
        shown.append((f"{rank}: {match.similarity:.2f}", match.id))
    width = len(shown)
    figure, (row,) = new_figure(1.9, 1, width, width=0.8 * width)
    for axes, (title, path) in zip(row, shown, strict=True):
        found = read_picture(path, root)
        axes.imshow(EMPTY if found is None else found, interpolation="none")
        axes.set_title(title, fontsize=8)
        axes.set_axis_off()
    return figure
