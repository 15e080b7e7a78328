"""What each part of a person is made of, as three cameras see it."""

from typing import NamedTuple

import numpy as np

from nfs_keras.datasets.synthetic.part import Part

LUMA = np.array([0.299, 0.587, 0.114])


class Materials(NamedTuple):
    """Appearance of each part; rows are numbered by `Part`.

    Hue is drawn by itself, so it says nothing about the other two cameras.
    What they share is how dark cloth is: dark cloth takes up more heat,
    thick cloth lets less of the body's heat through.
    """

    colour: np.ndarray  # (parts, 3) RGB in [0, 1]
    heat: np.ndarray  # (parts,) 0 is the surroundings, 1 is bare skin
    reflectance: np.ndarray  # (parts,) of near infrared light, in [0, 1]


def random_materials(rng: np.random.Generator) -> Materials:
    """Draws the materials of one person."""
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
    """Draws how dark each part is; neighbours must differ."""
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
    """Gives each part a hue at the brightness that its darkness allows."""
    hue = rng.uniform(0.1, 1.0, (len(Part), 3))
    grey = rng.beta(1.0, 1.3, (len(Part), 1))
    hue = hue * (1 - grey) + hue @ LUMA[:, None] * grey
    hue[Part.SKIN] = (1.0, 0.75, 0.6)
    hue[Part.HAIR] = (1.0, 0.8, rng.uniform(0.6, 0.9))
    brightness = 0.06 + 0.8 * (1 - darkness)
    colour = np.minimum(hue * (brightness / (hue @ LUMA))[:, None], 1)
    # Where a saturated hue cannot be so bright, white makes up for it.
    missing = brightness - colour @ LUMA
    return np.clip(colour + missing[:, None], 0, 1)
