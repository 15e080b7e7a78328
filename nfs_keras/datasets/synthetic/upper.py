"""The upper garment: from a vest to a coat, with its sleeves."""

from typing import NamedTuple

import numpy as np

from nfs_keras.datasets.synthetic.body import CHIN, arm_joints
from nfs_keras.datasets.synthetic.part import Part
from nfs_keras.datasets.synthetic.pattern import (
    Pattern,
    paint_patch,
    paint_pattern,
    random_pattern,
)


class Upper(NamedTuple):
    """What covers the trunk."""

    sleeve: float  # 0 is none, 1 reaches the wrist
    sleeve_width: float  # 1 fits tightly
    hem: float  # height above the ground
    flare: float  # width at the hem, 1 is that of the hips
    opening: float  # half width of the open front, 0 is closed
    neckline: float  # depth of a V of bare skin
    pattern: Pattern


def random_upper(rng: np.random.Generator) -> Upper:
    """Draws an upper garment; every third is a coat."""
    coat = rng.random() < 0.35
    sleeves = (0.0, 0.3, 0.5, 1.0)
    return Upper(
        sleeve=float(rng.choice(sleeves, p=(0.1, 0.3, 0.15, 0.45))),
        sleeve_width=rng.uniform(1.0, 1.6),
        hem=rng.uniform(0.15, 0.4) if coat else rng.uniform(0.42, 0.56),
        flare=rng.uniform(0.95, 1.5) if coat else rng.uniform(0.95, 1.15),
        opening=float(rng.choice((0.0, 0.25, 0.45), p=(0.6, 0.2, 0.2))),
        neckline=float(rng.choice((0.0, 0.05, 0.1), p=(0.5, 0.25, 0.25))),
        pattern=random_pattern(rng),
    )


def paint_trunk(canvas, person):
    """Paints the trunk with its pattern and its open front."""
    rows = _trunk_rows(canvas, person.body, person.upper)
    canvas.rows(rows, Part.UPPER)
    paint_pattern(canvas, person.upper.pattern, rows)
    if canvas.cos < 0.3:
        return
    centre = canvas.sin * 0.3
    if person.upper.opening:
        band = (rows[1, 1], rows[-1, 1])
        half = person.upper.opening
        paint_patch(canvas, rows, band, centre, half, Part.INNER)
    if person.upper.neckline:
        x, top, wide = rows[0]
        low = top + person.upper.neckline * canvas.pose.scale
        corners = [(x - wide, top), (x + wide, top), (x + wide * centre, low)]
        canvas.polygon(corners, Part.SKIN)


def _trunk_rows(canvas, body, upper):
    """Outlines the trunk as rows (x, y, half width) from chin to hem."""
    chest = 0.5 * (body.shoulder + body.waist) + 0.008
    hem_width = body.hip * (1 + (upper.flare - 1) * (0.56 - upper.hem) * 4)
    outline = [
        (CHIN, 0.035 * body.girth),
        (0.815, body.shoulder * 0.82),
        (0.785, body.shoulder),
        (0.70, chest),
        (0.61, body.waist),
        (0.53, body.hip),
    ]
    outline = [row for row in outline if row[0] > upper.hem + 0.02]
    outline.append((upper.hem, max(hem_width, outline[-1][1])))
    points = canvas.project([(0, y, 0) for y, _ in outline])
    wide = [1.06 * canvas.seen_width(half) for _, half in outline]
    return np.column_stack([points, wide])


def paint_arm(canvas, person, side: int):
    """Paints an arm, its hand and its sleeve."""
    carrying = person.bag.kind == "tote" and side == person.bag.side
    joints = arm_joints(person.body, canvas.pose, side, carrying)
    shoulder, elbow, wrist = canvas.project(joints)
    girth = person.body.girth * canvas.pose.scale
    radii = np.array([0.029, 0.024, 0.018]) * girth
    canvas.limb([shoulder, elbow, wrist], radii, Part.SKIN)
    hand = wrist + (wrist - elbow) * 0.12
    canvas.ellipse(hand, (0.02 * girth,) * 2, Part.SKIN)
    upper = person.upper
    wide = radii * (1.0, 1.1 * upper.sleeve_width, 1.2 * upper.sleeve_width)
    wide[0] = radii[0] * 1.15
    if upper.sleeve > 0.5:
        canvas.limb([shoulder, elbow, wrist], wide, Part.SLEEVE)
    elif upper.sleeve:
        end = shoulder + (elbow - shoulder) * upper.sleeve * 2
        canvas.limb([shoulder, end], wide[:2], Part.SLEEVE)
