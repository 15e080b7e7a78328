"""A head: its hair, its hat and what is wrapped around its neck."""

from typing import NamedTuple

import numpy as np

from nfs_keras.datasets.synthetic.part import Part

HAIRCUTS = ("bald", "short", "bob", "long", "ponytail", "bun")
FALLS = {  # how far hair hangs below the crown, and how wide
    "bob": (0.155, 0.95),
    "long": (0.26, 0.9),
    "ponytail": (0.25, 0.34),
}


class Head(NamedTuple):
    """What a head looks like."""

    hair: str  # one of `HAIRCUTS`
    volume: float  # of the hair, 1 lies flat
    hat: str  # "none" | "cap" | "brim" | "hood"
    scarf: bool


def random_head(rng: np.random.Generator, female: bool) -> Head:
    """Draws a head."""
    odds = (
        (0.0, 0.15, 0.2, 0.35, 0.2, 0.1)
        if female
        else (0.15, 0.65, 0.1, 0.05, 0.05, 0.0)
    )
    hats = ("none", "cap", "brim", "hood")
    return Head(
        hair=str(rng.choice(HAIRCUTS, p=odds)),
        volume=rng.uniform(1.0, 1.35),
        hat=str(rng.choice(hats, p=(0.7, 0.12, 0.08, 0.1))),
        scarf=bool(rng.random() < 0.15),
    )


def paint_head(canvas, person):
    """Paints neck, head, hat and scarf."""
    size = person.body.head * canvas.pose.scale
    middle = (0, 1 - person.body.head, 0.01)
    head, neck = canvas.project([middle, (0, 0.83, 0)])
    axes = np.array([size * 0.78, size])
    canvas.limb([head, neck], [size * 0.55, size * 0.6], Part.SKIN)
    _paint_hair(canvas, person.head, head, axes)
    _paint_hat(canvas, person.head, head, axes)
    if person.head.scarf:
        canvas.ellipse(neck, (size * 1.05, size * 0.5), Part.SCARF)


def paint_hanging_hair(canvas, person):
    """Paints hair that falls below the head."""
    if person.head.hair not in FALLS or person.head.hat == "hood":
        return
    length, wide = FALLS[person.head.hair]
    size = person.body.head * canvas.pose.scale
    wide *= size * person.head.volume * 0.85
    points = [(0, 1 - person.body.head, -0.03), (0, 1 - length, -0.05)]
    top, low = canvas.project(points)
    middle = 0.4 * top + 0.6 * low
    rows = [(*top, wide), (*middle, wide * 1.08), (*low, wide * 0.8)]
    canvas.rows(rows, Part.HAIR)
    canvas.ellipse(low, (wide * 0.8, wide * 0.45), Part.HAIR)


def _paint_hair(canvas, style, head, axes):
    if style.hair == "bald":
        canvas.ellipse(head, axes, Part.SKIN)
        return
    crown = head - (0, 0.08 * axes[1])
    canvas.ellipse(crown, axes * style.volume, Part.HAIR)
    if style.hair == "bun":
        bun = head - (canvas.sin * axes[1] * 0.6, axes[1] * 1.15)
        canvas.ellipse(bun, (axes[1] * 0.45,) * 2, Part.HAIR)
    _paint_face(canvas, head, axes)


def _paint_face(canvas, head, axes):
    if canvas.cos < -0.25:
        return
    shown = np.clip(0.35 + canvas.cos, 0.3, 1.0)
    centre = head + (canvas.sin * axes[0] * 0.5, axes[1] * 0.22)
    canvas.ellipse(centre, axes * (0.85 * shown, 0.78), Part.SKIN)


def _paint_hat(canvas, style, head, axes):
    wide = max(style.volume, 1.1) * 1.02 * axes
    if style.hat == "hood":
        canvas.ellipse(head - (0, axes[1] * 0.05), wide * 1.12, Part.UPPER)
        _paint_face(canvas, head, axes * 0.85)
    elif style.hat in ("cap", "brim"):
        brow = head - (0, axes[1] * 0.13)
        canvas.ellipse(brow, wide * (1, 1.05), Part.HAT, 180, 360)
        reach = 1.7 if style.hat == "brim" else 1.15
        visor = 0 if style.hat == "brim" else canvas.sin * axes[0] * 0.7
        brim = (wide[0] * reach, axes[1] * 0.2)
        canvas.ellipse(brow + (visor, 0), brim, Part.HAT)
