"""The blocks of a page: charts, tables, facts, notes and strips of images."""

import io
import itertools
import re
from typing import NamedTuple

from nfs_keras.report.style import (
    INK,
    WIDTH,
    image_uri,
    read_image,
    report_import,
)

SVG_OPTIONS = {"svg.fonttype": "none", "svg.hashsalt": "nfs_keras"}
NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))
ID = re.compile(r'(\bid="|href="#|url\(#)')
IMAGE_ID = re.compile(r' id="image[0-9a-f]+"')  # one for all equal images
MAX_COLUMNS, MAX_ROWS = 5, 12  # of a table that can stand beside a chart


class Chart(NamedTuple):
    """A figure as inline SVG."""

    svg: str
    alt: str
    caption: str
    wide: bool = False
    kind: str = "chart"

    def numbered(self, number) -> str:
        """Gives the SVG with ids that no other `number` on a page has."""
        return ID.sub(rf"\g<1>c{number}-", self.svg)


class Table(NamedTuple):
    """A table; every cell is a string."""

    caption: str
    header: list
    rows: list
    kind: str = "table"


class Facts(NamedTuple):
    """A list of names and values, both strings."""

    caption: str
    pairs: list
    kind: str = "facts"


class Note(NamedTuple):
    """A sentence, such as what is missing."""

    text: str
    kind: str = "note"


class Code(NamedTuple):
    """Text to copy to a terminal."""

    text: str
    kind: str = "code"


class Tile(NamedTuple):
    """One small image of a strip; it is an answer if `correct` is a bool."""

    uri: str
    label: str
    path: str
    correct: bool | None = None


class Strip(NamedTuple):
    """A row of images under a title."""

    title: str
    tiles: list
    kind: str = "strip"


def chart(figure, alt, caption) -> Chart:
    """Turns a figure into inline SVG with the text colour of the page."""
    stream = io.StringIO()
    with report_import("matplotlib").rc_context(SVG_OPTIONS):
        figure.savefig(
            stream, format="svg", transparent=True, metadata=NO_METADATA
        )
    svg = stream.getvalue()
    svg = IMAGE_ID.sub("", svg[svg.index("<svg") :])
    svg = svg.replace(INK, "currentColor")
    return Chart(svg, alt, caption, figure.get_figwidth() > 1.5 * WIDTH)


def tile(sample, root, label=None, correct=None) -> Tile:
    """Makes a tile of a sample; without its image file `uri` is empty."""
    image = read_image(sample.path, root)
    uri = "" if image is None else image_uri(image)
    label = label or f"person {sample.identity}\n{sample.modality}"
    return Tile(uri, label, str(sample.path), correct)


def group_blocks(blocks) -> list:
    """Groups neighbours that can stand side by side.

    Args:
        blocks: Iterable of blocks.

    Returns:
        List of lists: charts and small tables together, any other block
        alone. The page opens at most as many columns as a list has blocks, so
        that none stays empty.
    """
    groups = []
    for narrow, neighbours in itertools.groupby(blocks, is_narrow):
        group = list(neighbours)
        groups += [group] if narrow else [[block] for block in group]
    return groups


def is_narrow(block) -> bool:
    """Whether a block is a small chart or a small table."""
    if block.kind == "table":
        return len(block.header) <= MAX_COLUMNS and len(block.rows) <= MAX_ROWS
    return block.kind == "chart" and not block.wide
