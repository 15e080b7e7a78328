"""The proportions of a body, the joints of its walk, and its head."""

from typing import NamedTuple

import numpy as np

from nfs_keras.synthetic.canvas import Part

ANKLE = 0.035  # height of the ankle joint
SHOULDER = 0.79  # height of the shoulder joint
CHIN = 0.845


class Body(NamedTuple):
    """Proportions, as fractions of the average body height."""

    height: float  # 1 is the average
    girth: float  # 1 is the average; the widths below include it
    head: float  # half of the head's height
    shoulder: float  # half width
    waist: float  # half width
    hip: float  # half width
    leg: float  # height of the hip joint


def random_body(rng: np.random.Generator, female: bool) -> Body:
    """Samples a random body."""
    girth = rng.uniform(0.78, 1.3)
    return Body(
        height=rng.uniform(0.88, 1.08),
        girth=girth,
        head=rng.uniform(0.058, 0.075),
        shoulder=girth * rng.uniform(0.1, 0.13) * (0.93 if female else 1.05),
        waist=girth * rng.uniform(0.066, 0.1) * (0.9 if female else 1.05),
        hip=girth * rng.uniform(0.078, 0.1) * (1.06 if female else 0.97),
        leg=rng.uniform(0.44, 0.53),
    )


def leg_joints(body: Body, pose, side: int) -> np.ndarray:
    """Places hip, knee, ankle and toe, (4, 3), in a step of the walk.

    Args:
        body: A `Body`.
        pose: A `Pose`.
        side: 1 for the person's left, -1 for their right.
    """
    swing = pose.stride * np.sin(pose.phase) * side
    bend = 1.2 * pose.stride * max(0.0, np.cos(pose.phase) * side)
    bone = (body.leg - ANKLE) / 2
    hip = np.array([side * body.hip * 0.5, body.leg, 0.0])
    knee = hip + bone * _hanging(swing)
    ankle = knee + bone * _hanging(swing - bend)
    toe = ankle + np.array([side * 0.012, -0.02, 0.07])
    return np.stack([hip, knee, ankle, toe])


def arm_joints(body: Body, pose, side: int, carrying: bool) -> np.ndarray:
    """Places shoulder, elbow and wrist, (3, 3); a loaded arm hangs still."""
    swing = -0.7 * pose.stride * np.sin(pose.phase) * side
    if carrying:
        swing *= 0.3
    shoulder = np.array([side * (body.shoulder - 0.012), SHOULDER, 0.0])
    elbow = shoulder + 0.165 * _hanging(swing, side * 0.12)
    bent = swing + (0.05 if carrying else 0.25)
    wrist = elbow + 0.16 * _hanging(bent, side * 0.04)
    return np.stack([shoulder, elbow, wrist])


def _hanging(swing, out=0.0):
    """Points down a bone that swings forward by `swing` radians."""
    return np.array([out, -np.cos(swing), np.sin(swing)])


HAIRCUTS = ("bald", "short", "bob", "long", "ponytail", "bun")
FALLS = {  # length of the hair below the crown, and its width
    "bob": (0.155, 0.95),
    "long": (0.26, 0.9),
    "ponytail": (0.25, 0.34),
}


class Head(NamedTuple):
    """Hair, hat and scarf of a person."""

    hair: str  # one of `HAIRCUTS`
    volume: float  # of the hair, 1 lies flat
    hat: str  # "none" | "cap" | "brim" | "hood"
    scarf: bool


def random_head(rng: np.random.Generator, female: bool) -> Head:
    """Samples a random head."""
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
