"""The look that every figure shares: palette, marks and type."""

import functools
import importlib

# Okabe and Ito's palette: told apart under every common colour blindness.
BLUE = "#0072B2"
VERMILLION = "#D55E00"
GREEN = "#009E73"
PURPLE = "#CC79A7"
ORANGE = "#E69F00"
SKY = "#56B4E9"
INK = "#1f2328"
PALE = "#8a9199"

LONGEST = 36  # letters of a name that a figure has room for
WIDTH = 4.2  # inches: ten-point type stays legible on a 390-pixel phone

# Colour, line and marker together, so that no reader needs the colour.
MARKS = (
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


def extra(module: str):
    """Imports a module of the `report` extra, or says how to get it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            "`nfs_keras.report` draws with packages of its own. "
            f"Received: no module named {module!r}. "
            'Install them: pip install "nfs_keras[report]".'
        ) from error


def drawn(function):
    """Decorates a function that draws, so that it draws in this style."""

    @functools.wraps(function)
    def draw(*args, **kwargs):
        with extra("matplotlib").rc_context(STYLE):
            return function(*args, **kwargs)

    return draw


def new_figure(height: float, rows: int = 1, columns: int = 1, **options):
    """Makes a figure outside pyplot, so that nothing has to be closed.

    Args:
        height: Height in inches.
        rows: Number of rows of axes.
        columns: Number of columns of axes.
        **options: For `matplotlib.figure.Figure.subplots`; `width` in inches.

    Returns:
        The figure, and its axes as an array of shape `(rows, columns)`.
    """
    size = (options.pop("width", WIDTH), height)
    figure = extra("matplotlib.figure").Figure(size, layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False, **options)


def mark(position: int) -> dict:
    """Gives the colour, line and marker of the curve at `position`."""
    return MARKS[position % len(MARKS)]


def literal(text) -> str:
    """Makes a name fit to be drawn: short, and free of `$` mathematics."""
    text = str(text)
    if len(text) > LONGEST:
        text = f"{text[: LONGEST - 11]}\N{HORIZONTAL ELLIPSIS}{text[-10:]}"
    return text.replace("$", r"\$")


def label_lines(axes, names, **options) -> None:
    """Adds a legend for all drawn lines, whatever their names look like."""
    # Given one by one, because labels that start with "_" are left out.
    axes.legend(axes.lines[: len(names)], map(literal, names), **options)
