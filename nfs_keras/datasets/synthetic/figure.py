"""The order in which a person is painted: the farthest first."""

import numpy as np

from nfs_keras.datasets.synthetic.bag import paint_backpack, paint_carried
from nfs_keras.datasets.synthetic.canvas import Canvas, Pose
from nfs_keras.datasets.synthetic.head import paint_hanging_hair, paint_head
from nfs_keras.datasets.synthetic.lower import paint_hips, paint_leg
from nfs_keras.datasets.synthetic.person import Person
from nfs_keras.datasets.synthetic.upper import paint_arm, paint_trunk


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
