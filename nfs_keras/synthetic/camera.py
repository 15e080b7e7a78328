"""Renders images of three kinds of camera: visible, thermal, near-infrared."""

import cv2
import numpy as np

from nfs_keras.synthetic.canvas import NUM_PARTS, SHADES
from nfs_keras.synthetic.person import LUMA, Materials
from nfs_keras.synthetic.scene import (
    Scene,
    paint_surroundings,
    random_tone,
    texture,
)


def render_visible(
    parts: np.ndarray,
    materials: Materials,
    scene: Scene,
    rng: np.random.Generator,
    image_shape: tuple[int, int],
    difficulty: float,
) -> np.ndarray:
    """Renders a person in visible light.

    Args:
        parts: Map of body parts at a multiple of `image_shape`.
        materials: The person's `Materials`.
        scene: A `Scene`.
        rng: The image's own generator.
        image_shape: `(height, width)` in pixels.
        difficulty: Float in [0, 1].

    Returns:
        float32 array of shape `(height, width, 3)`, about in [0, 1].
    """
    around = _surroundings(scene, rng, image_shape, difficulty)
    figure, cover = _figure(parts, materials.colour, SHADES, image_shape)
    figure *= 1 + _relief(cover, scene) + _folds(rng, image_shape)
    image = figure + (1 - cover) * around
    image = _occlude(image, rng, difficulty, random_tone(rng, 0.1, 0.8))
    x = np.linspace(-1, 1, image_shape[1])[:, None]
    exposure = 0.25 * scene.exposure + 0.25 * rng.normal()
    image *= np.exp(difficulty * exposure)
    image *= 1 + 0.3 * difficulty * rng.uniform(-1, 1) * x
    image *= 1 + difficulty * (0.12 * scene.cast + 0.06 * rng.normal(size=3))
    image += 0.06 * difficulty * rng.normal()
    return _sense(image, rng, 0.5, 0.02)


def render_thermal(
    parts, materials, scene, rng, image_shape, difficulty
) -> np.ndarray:
    """Renders a person as a thermal camera shows them.

    Colours are not used: a heat map of the body parts, cooler towards the
    outline, is blurred and scaled with a random gain and offset.
    Arguments and result are those of `render_visible`.
    """
    around = _surroundings(scene, rng, image_shape, difficulty)[..., :1]
    around = 0.45 * (around - 0.4) + 0.12 * difficulty * scene.ambient
    heat = materials.heat[:, None]
    figure, cover = _figure(parts, heat, (1.0, 1.0, 0.96), image_shape)
    unit = image_shape[0] / 128
    core = cv2.GaussianBlur(cover, (0, 0), 2.0 * unit)[..., None]
    figure = figure * (0.65 + 0.35 * core) + 0.5 * cover * _folds(
        rng, image_shape
    )
    image = figure + (1 - cover) * around
    image = _occlude(image, rng, difficulty, rng.uniform(-0.1, 0.5, 1))
    gain = np.exp(difficulty * (0.2 * scene.exposure + 0.2 * rng.normal()))
    offset = 0.2 + difficulty * (0.08 * scene.ambient + 0.08 * rng.normal())
    image = offset + 0.72 * gain * image
    image += 0.012 * rng.normal(size=(1, image_shape[1], 1))
    image = _sense(image[..., 0], rng, 1.0, 0.02)
    return np.repeat(image[..., None], 3, axis=2)


def render_near_infrared(
    parts, materials, scene, rng, image_shape, difficulty
) -> np.ndarray:
    """Renders a person in the light of a near-infrared lamp.

    Cloth reflects this light independently of its hue. Arguments and result are
    those of `render_visible`.
    """
    around = _surroundings(scene, rng, image_shape, difficulty)
    around = 0.5 * (around @ LUMA)[..., None]
    light = materials.reflectance[:, None]
    figure, cover = _figure(parts, light, SHADES, image_shape)
    figure *= 1 + _relief(cover, scene) + _folds(rng, image_shape)
    image = figure + (1 - cover) * around
    image = _occlude(image, rng, difficulty, rng.uniform(0.1, 0.8, 1))
    image *= _lamp(rng, image_shape, difficulty)
    exposure = 0.25 * scene.exposure + 0.25 * rng.normal()
    image *= np.exp(difficulty * exposure)
    image = _sense(image[..., 0], rng, 0.7, 0.03)
    return np.repeat(image[..., None], 3, axis=2)


def _surroundings(scene, rng, image_shape, difficulty):
    """Paints the surroundings, with more contrast if more difficult."""
    offset = 0.5 + difficulty * rng.uniform(-0.5, 0.5)
    image = paint_surroundings(scene, image_shape, offset)
    mean = image.mean(axis=(0, 1))
    return mean + (image - mean) * min(1.0, 0.2 + 1.6 * difficulty)


def _figure(parts, values, shades, image_shape):
    """Looks up each part's value; returns it and the share it covers."""
    table = np.zeros((len(shades) * NUM_PARTS, values.shape[1]), np.float32)
    for i, shade in enumerate(shades):
        table[i * NUM_PARTS : i * NUM_PARTS + len(values)] = shade * values
    inside = (parts > 0).astype(np.float32)
    figure = _shrink(table[parts], image_shape)
    return figure, _shrink(inside, image_shape)


def _shrink(image, image_shape):
    height, width = image_shape
    image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return image.reshape(height, width, -1)


def _relief(cover, scene):
    """Shades a body as if it were round, lit from an angle."""
    unit = cover.shape[0] / 128
    soft = cv2.GaussianBlur(cover, (0, 0), 2.5 * unit)
    slope_x = cv2.Sobel(soft, cv2.CV_32F, 1, 0) * np.cos(scene.light)
    slope_y = cv2.Sobel(soft, cv2.CV_32F, 0, 1) * 0.3
    strength = 0.6 if scene.outdoors else 0.3
    return (-strength * unit * (slope_x + slope_y))[..., None]


def _folds(rng, image_shape):
    return 0.05 * texture(rng, image_shape, image_shape[0] / 32)[..., None]


def _lamp(rng, image_shape, difficulty):
    """Renders the bright spot of a lamp beside the lens."""
    y, x = (np.linspace(-1, 1, n) for n in image_shape)
    centre = 0.5 * difficulty * rng.uniform(-1, 1, 2)
    distance = (y[:, None] - centre[0]) ** 2 + (x - centre[1]) ** 2
    return (1.1 - 0.5 * difficulty * distance)[..., None]


def _occlude(image, rng, difficulty, tone):
    """Sometimes paints a pillar, a wall or a pole in front of the person."""
    happens, kind, place, reach = rng.random(4)
    if happens > 0.4 * difficulty:
        return image
    height, width = image.shape[:2]
    image = np.ascontiguousarray(image, np.float32)
    if kind < 0.4:
        edge = int(width * (0.12 + 0.2 * reach))
        left = 0 if place < 0.5 else width - edge
        corners = (left, 0), (left + edge, height)
    elif kind < 0.7:
        top = int(height * (0.75 + 0.2 * reach))
        corners = (0, top), (width, height)
    else:
        left = int(width * (0.15 + 0.65 * place))
        corners = (left, 0), (left + max(1, int(width * 0.07)), height)
    cv2.rectangle(image, *corners, tuple(map(float, tone)), -1)
    return image.reshape(height, width, -1)


def _sense(image, rng, blur, noise):
    """Blurs an image as a lens does and adds a sensor's noise."""
    blur *= image.shape[0] / 128 * rng.uniform(0.8, 1.3)
    image = cv2.GaussianBlur(image.astype(np.float32), (0, 0), blur)
    grain = rng.standard_normal(image.shape, np.float32)
    return image + np.float32(noise) * grain
