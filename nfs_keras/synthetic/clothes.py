"""Upper and lower garments, and the patterns printed on them."""

from typing import NamedTuple

import numpy as np

from nfs_keras.synthetic.body import ANKLE, CHIN, arm_joints, leg_joints
from nfs_keras.synthetic.canvas import Part

KINDS = ("none", "hoops", "stripes", "panel", "yoke", "base")


class Pattern(NamedTuple):
    """A pattern on the upper garment."""

    kind: str  # one of `KINDS`
    count: int  # of hoops, stripes; how wide a panel is
    width: float  # share of the period that is printed
    place: float  # where it starts, 0 is high and 1 is low


def random_pattern(rng: np.random.Generator) -> Pattern:
    """Samples a random pattern."""
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


class Upper(NamedTuple):
    """The upper garment."""

    sleeve: float  # 0 is none, 1 reaches the wrist
    sleeve_width: float  # 1 fits tightly
    hem: float  # height above the ground
    flare: float  # width at the hem, 1 is that of the hips
    opening: float  # half width of the open front, 0 is closed
    neckline: float  # depth of a V of bare skin
    pattern: Pattern


def random_upper(rng: np.random.Generator) -> Upper:
    """Samples a random upper garment; every third is a coat."""
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


HEMS = {"trousers": (0.04, 0.12), "shorts": (0.24, 0.4), "skirt": (0.1, 0.38)}


class Lower(NamedTuple):
    """The lower garment."""

    kind: str  # "trousers" | "shorts" | "skirt"
    hem: float  # height above the ground
    width: float  # 1 fits tightly
    stripe: bool  # down the outer seam
    sock: float  # height of socks or boots above the ground


def random_lower(rng: np.random.Generator, female: bool) -> Lower:
    """Samples a random lower garment."""
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
    """Paints a leg, its garment, and its shoe."""
    lower = person.lower
    joints = leg_joints(person.body, canvas.pose, side)
    hip, knee, ankle, toe = canvas.project(joints)
    leg = np.stack([hip, knee, ankle])
    girth = person.body.girth * canvas.pose.scale
    skin = np.array([0.046, 0.034, 0.022]) * girth
    canvas.limb(leg, skin, Part.SKIN)
    if lower.sock:
        start = _along(person.body, lower.sock)
        canvas.limb(*_segment(leg, skin * 1.15, start, 2.0), Part.SOCK)
    if lower.kind != "skirt":
        cloth = np.array([0.05, 0.041, 0.034]) * girth * lower.width
        end = _along(person.body, lower.hem)
        points, radii = _segment(leg, cloth, 0.0, end)
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


def _segment(points, radii, start, end):
    """Returns the segment of a chain of bones from `start` to `end`."""
    knots = np.arange(len(points), dtype=float)
    inner = knots[(knots > start) & (knots < end)]
    at = np.concatenate([[start], inner, [end]])
    x, y = (np.interp(at, knots, points[:, i]) for i in (0, 1))
    return np.stack([x, y], axis=1), np.interp(at, knots, radii)
