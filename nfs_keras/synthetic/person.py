"""A synthetic person: body, clothes and materials, and how to paint them."""

from typing import NamedTuple

import numpy as np

from nfs_keras.synthetic.body import (
    Body,
    Head,
    arm_joints,
    paint_hanging_hair,
    paint_head,
    random_body,
    random_head,
)
from nfs_keras.synthetic.canvas import DEPTH, Canvas, Part, Pose
from nfs_keras.synthetic.clothes import (
    Lower,
    Upper,
    paint_arm,
    paint_hips,
    paint_leg,
    paint_trunk,
    random_lower,
    random_upper,
)

LUMA = np.array([0.299, 0.587, 0.114])


class Materials(NamedTuple):
    """Appearance of each part; rows are numbered by `Part`.

    Hue is independent, so it carries no information about the other two
    cameras. They share the darkness of cloth: dark cloth absorbs more heat,
    and thick cloth emits less of the body's heat.
    """

    colour: np.ndarray  # (parts, 3) RGB in [0, 1]
    heat: np.ndarray  # (parts,) 0 is the surroundings, 1 is bare skin
    reflectance: np.ndarray  # (parts,) of near infrared light, in [0, 1]


def random_materials(rng: np.random.Generator) -> Materials:
    """Samples the materials of one person."""
    darkness = _random_darkness(rng)
    thickness = rng.uniform(0.0, 1.0, len(Part))
    heat = 0.3 + 0.5 * darkness - 0.25 * thickness
    heat += rng.normal(0, 0.04, len(Part))
    heat[Part.HAIR] = 0.3 + 0.3 * darkness[Part.HAIR]
    heat[Part.SKIN] = rng.uniform(0.9, 1.0)
    reflectance = 0.75 - 0.5 * darkness + rng.normal(0, 0.08, len(Part))
    reflectance[Part.SKIN] = rng.uniform(0.6, 0.7)
    colour = _random_colour(rng, darkness)
    twins = [(Part.STRAP, Part.BAG)]
    if rng.random() < 0.7:
        twins.append((Part.SLEEVE, Part.UPPER))
    for values in (colour, heat, reflectance):
        for part, twin in twins:
            values[part] = values[twin]
        values[Part.BACKGROUND] = 0
    return Materials(colour, heat.clip(0, 1), reflectance.clip(0, 1))


def _random_darkness(rng):
    """Samples the darkness of each part; neighbours must differ."""
    darkness = rng.uniform(0.0, 1.0, len(Part))
    darkness[Part.SKIN] = rng.uniform(0.25, 0.7)
    darkness[Part.HAIR] = rng.beta(3, 1.2)
    darkness[Part.SHOE] = rng.beta(1.5, 1)
    for part, neighbour, least in (
        (Part.PATTERN, Part.UPPER, 0.4),
        (Part.INNER, Part.UPPER, 0.35),
        (Part.LOWER, Part.UPPER, 0.15),
        (Part.STRIPE, Part.LOWER, 0.4),
        (Part.BAG, Part.UPPER, 0.3),
    ):
        if abs(darkness[part] - darkness[neighbour]) < least:
            sign = -1 if darkness[neighbour] > 0.5 else 1
            darkness[part] = darkness[neighbour] + sign * least
    return darkness


def _random_colour(rng, darkness):
    """Samples a hue of each part, at the brightness that fits its darkness."""
    hue = rng.uniform(0.1, 1.0, (len(Part), 3))
    grey = rng.beta(1.0, 1.3, (len(Part), 1))
    hue = hue * (1 - grey) + hue @ LUMA[:, None] * grey
    hue[Part.SKIN] = (1.0, 0.75, 0.6)
    hue[Part.HAIR] = (1.0, 0.8, rng.uniform(0.6, 0.9))
    brightness = 0.06 + 0.8 * (1 - darkness)
    colour = np.minimum(hue * (brightness / (hue @ LUMA))[:, None], 1)
    # If a saturated hue cannot be so bright, white is added to it.
    missing = brightness - colour @ LUMA
    return np.clip(colour + missing[:, None], 0, 1)


KINDS = ("none", "backpack", "shoulder", "tote")


class Bag(NamedTuple):
    """A bag that a person carries."""

    kind: str  # one of `KINDS`
    side: int  # 1 is the person's left, -1 their right
    size: float  # 1 is the average


def random_bag(rng: np.random.Generator) -> Bag:
    """Samples a random bag, or none."""
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


class Person(NamedTuple):
    """One identity."""

    gender: str  # "male" | "female"
    view: str  # "front" | "back": the side usually turned to the camera
    body: Body
    head: Head
    upper: Upper
    lower: Lower
    bag: Bag
    materials: Materials


def random_person(rng: np.random.Generator) -> Person:
    """Samples a random person.

    Of RegDB's 412 people 254 are women and 156 show their front; the
    probabilities here are about the same.

    Args:
        rng: The person's own generator.

    Returns:
        A `Person`.
    """
    female = bool(rng.random() < 0.6)
    return Person(
        gender="female" if female else "male",
        view="front" if rng.random() < 0.4 else "back",
        body=random_body(rng, female),
        head=random_head(rng, female),
        upper=random_upper(rng),
        lower=random_lower(rng, female),
        bag=random_bag(rng),
        materials=random_materials(rng),
    )


def paint_person(
    person: Person, pose: Pose, image_shape: tuple[int, int]
) -> np.ndarray:
    """Paints a person as a map of body parts.

    Args:
        person: A `Person`.
        pose: A `Pose`.
        image_shape: `(height, width)` in pixels.

    Returns:
        uint8 array of `image_shape`: `Part` plus `NUM_PARTS` times the
        index of its shade.
    """
    canvas = Canvas(pose, image_shape)
    far, near = (1, -1) if canvas.sin > 0 else (-1, 1)
    behind, before = [paint_hanging_hair, paint_backpack], []
    if canvas.cos < 0:
        behind, before = before, behind
    for paint in behind:
        paint(canvas, person)
    sideways = abs(canvas.sin) > 0.35
    canvas.shade = 2
    if sideways:
        paint_arm(canvas, person, far)
    paint_leg(canvas, person, far)
    canvas.shade = 0
    paint_leg(canvas, person, near)
    paint_hips(canvas, person)
    paint_trunk(canvas, person)
    paint_head(canvas, person)
    for paint in before:
        paint(canvas, person)
    canvas.shade = 1
    if not sideways:
        paint_arm(canvas, person, far)
    paint_arm(canvas, person, near)
    canvas.shade = 0
    paint_carried(canvas, person)
    return canvas.pixels
