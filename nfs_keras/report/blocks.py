"""What a page is made of: charts, tables, notes and strips of pictures."""

import io
import re
from typing import NamedTuple

from nfs_keras.report.style import INK, extra

SVG_OPTIONS = {"svg.fonttype": "none", "svg.hashsalt": "nfs_keras"}
NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))
ID = re.compile(r'(\bid="|href="#|url\(#)')


class Chart(NamedTuple):
    """A figure as inline SVG."""

    svg: str
    alt: str
    caption: str
    kind: str = "chart"

    def drawing(self, number) -> str:
        """Gives the SVG with ids that no other `number` on a page has."""
        return ID.sub(rf"\g<1>c{number}-", self.svg)


class Table(NamedTuple):
    """A table; every cell is a string."""

    caption: str
    header: list
    rows: list
    kind: str = "table"


class Note(NamedTuple):
    """A sentence, such as what is missing."""

    text: str
    kind: str = "note"


class Code(NamedTuple):
    """Text to be copied to a terminal."""

    text: str
    kind: str = "code"


class Tile(NamedTuple):
    """One small picture; `right` is `None` where nothing was answered."""

    uri: str
    label: str
    path: str
    right: bool | None = None


class Strip(NamedTuple):
    """A row of pictures under a title."""

    title: str
    tiles: list
    kind: str = "strip"


def chart(figure, alt, caption) -> Chart:
    """Turns a figure into inline SVG that takes the page's ink and paper."""
    stream = io.StringIO()
    with extra("matplotlib").rc_context(SVG_OPTIONS):
        figure.savefig(
            stream, format="svg", transparent=True, metadata=NO_METADATA
        )
    svg = stream.getvalue()
    svg = svg[svg.index("<svg") :].replace(INK, "currentColor")
    return Chart(svg, alt, caption)
