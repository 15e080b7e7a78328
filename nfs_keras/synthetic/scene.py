"""The surroundings and the light of an image."""

from typing import NamedTuple

import cv2
import numpy as np

HORIZON = (0.3, 0.6)  # as fractions of the height
SKY = np.array([0.86, 0.95, 1.05])
SPAN = 3  # a place is this many images wide


class Scene(NamedTuple):
    """The surroundings and light that the images of one session share."""

    place: int  # seed of the surroundings
    exposure: float  # standard normal, of the session's light or gain
    cast: np.ndarray  # (3,) standard normal, of the light's colour
    ambient: float  # standard normal, of the surroundings' warmth
    light: float  # radians, direction of the light
    outdoors: bool  # under a sky, in harder light


def random_scene(rng: np.random.Generator) -> Scene:
    """Samples a random scene."""
    return Scene(
        place=int(rng.integers(2**31)),
        exposure=rng.normal(),
        cast=rng.normal(size=3),
        ambient=rng.normal(),
        light=rng.uniform(0, 2 * np.pi),
        outdoors=bool(rng.random() < 0.5),
    )


def paint_surroundings(
    scene: Scene, image_shape: tuple[int, int], offset: float
) -> np.ndarray:
    """Paints the part of a place that one image shows.

    Args:
        scene: A `Scene`.
        image_shape: `(height, width)` in pixels.
        offset: Float in [0, 1]. Position of the image within the place.

    Returns:
        float32 array of shape `(height, width, 3)`, about in [0, 1].
    """
    rng = np.random.default_rng(scene.place)
    height, width = image_shape
    whole = (height, width * SPAN)
    image = _paint_wall_and_ground(rng, whole, scene.outdoors)
    for _ in range(9 * SPAN):
        _paint_thing(rng, image)
    unit = height / 128
    image += texture(rng, whole, 3 * unit)[..., None] * 0.035
    left = int(round(offset * (image.shape[1] - width)))
    crop = np.ascontiguousarray(image[:, left : left + width])
    return cv2.GaussianBlur(crop, (0, 0), 0.8 * unit)


def texture(
    rng: np.random.Generator, image_shape: tuple[int, int], grain: float
) -> np.ndarray:
    """Samples smooth noise with grains of `grain` pixels."""
    height, width = image_shape
    grain = max(1.0, grain)
    grid = rng.normal(size=(int(height / grain) + 2, int(width / grain) + 2))
    return cv2.resize(grid.astype(np.float32), (width, height))


def random_tone(rng: np.random.Generator, low=0.2, high=0.8) -> np.ndarray:
    """Samples a colour of low saturation, (3,)."""
    return rng.uniform(low, high) * (1 + 0.12 * rng.normal(size=3))


def _paint_wall_and_ground(rng, image_shape, outdoors):
    height, width = image_shape
    horizon = int(height * rng.uniform(*HORIZON))
    down = np.linspace(0, 1, height)[:, None]
    slopes = 1 + rng.uniform(-0.35, 0.35, 2) * (down - 0.5)
    wall, ground = random_tone(rng), random_tone(rng)
    if outdoors:
        wall = rng.uniform(0.7, 0.95) * SKY
    rows = np.where(
        np.arange(height)[:, None] < horizon,
        wall * slopes[:, :1],
        ground * slopes[:, 1:],
    )
    rows = np.repeat(rows[:, None], width, axis=1)
    return np.ascontiguousarray(rows.astype(np.float32))


def _paint_thing(rng, image):
    """Paints a window, a pole, a box, a bush or a passer-by."""
    height, width = image.shape[:2]
    kind, (x, y), (a, b) = rng.integers(5), rng.random(2), rng.random(2)
    tone = tuple(map(float, random_tone(rng, 0.1, 0.9)))
    x = x * width
    if kind == 0:
        _paint_box(image, x, y * 0.4, 0.06 + 0.1 * a, 0.06 + 0.12 * b, tone)
    elif kind == 1:
        _paint_box(image, x, 0.3 * y, 0.012 + 0.02 * a, 0.7 + 0.3 * b, tone)
    elif kind == 2:
        _paint_box(image, x, 0.45 + 0.3 * y, 0.1 + 0.25 * a, 0.15, tone)
    elif kind == 3:
        centre = (int(x), int(height * (0.3 + 0.5 * y)))
        axes = (int(height * 0.12 * a) + 1, int(height * 0.1 * b) + 1)
        cv2.ellipse(image, centre, axes, 0, 0, 360, tone, -1)
    else:
        size = 0.2 + 0.3 * a
        foot = 0.6 + 0.3 * y
        _paint_box(image, x, foot - size, 0.25 * size, size, tone)
        centre = (int(x), int(height * (foot - size * 1.1)))
        cv2.circle(image, centre, int(height * size * 0.1) + 1, tone, -1)


def _paint_box(image, x, top, wide, tall, tone):
    """Paints a box; `x` in pixels, the rest as fractions of the height."""
    height = image.shape[0]
    half = wide * height / 2
    corners = (
        (int(x - half), int(top * height)),
        (
            int(x + half),
            int((top + tall) * height),
        ),
    )
    cv2.rectangle(image, *corners, tone, -1)
