"""Who a synthetic person is: everything that all their pictures share."""

from enum import IntEnum
from typing import NamedTuple

import numpy as np


class Part(IntEnum):
    """What a pixel of a drawn figure belongs to."""

    BACKGROUND = 0
    SKIN = 1
    HAIR = 2
    HAT = 3
    UPPER = 4
    SLEEVE = 5
    PATTERN = 6
    INNER = 7
    LOWER = 8
    STRIPE = 9
    SHOE = 10
    SOCK = 11
    BAG = 12
    STRAP = 13
    SCARF = 14


class Person(NamedTuple):
    """One identity. Lengths are fractions of the body height.

    Both cameras see the shapes. The visible camera sees `colours`, the
    thermal camera `heat`; these two meet only in how dark and how thick a
    garment is.
    """

    gender: str  # "male" | "female"
    view: str  # "front" | "back": the side usually turned to the camera
    height: float  # 1 is the average
    girth: float  # 1 is the average
    head: float
    shoulder: float  # half width
    waist: float  # half width
    hip: float  # half width
    leg: float  # height of the hip joint
    hair: str  # "bald" | "short" | "bob" | "long" | "ponytail" | "bun"
    hair_volume: float
    hat: str  # "none" | "cap" | "brim" | "hood"
    sleeve: float  # 0 is none, 1 reaches the wrist
    sleeve_width: float
    hem: float  # height of the upper garment's hem
    flare: float  # how much wider than the hips the hem is
    opening: float  # half width of the open front, 0 is closed
    scarf: bool
    pattern: str  # "none" | "hoops" | "stripes" | "panel" | "yoke" | "base"
    pattern_count: int
    pattern_width: float
    pattern_place: float
    lower: str  # "trousers" | "shorts" | "skirt"
    lower_hem: float  # height of the lower garment's hem
    lower_width: float
    side_stripe: bool
    sock: float  # height of socks or boots
    bag: str  # "none" | "backpack" | "shoulder" | "tote"
    bag_side: int  # -1 is the person's right, 1 their left
    bag_size: float
    colours: np.ndarray  # (len(Part), 3) RGB in [0, 1]
    heat: np.ndarray  # (len(Part),) 0 is the surroundings, 1 is bare skin


def draw_person(rng: np.random.Generator) -> Person:
    """Draws a person.

    Args:
        rng: The person's own generator.

    Returns:
        A `Person`.
    """
    female = rng.random() < 0.45
    darkness, thickness = _draw_cloth(rng)
    return Person(
        gender="female" if female else "male",
        view="front" if rng.random() < 0.4 else "back",
        **_draw_body(rng, female),
        **_draw_head(rng, female),
        **_draw_upper(rng),
        **_draw_lower(rng, female),
        **_draw_bag(rng),
        colours=_colours(rng, darkness),
        heat=_heat(rng, darkness, thickness),
    )


def _draw_body(rng, female):
    girth = rng.uniform(0.78, 1.3)
    return {
        "height": rng.uniform(0.88, 1.08),
        "girth": girth,
        "head": rng.uniform(0.058, 0.075),
        "shoulder": rng.uniform(0.1, 0.13) * (0.93 if female else 1.05),
        "waist": rng.uniform(0.066, 0.1) * (0.9 if female else 1.05),
        "hip": rng.uniform(0.078, 0.1) * (1.06 if female else 0.97),
        "leg": rng.uniform(0.44, 0.53),
    }


def _draw_head(rng, female):
    hair = ("bald", "short", "bob", "long", "ponytail", "bun")
    odds = (
        (0, 0.15, 0.2, 0.35, 0.2, 0.1)
        if female
        else (
            0.15,
            0.65,
            0.1,
            0.05,
            0.05,
            0,
        )
    )
    return {
        "hair": str(rng.choice(hair, p=odds)),
        "hair_volume": rng.uniform(1.0, 1.4),
        "hat": str(
            rng.choice(
                ("none", "cap", "brim", "hood"), p=(0.7, 0.12, 0.08, 0.1)
            )
        ),
    }


def _draw_upper(rng):
    coat = rng.random() < 0.35
    return {
        "sleeve": float(
            rng.choice((0.0, 0.3, 0.5, 1.0), p=(0.1, 0.3, 0.15, 0.45))
        ),
        "sleeve_width": rng.uniform(1.0, 1.6),
        "hem": rng.uniform(0.15, 0.4) if coat else rng.uniform(0.42, 0.56),
        "flare": rng.uniform(0.95, 1.5) if coat else rng.uniform(0.95, 1.15),
        "opening": float(rng.choice((0.0, 0.25, 0.45), p=(0.6, 0.2, 0.2))),
        "scarf": bool(rng.random() < 0.15),
        "pattern": str(
            rng.choice(
                ("none", "hoops", "stripes", "panel", "yoke", "base"),
                p=(0.25, 0.2, 0.1, 0.2, 0.13, 0.12),
            )
        ),
        "pattern_count": int(rng.integers(1, 5)),
        "pattern_width": rng.uniform(0.3, 0.6),
        "pattern_place": rng.uniform(0.0, 1.0),
    }


def _draw_lower(rng, female):
    lower = str(
        rng.choice(
            ("trousers", "shorts", "skirt"),
            p=(0.45, 0.2, 0.35) if female else (0.7, 0.3, 0.0),
        )
    )
    low, high = {
        "trousers": (0.04, 0.12),
        "shorts": (0.24, 0.4),
        "skirt": (0.1, 0.38),
    }[lower]
    return {
        "lower": lower,
        "lower_hem": rng.uniform(low, high),
        "lower_width": rng.uniform(0.9, 1.55),
        "side_stripe": bool(rng.random() < 0.2),
        "sock": float(
            rng.choice((0.0, 0.08, 0.14, 0.24), p=(0.45, 0.2, 0.2, 0.15))
        ),
    }


def _draw_bag(rng):
    return {
        "bag": str(
            rng.choice(
                ("none", "backpack", "shoulder", "tote"),
                p=(0.35, 0.25, 0.22, 0.18),
            )
        ),
        "bag_side": int(rng.choice((-1, 1))),
        "bag_size": rng.uniform(0.7, 1.3),
    }


def _draw_cloth(rng):
    """Draws how dark and how thick each part is, both in [0, 1]."""
    darkness = rng.uniform(0.0, 1.0, len(Part))
    thickness = rng.uniform(0.0, 1.0, len(Part))
    darkness[Part.SKIN] = rng.uniform(0.25, 0.7)
    darkness[Part.HAIR] = rng.beta(3, 1.2)
    darkness[Part.SHOE] = rng.beta(1.5, 1)
    if rng.random() < 0.7:
        darkness[Part.SLEEVE] = darkness[Part.UPPER]
        thickness[Part.SLEEVE] = thickness[Part.UPPER]
    _set_apart(darkness, Part.PATTERN, Part.UPPER, 0.4)
    _set_apart(darkness, Part.INNER, Part.UPPER, 0.35)
    _set_apart(darkness, Part.LOWER, Part.UPPER, 0.15)
    _set_apart(darkness, Part.STRIPE, Part.LOWER, 0.4)
    _set_apart(darkness, Part.BAG, Part.UPPER, 0.3)
    darkness[Part.STRAP] = darkness[Part.BAG]
    return darkness, thickness


def _set_apart(darkness, part, other, least):
    gap = darkness[part] - darkness[other]
    if abs(gap) < least:
        sign = -1 if darkness[other] > 0.5 else 1
        darkness[part] = np.clip(darkness[other] + sign * least, 0, 1)


def _colours(rng, darkness):
    """Gives each part a random hue at the brightness its darkness allows."""
    hue = rng.uniform(0.1, 1.0, (len(Part), 3))
    hue[Part.SKIN] = (1.0, 0.75, 0.6)
    hue[Part.HAIR] = (1.0, 0.8, 0.6 + 0.3 * rng.random())
    hue[Part.STRAP] = hue[Part.BAG]
    if darkness[Part.SLEEVE] == darkness[Part.UPPER]:
        hue[Part.SLEEVE] = hue[Part.UPPER]
    luma = hue @ (0.299, 0.587, 0.114)
    target = 0.06 + 0.82 * (1 - darkness)
    colours = hue * (target / luma)[:, None]
    # What a saturated hue cannot reach, white light makes up for.
    excess = target - np.minimum(colours, 1) @ (0.299, 0.587, 0.114)
    return np.clip(np.minimum(colours, 1) + excess[:, None], 0, 1)


def _heat(rng, darkness, thickness):
    heat = 0.3 + 0.5 * darkness - 0.25 * thickness
    heat += rng.normal(0, 0.04, len(Part))
    heat[Part.STRAP] = heat[Part.BAG]
    if darkness[Part.SLEEVE] == darkness[Part.UPPER]:
        heat[Part.SLEEVE] = heat[Part.UPPER]
    heat[Part.SKIN] = rng.uniform(0.9, 1.0)
    return np.clip(heat, 0.0, 1.0)
