"""A map of body parts, and the pose of the body on it."""

from enum import IntEnum
from typing import NamedTuple

import cv2
import numpy as np


class Part(IntEnum):
    """Parts of a synthetic person, each of one colour and one temperature."""

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


SUBPIXEL = 4  # OpenCV places corners at 1 / 2**SUBPIXEL of a pixel
DEPTH = 0.62  # how deep a trunk is for its width
TILT = 0.12  # how steeply the camera looks down
SHADES = (1.0, 0.9, 0.78)  # light on the front, the arms, the far side
NUM_PARTS = 16  # a pixel holds part + NUM_PARTS * shade


class Pose(NamedTuple):
    """How a person stands in one image."""

    yaw: float  # radians; 0 looks into the camera
    phase: float  # radians of the walking cycle
    stride: float  # radians, the widest swing of a leg
    scale: float  # pixels per average body height
    centre: float  # pixels, x of the body's axis
    ground: float  # pixels, y of the feet


class Canvas:
    """A map of body parts to paint on.

    The coordinates of a body are right-handed: x to the person's left, y up
    from the ground, z forwards; one unit is the average body height.

    Args:
        pose: A `Pose`.
        image_shape: `(height, width)` in pixels.
    """

    def __init__(self, pose: Pose, image_shape: tuple[int, int]):
        self.pose = pose
        self.pixels = np.zeros(image_shape, np.uint8)
        self.shade = 0  # index into `SHADES` of what is painted next
        self.cos, self.sin = np.cos(pose.yaw), np.sin(pose.yaw)

    def project(self, points) -> np.ndarray:
        """Projects body points (n, 3) to pixels (n, 2)."""
        x, y, z = np.asarray(points, float).reshape(-1, 3).T
        across = x * self.cos + z * self.sin
        toward = z * self.cos - x * self.sin
        pose = self.pose
        rows = [
            pose.centre + across * pose.scale,
            pose.ground - (y - TILT * toward) * pose.scale,
        ]
        return np.stack(rows, axis=1)

    def seen_width(self, half_width: float) -> float:
        """Half width in pixels of a trunk from where the camera stands."""
        seen = np.hypot(self.cos, DEPTH * self.sin)
        return half_width * seen * self.pose.scale

    def polygon(self, corners, part):
        """Fills a polygon given in pixels."""
        corners = np.round(np.asarray(corners) * 2**SUBPIXEL)
        cv2.fillPoly(
            self.pixels,
            [corners.astype(np.int32)],
            self._value(part),
            cv2.LINE_8,
            SUBPIXEL,
        )

    def ellipse(self, centre, axes, part, start=0, end=360):
        """Fills an ellipse, or its sector from `start` to `end` degrees."""
        centre, axes = (
            tuple(int(round(v * 2**SUBPIXEL)) for v in pair)
            for pair in (centre, axes)
        )
        value = self._value(part)
        cv2.ellipse(
            self.pixels, centre, axes, 0, start, end, value, -1, 8, SUBPIXEL
        )

    def rows(self, rows, part):
        """Fills a shape given as rows of (x, y, half width) in pixels."""
        x, y, half = np.asarray(rows).T
        left, right = np.stack([x - half, y], 1), np.stack([x + half, y], 1)
        self.polygon(np.concatenate([left, right[::-1]]), part)

    def limb(self, points, radii, part):
        """Fills a chain of tapered bones given in pixels."""
        for i in range(len(points) - 1):
            along = points[i + 1] - points[i]
            length = np.hypot(*along)
            if length > 1e-6:
                normal = np.array([-along[1], along[0]]) / length
                near, far = normal * radii[i], normal * radii[i + 1]
                a, b = points[i], points[i + 1]
                self.polygon([a + near, b + far, b - far, a - near], part)
        for point, radius in zip(points, radii, strict=True):
            self.ellipse(point, (radius, radius), part)

    def _value(self, part):
        return int(part) + NUM_PARTS * self.shade
