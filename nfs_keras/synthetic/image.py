"""Renders one synthetic image: a pure function of seed, world and numbers."""

from typing import NamedTuple

import numpy as np

from nfs_keras.modalities import MODALITIES
from nfs_keras.synthetic.camera import (
    render_near_infrared,
    render_thermal,
    render_visible,
)
from nfs_keras.synthetic.canvas import Pose
from nfs_keras.synthetic.person import Person, paint_person, random_person
from nfs_keras.synthetic.scene import random_scene

WORLDS = ("people", "regdb", "sysu_mm01", "llcm")
PERSON, PLACE, SPLIT = 2, 3, 4  # other random things, after MODALITIES
OVERSAMPLING = 2
DEFAULT_DIFFICULTY = 0.4


class Recipe(NamedTuple):
    """The options on which all images of a dataset depend."""

    world: str  # one of `WORLDS`
    seed: int
    image_shape: tuple[int, int]
    difficulty: float


class Place(NamedTuple):
    """The place of a fixed camera."""

    number: int  # cameras with the same number show the same surroundings
    outdoors: bool


class Shot(NamedTuple):
    """One image to render."""

    path: str  # relative to the dataset's root
    identity: int
    modality: str  # "visible" | "infrared"
    number: int  # counts the person's images in this modality from 1
    place: Place | None = None  # `None`: a place of the person's own


def generator(recipe: Recipe, thing: int, *numbers: int):
    """Makes the random generator of one thing in a world.

    Args:
        recipe: A `Recipe`; its world and seed count.
        thing: Int. An index into `MODALITIES`, or `PERSON`, `PLACE`, `SPLIT`.
        *numbers: Two non-negative ints that name the thing.

    Returns:
        A `np.random.Generator`. No two things share one.
    """
    world = WORLDS.index(recipe.world)
    first, second = numbers
    return np.random.default_rng([recipe.seed, world, thing, first, second])


def person_of(recipe: Recipe, identity: int) -> Person:
    """Samples the person whose number is `identity`."""
    return random_person(generator(recipe, PERSON, identity, 0))


def render_image(recipe: Recipe, shot: Shot) -> np.ndarray:
    """Renders one image.

    Args:
        recipe: A `Recipe`.
        shot: A `Shot`.

    Returns:
        RGB uint8 array of shape `(height, width, 3)`.
    """
    height, width = recipe.image_shape
    thing = MODALITIES.index(shot.modality)
    person = person_of(recipe, shot.identity)
    rng = generator(recipe, thing, shot.identity, shot.number)
    large = (height * OVERSAMPLING, width * OVERSAMPLING)
    pose = random_pose(person, rng, large, recipe.difficulty)
    image = _renderer(recipe, shot)(
        paint_person(person, pose, large),
        person.materials,
        _scene(recipe, shot),
        rng,
        recipe.image_shape,
        recipe.difficulty,
    )
    return np.clip(np.rint(image * 255), 0, 255).astype(np.uint8)


def random_pose(person, rng, image_shape, difficulty) -> Pose:
    """Samples the pose of a person in one image."""
    height, width = image_shape
    yaw = 0.0 if person.view == "front" else np.pi
    yaw += 0.55 * difficulty * rng.normal()
    turned = rng.uniform(-np.pi, np.pi)
    if rng.random() < 0.15 * difficulty:
        yaw += turned
    nearness = 1 + 0.1 * difficulty * rng.uniform(-1, 1)
    return Pose(
        yaw=yaw,
        phase=rng.uniform(0, 2 * np.pi),
        stride=rng.uniform(0.08, 0.2 + 0.4 * difficulty),
        scale=height * 0.84 * person.body.height * nearness,
        centre=width * (0.5 + 0.14 * difficulty * rng.uniform(-1, 1)),
        ground=height * (0.955 + 0.06 * difficulty * rng.uniform(-1, 1)),
    )


def _renderer(recipe, shot):
    if shot.modality == "visible":
        return render_visible
    # RegDB's second camera measures heat; the others have a lamp.
    if recipe.world in ("sysu_mm01", "llcm"):
        return render_near_infrared
    return render_thermal


def _scene(recipe, shot):
    """Samples place and light, which all images of a session share."""
    if shot.place:
        rng = generator(recipe, PLACE, shot.place.number, 0)
        return random_scene(rng)._replace(outdoors=shot.place.outdoors)
    thing = MODALITIES.index(shot.modality)
    return random_scene(generator(recipe, thing, shot.identity, 0))
