"""The style that all figures share, and the images that some of them show."""

import base64
import functools
import pathlib

import cv2
import numpy as np

from nfs_keras.optional import optional_import

# Okabe and Ito's palette: distinct under every common colour blindness.
BLUE = "#0072B2"
VERMILLION = "#D55E00"
GREEN = "#009E73"
PURPLE = "#CC79A7"
ORANGE = "#E69F00"
SKY = "#56B4E9"
INK = "#1f2328"
PALE = "#8a9199"
GRAY_IMAGE = np.full((128, 64, 3), 150, np.uint8)  # where a file is missing

LONGEST = 36  # letters of a name that a figure has room for
WIDTH = 4.2  # inches: ten-point type stays legible on a 390-pixel phone

# Colour, line and marker of a curve, so that no reader needs the colour.
CURVES = (
    {"color": BLUE, "linestyle": "-", "marker": "o"},
    {"color": VERMILLION, "linestyle": "--", "marker": "s"},
    {"color": GREEN, "linestyle": "-.", "marker": "^"},
    {"color": PURPLE, "linestyle": ":", "marker": "D"},
    {"color": INK, "linestyle": (0, (5, 1, 1, 1, 1, 1)), "marker": "v"},
    {"color": ORANGE, "linestyle": (0, (8, 2)), "marker": "P"},
    {"color": SKY, "linestyle": (0, (1, 1)), "marker": "X"},
    {"color": PALE, "linestyle": (0, (3, 3)), "marker": "*"},
)

STYLE = {
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "axes.titlesize": 10,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": PALE,
    "grid.alpha": 0.3,
    "grid.linewidth": 0.6,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.8,
    "lines.markersize": 5,
    "hatch.linewidth": 0.7,
    "hatch.color": INK,
    "patch.edgecolor": INK,
    "figure.facecolor": "white",
}


def styled(function):
    """Decorates a function that plots, so that it plots in this style."""

    @functools.wraps(function)
    def plot(*args, **kwargs):
        with report_import("matplotlib").rc_context(STYLE):
            return function(*args, **kwargs)

    return plot


def report_import(module: str):
    """Imports a module that the extra `report` installs."""
    return optional_import(module, extra="report")


def new_figure(height: float, rows: int = 1, columns: int = 1, **options):
    """Makes a figure outside pyplot, so that nothing has to be closed.

    Args:
        height: Height in inches; `width` may be among the options.
        rows: Number of rows of axes.
        columns: Number of columns of axes.
        **options: For `matplotlib.figure.Figure.subplots`.

    Returns:
        The figure, and its axes as an array of shape `(rows, columns)`.
    """
    size = (options.pop("width", WIDTH), height)
    matplotlib = report_import("matplotlib.figure")
    figure = matplotlib.Figure(size, layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False, **options)


def curve_style(position: int) -> dict:
    """Gives the colour, line and marker of the curve at `position`."""
    return CURVES[position % len(CURVES)]


def short_label(text) -> str:
    """Shortens a name to what a figure has room for, and escapes its `$`."""
    text = str(text)
    if len(text) > LONGEST:
        text = f"{text[: LONGEST - 11]}\N{HORIZONTAL ELLIPSIS}{text[-10:]}"
    return text.replace("$", r"\$")


def add_legend(axes, names, **options) -> None:
    """Adds a legend of the plotted lines, whatever their names look like."""
    # Given one by one, because labels that start with "_" are left out.
    axes.legend(axes.lines[: len(names)], map(short_label, names), **options)


def read_image(path, root="", height=128):
    """Reads an image file and scales it down.

    Args:
        path: Path of an image file.
        root: Folder that `path` may be relative to.
        height: Int. Largest height in pixels; smaller images stay as they
            are.

    Returns:
        A uint8 RGB array `(h, w, 3)`, or `None` if there is no such image.
    """
    places = (pathlib.Path(path), pathlib.Path(root, path))
    file = next((place for place in places if place.is_file()), None)
    if file is None:
        return None
    # Decoded from memory: OpenCV cannot open every file name itself.
    content = np.fromfile(file, np.uint8)
    image = cv2.imdecode(content, cv2.IMREAD_COLOR) if content.size else None
    if image is None:
        return None
    image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    scale = height / image.shape[0]
    if scale >= 1:
        return image
    size = (max(1, round(image.shape[1] * scale)), height)
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def image_uri(image) -> str:
    """Encodes a uint8 RGB image as a `data:` address for a page."""
    pixels = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    _, content = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 85])
    return f"data:image/jpeg;base64,{base64.b64encode(content).decode()}"
