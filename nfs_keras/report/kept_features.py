"""The chosen architecture: the channels and pixels that are kept."""

import cv2
import numpy as np

from nfs_keras.modalities import MODALITIES
from nfs_keras.report.blocks import Note, Table, chart
from nfs_keras.report.run import sample_at, select_modality
from nfs_keras.report.style import (
    GRAY_IMAGE,
    GREEN,
    INK,
    ORANGE,
    SKY,
    new_figure,
    read_image,
    report_import,
    short_label,
    styled,
)
from nfs_keras.text_tables import format_decimal

HEIGHT = 160  # pixels of a panel: enough for an image two inches high
NO_CHANNELS = Note("No channels were searched.")
NO_PIXELS = Note("No pixels were searched.")
# Light fills under dark numbers; the hatch repeats the colour.
KEPT_BY = {
    "both": {"facecolor": GREEN, "hatch": ""},
    "visible only": {"facecolor": ORANGE, "hatch": "///"},
    "infrared only": {"facecolor": SKY, "hatch": "..."},
    "neither": {"facecolor": "none", "hatch": ""},
}


def count_kept_channels(kept) -> dict[str, int]:
    """Counts the channels kept for both modalities, for one, for neither."""
    visible, infrared = np.asarray(kept, bool)
    masks = (
        visible & infrared,
        visible & ~infrared,
        ~visible & infrared,
        ~visible & ~infrared,
    )
    return {x: int(mask.sum()) for x, mask in zip(KEPT_BY, masks, strict=True)}


@styled
def plot_kept_channels(kept, title=None):
    """Plots one bar per cell: how many channels which modality keeps.

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
        for keeper, count in count_kept_channels(gates).items():
            share = 100 * count / np.shape(gates)[1]
            plot_share(axes, position, left, share, count, KEPT_BY[keeper])
            left += share
    axes.set_yticks(range(len(kept)), map(short_label, kept))
    axes.invert_yaxis()
    axes.set(xlabel="Channels (%)", xlim=(0, 100))
    axes.set_title(title)
    axes.grid(False)
    add_channel_legend(figure)
    return figure


def plot_share(axes, position, left, share, count, style):
    """Plots one part of a bar, with its count where that fits."""
    axes.barh(position, share, left=left, height=0.72, ec=INK, **style)
    if share >= 1 + 2.5 * len(str(count)):
        box = {"fc": style["facecolor"], "ec": "none", "pad": 1}
        axes.text(
            left + share / 2,
            position,
            count,
            ha="center",
            va="center",
            fontsize=9,
            bbox=box if style["hatch"] else None,
            color="black" if style["facecolor"] != "none" else None,
        )


def add_channel_legend(figure):
    """Explains the fills under the axes."""
    patch = report_import("matplotlib.patches").Patch
    patches = [
        patch(label=keeper, ec=INK, **style)
        for keeper, style in KEPT_BY.items()
    ]
    figure.legend(
        handles=patches, loc="outside lower center", ncols=2, handlelength=2.4
    )


@styled
def plot_kept_pixels(images, kept, probabilities=None):
    """Plots which pixels every cell keeps, as a heat map over images.

    Args:
        images: Dict of modality to a uint8 RGB image `(h, w, 3)`; where
            one is absent, the panels are grey.
        kept: Dict of cell name to array `(2, rows, columns)` of 0 and 1:
            visible, then infrared.
        probabilities: Dict of cell name to float array of the same shape in
            [0, 1]: P(keep), from which `kept` was derived. Names may be
            absent. Defaults to `kept`.

    Returns:
        A `matplotlib.figure.Figure`: a row per modality, the image first,
        then a panel per cell. The brighter a pixel, the more probable;
        dropped pixels are striped.
    """
    columns = 1 + len(kept)
    figure, grid = new_figure(4.4, 2, columns, width=max(4.2, 1.05 * columns))
    first = next(iter(kept.values()))
    heat = {**kept, **(probabilities or {})}
    for row, modality in enumerate(MODALITIES):
        image = fit_height(images.get(modality), first.shape[1:])
        show(grid[row, 0], image)
        grid[row, 0].set_ylabel(modality)
        for axes, cell in zip(grid[row, 1:], kept, strict=True):
            show(axes, overlay(image, heat[cell][row], kept[cell][row]))
    for axes, name in zip(grid[0], ["image", *kept], strict=True):
        axes.set_title(short_label(name))
    add_scale(figure, grid)
    return figure


def fit_height(image, fallback_shape):
    """Scales an image to the panel; without one, the panel is grey."""
    rows, columns = fallback_shape if image is None else image.shape[:2]
    size = (max(1, round(HEIGHT * columns / rows)), HEIGHT)
    if image is None:
        image = GRAY_IMAGE
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def overlay(image, heat, kept):
    """Lays a heat map over an image, with stripes on dropped pixels."""
    size = image.shape[1::-1]
    heat, kept = (
        cv2.resize(np.float32(x), size, interpolation=cv2.INTER_NEAREST)
        for x in (heat, kept)
    )
    colors = cv2.applyColorMap(np.uint8(heat * 255), cv2.COLORMAP_CIVIDIS)
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None]
    light = 0.55 + 0.45 * gray / 255.0  # dark clothes must not hide the map
    shaded = np.uint8(colors[..., ::-1] * light)
    y, x = np.indices(kept.shape)
    stripes = (x + y) % 4 < 2
    shaded[stripes & (kept < 0.5)] = 0
    return shaded


def show(axes, image):
    """Shows an image without ticks or frame."""
    axes.imshow(image, interpolation="none")
    axes.set(xticks=[], yticks=[])
    axes.grid(False)
    axes.spines[:].set_visible(False)


def add_scale(figure, grid):
    """Adds the scale of probabilities under all panels."""
    colors = report_import("matplotlib.cm").ScalarMappable(cmap="cividis")
    bar = figure.colorbar(
        colors,
        ax=grid,
        location="bottom",
        shrink=0.6,
        aspect=30,
        ticks=[0, 0.5, 1],
        label="P(keep); striped: dropped",
    )
    bar.solids.set_rasterized(True)


def describe_choice(run):
    """Yields which channels and pixels the chosen architecture keeps."""
    if not run.cells:
        reason = run.describe_missing("architecture.json")
        yield Note(f"Nothing was chosen: {reason}.")
        return
    shares = [
        [f"{cell} {level}", *(format_decimal(100 * x.mean()) for x in mask)]
        for cell, levels in run.cells.items()
        for level, mask in levels.items()
    ]
    caption = "Kept share of every gate, in percent"
    yield Table(caption, ["gate", *MODALITIES], shares)
    channels, pixels = (
        {cell: x[level] for cell, x in run.cells.items() if level in x}
        for level in ("channel", "spatial")
    )
    yield channel_chart(channels) if channels else NO_CHANNELS
    yield pixel_chart(run, pixels) if pixels else NO_PIXELS


def channel_chart(channels):
    """Shows how many channels of every cell which modality keeps."""
    counts = {x: count_kept_channels(kept) for x, kept in channels.items()}
    alt = "Channels kept: " + "; ".join(
        f"{cell}: " + ", ".join(f"{num} {keeper}" for keeper, num in x.items())
        for cell, x in counts.items()
    )
    caption = (
        "Channels kept for both modalities, for one, or for neither. The "
        "compacted network is without the channels of neither."
    )
    return chart(plot_kept_channels(channels), f"{alt}.", caption)


def pixel_chart(run, kept):
    """Shows the kept pixels over an image of each modality."""
    images = read_examples(run)
    shares = {cell: 100 * np.mean(mask) for cell, mask in kept.items()}
    keeps = [f"{cell} keeps {share:.0f} %" for cell, share in shares.items()]
    alt = f"Heat maps of kept pixels: {'; '.join(keeps)}."
    caption = "Pixels kept, over a test image of each modality."
    if not images:
        caption += " The image files were not found: grey stands for them."
    probabilities = pixel_probabilities(run, kept)
    return chart(plot_kept_pixels(images, kept, probabilities), alt, caption)


def pixel_probabilities(run, kept):
    """Computes the last P(keep) of the cells whose gates were recorded."""
    logits = {cell: run.gates.get(f"{cell}_spatial") for cell in kept}
    return {
        cell: 0.5 + 0.5 * np.tanh(x[-1] / 2)
        for cell, x in logits.items()
        if x is not None and x.shape[1:] == kept[cell].shape
    }


def read_examples(run):
    """Reads a test image of each modality, as far as there is one."""
    embedded, images = run.last_embeddings(), {}
    for modality in MODALITIES if embedded else ():
        side = select_modality(embedded, modality)
        if len(side["path"]):
            path = sample_at(side, np.argmin(side["identity"])).path
            image = read_image(path, run.dataset.get("root", ""), HEIGHT)
            if image is not None:
                images[modality] = image
    return images
