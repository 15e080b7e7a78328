"""A body's proportions and its walk."""

from typing import NamedTuple

import numpy as np

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
    """Draws a body."""
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
