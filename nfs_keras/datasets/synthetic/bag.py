"""A bag: on the back, across the shoulder or in a hand."""

from typing import NamedTuple

import numpy as np

from nfs_keras.datasets.synthetic.body import arm_joints
from nfs_keras.datasets.synthetic.canvas import DEPTH
from nfs_keras.datasets.synthetic.part import Part

KINDS = ("none", "backpack", "shoulder", "tote")


class Bag(NamedTuple):
    """What a person carries."""

    kind: str  # one of `KINDS`
    side: int  # 1 is the person's left, -1 their right
    size: float  # 1 is the average


def random_bag(rng: np.random.Generator) -> Bag:
    """Draws a bag, or none."""
    return Bag(
        kind=str(rng.choice(KINDS, p=(0.35, 0.25, 0.22, 0.18))),
        side=int(rng.choice((-1, 1))),
        size=rng.uniform(0.7, 1.3),
    )


def paint_backpack(canvas, person):
    """Paints the pack of a backpack."""
    if person.bag.kind != "backpack":
        return
    behind = -(person.body.waist * DEPTH + 0.05)
    x, y = canvas.project([(0, 0.68, behind)])[0]
    size = person.bag.size * canvas.pose.scale
    wide = size * np.hypot(0.085 * canvas.cos, 0.06 * canvas.sin)
    outline = ((-1, 0.75), (-0.75, 1), (0.85, 1.05), (1, 0.9))
    tall = size * 0.12
    rows = [(x, y + tall * row, wide * half) for row, half in outline]
    canvas.rows(rows, Part.BAG)


def paint_carried(canvas, person):
    """Paints straps, and a bag that hangs at the side."""
    body, bag = person.body, person.bag
    if bag.kind == "backpack" and canvas.cos > 0:
        for side in (-1, 1):
            x = side * body.shoulder * 0.55
            _paint_strap(canvas, [(x, 0.82, 0.03), (x, 0.66, 0.06)])
    elif bag.kind == "shoulder":
        x = bag.side * (body.hip + 0.01)
        over = (-bag.side * body.shoulder * 0.6, 0.82)
        z = 0.05 * np.sign(canvas.cos)
        _paint_strap(canvas, [(*over, z), (x, 0.5, z)])
        _paint_pouch(canvas, bag, (x, 0.47, 0.0), 0.065, 0.055)
    elif bag.kind == "tote":
        wrist = arm_joints(body, canvas.pose, bag.side, True)[2]
        _paint_pouch(canvas, bag, wrist - (0, 0.11, 0), 0.06, 0.075)


def _paint_strap(canvas, ends):
    radius = 0.014 * canvas.pose.scale
    canvas.limb(canvas.project(ends), (radius, radius), Part.STRAP)


def _paint_pouch(canvas, bag, centre, wide, tall):
    x, y = canvas.project([centre])[0]
    size = bag.size * canvas.pose.scale
    wide *= size * np.hypot(canvas.sin, 0.75 * canvas.cos)
    tall *= size
    canvas.rows([(x, y - tall, wide * 0.85), (x, y + tall, wide)], Part.BAG)
