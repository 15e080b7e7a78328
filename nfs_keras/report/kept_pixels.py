"""Which pixels each cell keeps, laid over real pictures."""

import cv2
import numpy as np

from nfs_keras.modalities import MODALITIES
from nfs_keras.report.style import drawn, literal, new_figure

HEIGHT = 160  # pixels of a panel: enough for a picture two inches high


@drawn
def plot_kept_pixels(pictures, kept, probabilities=None):
    """Draws which pixels every cell keeps, as a heat map on pictures.

    Args:
        pictures: Dict of modality to a uint8 RGB picture `(h, w, 3)`, or
            `None` where there is no picture.
        kept: Dict of cell name to array `(2, rows, columns)` of 0 and 1:
            visible, then infrared.
        probabilities: Dict of cell name to float array of the same shape in
            [0, 1]: P(keep), from which `kept` was derived. Names may be
            absent. Defaults to `kept`.

    Returns:
        A `matplotlib.figure.Figure`: a row per modality, the picture first,
        then a panel per cell. The brighter a pixel, the more probable; what
        is dropped is struck out.
    """
    columns = 1 + len(kept)
    figure, grid = new_figure(4.4, 2, columns, width=max(4.2, 1.05 * columns))
    first = next(iter(kept.values()))
    heat = {**kept, **(probabilities or {})}
    for row, modality in enumerate(MODALITIES):
        picture = fit_height(pictures.get(modality), first.shape[1:])
        show(grid[row, 0], picture)
        grid[row, 0].set_ylabel(modality)
        for axes, cell in zip(grid[row, 1:], kept, strict=True):
            show(axes, overlay(picture, heat[cell][row], kept[cell][row]))
    for axes, name in zip(grid[0], ["picture", *kept], strict=True):
        axes.set_title(literal(name))
    add_scale(figure, grid)
    return figure


def fit_height(picture, fallback_shape):
    """Scales a picture to the panel; a plain grey one stands for none."""
    rows, columns = fallback_shape if picture is None else picture.shape[:2]
    size = (max(1, round(HEIGHT * columns / rows)), HEIGHT)
    if picture is None:
        return np.full((*size[::-1], 3), 150, np.uint8)
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def overlay(picture, heat, kept):
    """Lays a heat map over a picture and strikes out what is dropped."""
    size = picture.shape[1::-1]
    heat, kept = (
        cv2.resize(np.float32(x), size, interpolation=cv2.INTER_NEAREST)
        for x in (heat, kept)
    )
    colors = cv2.applyColorMap(np.uint8(heat * 255), cv2.COLORMAP_CIVIDIS)
    gray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None]
    light = 0.55 + 0.45 * gray / 255.0  # dark cloth must not hide the map
    shaded = np.uint8(colors[..., ::-1] * light)
    y, x = np.indices(kept.shape)
    stripes = (x + y) % 4 < 2
    shaded[stripes & (kept < 0.5)] = 0
    return shaded


def show(axes, picture):
    """Shows a picture without ticks or frame."""
    axes.imshow(picture, interpolation="none")
    axes.set(xticks=[], yticks=[])
    axes.grid(False)
    axes.spines[:].set_visible(False)


def add_scale(figure, grid):
    """Adds the scale of probabilities under all panels."""
    from matplotlib.cm import ScalarMappable

    bar = figure.colorbar(
        ScalarMappable(cmap="cividis"),
        ax=grid,
        location="bottom",
        shrink=0.6,
        aspect=30,
        ticks=[0, 0.5, 1],
        label="P(keep); struck out: dropped",
    )
    bar.solids.set_rasterized(True)
