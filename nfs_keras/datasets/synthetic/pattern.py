"""Patterns on a garment: thick prints that cloth's heat shows, too."""

from typing import NamedTuple

import numpy as np

from nfs_keras.datasets.synthetic.part import Part

KINDS = ("none", "hoops", "stripes", "panel", "yoke", "base")


class Pattern(NamedTuple):
    """A pattern on the upper garment."""

    kind: str  # one of `KINDS`
    count: int  # of hoops, stripes; how wide a panel is
    width: float  # share of the period that is printed
    place: float  # where it starts, 0 is high and 1 is low


def random_pattern(rng: np.random.Generator) -> Pattern:
    """Draws a pattern."""
    return Pattern(
        kind=str(rng.choice(KINDS, p=(0.25, 0.2, 0.1, 0.2, 0.13, 0.12))),
        count=int(rng.integers(1, 5)),
        width=rng.uniform(0.3, 0.6),
        place=rng.uniform(0.0, 1.0),
    )


def paint_pattern(canvas, pattern: Pattern, rows: np.ndarray):
    """Paints a pattern onto a trunk given as rows (x, y, half width)."""
    for band, centre, half in _patches(pattern, rows[1, 1], rows[-1, 1]):
        paint_patch(canvas, rows, band, centre, half, Part.PATTERN)


def _patches(pattern, top, hem):
    """Lists patches: band of y, centre and half width in trunk widths."""
    kind, count, width, place = pattern
    span = hem - top
    if kind == "hoops":
        starts = top + span * (np.arange(count) + 0.25 + place / 4) / count
        return [((y, y + span * width / count), 0, 1) for y in starts]
    if kind == "stripes":
        centres = (2 * np.arange(count + 1) + 1) / (count + 1) - 1
        return [((top, hem), u, width / (count + 1)) for u in centres]
    if kind == "panel":
        y = top + span * (0.1 + 0.35 * place)
        band = (y, y + span * (0.2 + 0.5 * width))
        return [(band, 0, 0.25 + 0.12 * count)]
    if kind == "yoke":
        return [((top, top + span * (0.2 + 0.3 * place)), 0, 1)]
    if kind == "base":
        return [((top + span * (0.45 + 0.35 * place), hem), 0, 1)]
    return []


def paint_patch(canvas, rows, band, centre, half, part):
    """Paints a patch of a trunk: a band of y around a centre in [-1, 1]."""
    inside = (rows[:, 1] > band[0]) & (rows[:, 1] < band[1])
    y = np.concatenate([[band[0]], rows[inside, 1], [band[1]]])
    wide = np.interp(y, rows[:, 1], rows[:, 2])
    low, high = np.clip([centre - half, centre + half], -1, 1)
    x = rows[0, 0] + wide * (low + high) / 2
    canvas.rows(np.stack([x, y, wide * (high - low) / 2], axis=1), part)
