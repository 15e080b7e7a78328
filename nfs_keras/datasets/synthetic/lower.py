"""The lower garment: trousers, shorts or a skirt, with socks and shoes."""

from typing import NamedTuple

import numpy as np

from nfs_keras.datasets.synthetic.body import ANKLE, leg_joints
from nfs_keras.datasets.synthetic.part import Part

HEMS = {"trousers": (0.04, 0.12), "shorts": (0.24, 0.4), "skirt": (0.1, 0.38)}


class Lower(NamedTuple):
    """What covers the legs."""

    kind: str  # "trousers" | "shorts" | "skirt"
    hem: float  # height above the ground
    width: float  # 1 fits tightly
    stripe: bool  # down the outer seam
    sock: float  # height of socks or boots above the ground


def random_lower(rng: np.random.Generator, female: bool) -> Lower:
    """Draws a lower garment."""
    odds = (0.45, 0.2, 0.35) if female else (0.7, 0.3, 0.0)
    kind = str(rng.choice(tuple(HEMS), p=odds))
    socks = (0.0, 0.08, 0.14, 0.24)
    return Lower(
        kind=kind,
        hem=rng.uniform(*HEMS[kind]),
        width=rng.uniform(0.9, 1.55),
        stripe=bool(rng.random() < 0.25),
        sock=float(rng.choice(socks, p=(0.45, 0.2, 0.2, 0.15))),
    )


def paint_leg(canvas, person, side: int):
    """Paints a leg, what covers it, and its shoe."""
    lower = person.lower
    joints = leg_joints(person.body, canvas.pose, side)
    hip, knee, ankle, toe = canvas.project(joints)
    leg = np.stack([hip, knee, ankle])
    girth = person.body.girth * canvas.pose.scale
    skin = np.array([0.046, 0.034, 0.022]) * girth
    canvas.limb(leg, skin, Part.SKIN)
    if lower.sock:
        cut = _along(person.body, lower.sock)
        canvas.limb(*_cut(leg, skin * 1.15, cut, 2.0), Part.SOCK)
    if lower.kind != "skirt":
        cloth = np.array([0.05, 0.041, 0.034]) * girth * lower.width
        points, radii = _cut(leg, cloth, 0.0, _along(person.body, lower.hem))
        canvas.limb(points, radii, Part.LOWER)
        if lower.stripe:
            seam = side * canvas.cos * radii * 0.7
            points = points + np.stack([seam, 0 * seam], axis=1)
            canvas.limb(points, radii * 0.3, Part.STRIPE)
    canvas.limb([ankle, toe], (0.026 * girth, 0.02 * girth), Part.SHOE)


def paint_hips(canvas, person):
    """Paints the skirt, or the seat of the trousers."""
    body, lower = person.body, person.lower
    if lower.kind == "skirt":
        hem, wide = lower.hem, body.hip * (0.75 + 0.55 * lower.width)
    else:
        hem, wide = body.leg - 0.03, body.hip
    heights = (body.leg + 0.06, body.leg, hem)
    points = canvas.project([(0, y, 0) for y in heights])
    halves = [canvas.seen_width(w) for w in (body.waist, body.hip, wide)]
    canvas.rows(np.column_stack([points, halves]), Part.LOWER)


def _along(body, height):
    """Measures a height along the leg: 0 the hip, 1 the knee, 2 the ankle."""
    return float(np.clip(2 * (body.leg - height) / (body.leg - ANKLE), 0, 2))


def _cut(points, radii, start, end):
    """Cuts a piece out of a chain of bones; keeps at least both ends."""
    knots = np.arange(len(points), dtype=float)
    inner = knots[(knots > start) & (knots < end)]
    at = np.concatenate([[start], inner, [end]])
    x, y = (np.interp(at, knots, points[:, i]) for i in (0, 1))
    return np.stack([x, y], axis=1), np.interp(at, knots, radii)
