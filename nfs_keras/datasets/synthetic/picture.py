"""One synthetic picture: a pure function of seed, world and numbers."""

import cv2
import numpy as np

from nfs_keras.datasets.synthetic.figure import Figure, Pose
from nfs_keras.datasets.synthetic.person import Part, Person, draw_person

MODALITIES = ("visible", "infrared")
WORLDS = ("regdb", "sysu_mm01", "llcm", "people")
SUPERSAMPLING = 2
DEFAULT_DIFFICULTY = 0.5


def generator(seed: int, world: str, *numbers: int) -> np.random.Generator:
    """Makes the random generator of one thing in a world.

    Args:
        seed: Non-negative int.
        world: One of `WORLDS`: what one world draws, no other does.
        *numbers: Three non-negative ints that name the thing.

    Returns:
        A `np.random.Generator`.
    """
    return np.random.default_rng([seed, WORLDS.index(world), *numbers])


def draw_picture(
    world: str,
    seed: int,
    image_shape: tuple[int, int],
    difficulty: float,
    identity: int,
    camera: int,
    modality: str,
    number: int,
) -> np.ndarray:
    """Draws picture `number` of a person."""
    person = person_of(seed, world, identity)
    slot = MODALITIES.index(modality)
    rng = generator(seed, world, identity, slot, number)
    return picture_of(person, modality, rng, image_shape, difficulty)


def person_of(seed: int, world: str, identity: int) -> Person:
    """Draws the person who bears `identity` in a world.

    Args:
        seed: Non-negative int.
        world: One of `WORLDS`. People of different worlds are unrelated.
        identity: Non-negative int.

    Returns:
        A `Person`.
    """
    return draw_person(generator(seed, world, identity, 2, 0))


def picture_of(
    person: Person, modality: str, rng, image_shape, difficulty: float
) -> np.ndarray:
    """Draws one picture of a person.

    Args:
        person: A `Person`.
        modality: `"visible"` or `"infrared"`.
        rng: The picture's own `np.random.Generator`.
        image_shape: `(height, width)` in pixels.
        difficulty: Float in [0, 1] that scales everything that is not the
            person.

    Returns:
        RGB uint8 array of shape `(height, width, 3)`.
    """
    height, width = image_shape
    large = (height * SUPERSAMPLING, width * SUPERSAMPLING)
    pose = draw_pose(person, rng, large, difficulty)
    parts = Figure(person, pose, large).draw()
    draw = _visible if modality == "visible" else _infrared
    return draw(person, parts, rng, image_shape, difficulty)


def draw_pose(person, rng, shape, difficulty):
    height, width = shape
    base = 0.0 if person.view == "front" else np.pi
    yaw = base + rng.normal(0, 0.5) * difficulty
    scale = height * 0.84 * person.height
    scale *= 1 + 0.08 * difficulty * rng.uniform(-1, 1)
    return Pose(
        yaw=yaw,
        phase=rng.uniform(0, 2 * np.pi),
        stride=rng.uniform(0.1, 0.25 + 0.3 * difficulty),
        scale=scale,
        centre=width * (0.5 + 0.12 * difficulty * rng.uniform(-1, 1)),
        ground=height * (0.955 + 0.05 * difficulty * rng.uniform(-1, 1)),
    )


def _clutter(rng, shape, difficulty, channels):
    """Draws a background of a wall, a ground and random things."""
    height, width = shape
    tone = rng.uniform(0.25, 0.75, (2, channels))
    image = np.empty((height, width, channels), np.float32)
    horizon = int(height * rng.uniform(0.3, 0.7))
    image[:horizon], image[horizon:] = tone[0], tone[1]
    for _ in range(rng.poisson(8 * difficulty)):
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        w, h = rng.uniform(3, width * 0.4), rng.uniform(3, height * 0.4)
        shade = tone[int(y > horizon)] + rng.normal(0, 0.18, channels)
        corners = (
            (int(x - w / 2), int(y - h / 2)),
            (
                int(x + w / 2),
                int(y + h / 2),
            ),
        )
        cv2.rectangle(image, *corners, tuple(map(float, shade)), -1)
    return image


def _texture(rng, shape, cell):
    height, width = shape
    grid = rng.normal(size=(height // cell + 2, width // cell + 2))
    return cv2.resize(
        grid.astype(np.float32),
        (width, height),
        interpolation=cv2.INTER_LINEAR,
    )


def _hide(image, rng, difficulty, shade):
    """Puts something between the camera and the person."""
    if rng.random() > 0.35 * difficulty:
        return image
    height, width = image.shape[:2]
    kind = rng.integers(3)
    if kind == 0:
        x = int(rng.choice((0.0, 1.0)) * width)
        reach = int(width * rng.uniform(0.15, 0.35))
        cv2.rectangle(image, (x - reach, 0), (x + reach, height), shade, -1)
    elif kind == 1:
        y = int(height * rng.uniform(0.75, 0.95))
        cv2.rectangle(image, (0, y), (width, height), shade, -1)
    else:
        x = int(width * rng.uniform(0.2, 0.8))
        cv2.rectangle(image, (x, 0), (x + width // 16, height), shade, -1)
    return image


def _shrink(image, image_shape):
    height, width = image_shape
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)


def _compose(parts, values, background, image_shape):
    """Puts the figure, `values` by part, before a background."""
    inside = (parts > 0).astype(np.float32)
    cover = _shrink(inside, image_shape)[..., None]
    figure = values.astype(np.float32)[parts] * inside[..., None]
    figure = _shrink(figure, image_shape)
    figure = figure.reshape(*image_shape, -1)
    return figure + (1 - cover) * background, cover


def _visible(person, parts, rng, image_shape, difficulty):
    background = _clutter(rng, image_shape, difficulty, 3)
    background += 0.05 * _texture(rng, image_shape, 3)[..., None]
    image, cover = _compose(parts, person.colours, background, image_shape)
    image += 0.03 * cover * _texture(rng, image_shape, 4)[..., None]
    shade = tuple(map(float, rng.uniform(0.1, 0.8, 3)))
    image = _hide(image, rng, difficulty, shade)
    slope = np.linspace(-1, 1, image_shape[1])[:, None]
    image *= 1 + 0.25 * difficulty * rng.uniform(-1, 1) * slope
    image *= 1 + 0.12 * difficulty * rng.normal(size=3)
    image *= np.exp(0.35 * difficulty * rng.normal())
    image += 0.05 * difficulty * rng.normal()
    image += rng.normal(0, 0.02, image.shape)
    return np.clip(image * 255, 0, 255).astype(np.uint8)


def _infrared(person, parts, rng, image_shape, difficulty):
    background = 0.3 * _clutter(rng, image_shape, difficulty, 1) - 0.15
    heat = person.heat[:, None].copy()
    heat[Part.BACKGROUND] = 0
    image, cover = _compose(parts, heat, background, image_shape)
    image = image[..., 0]
    image += 0.03 * cover[..., 0] * _texture(rng, image_shape, 4)
    image = _hide(image, rng, difficulty, float(rng.uniform(-0.1, 0.4)))
    image = cv2.GaussianBlur(image.astype(np.float32), (0, 0), 1.0)
    gain = np.exp(0.25 * difficulty * rng.normal())
    offset = 0.2 + 0.12 * difficulty * rng.normal()
    image = offset + 0.7 * gain * image
    image += 0.01 * rng.normal(size=(1, image_shape[1]))
    image += rng.normal(0, 0.02, image.shape)
    image = np.clip(image * 255, 0, 255).astype(np.uint8)
    return np.repeat(image[..., None], 3, axis=2)
