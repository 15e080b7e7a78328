import numpy as np
import pytest

from nfs_keras.synthetic.camera import (
    render_near_infrared,
    render_thermal,
    render_visible,
)
from nfs_keras.synthetic.canvas import Part, Pose
from nfs_keras.synthetic.person import paint_person, random_person
from nfs_keras.synthetic.scene import random_scene

SHAPE = (64, 32)
CAMERAS = {
    "colour": render_visible,
    "heat": render_thermal,
    "reflectance": render_near_infrared,
}


def see(camera, difficulty=0.5, **changes):
    person = random_person(np.random.default_rng(0))
    pose = Pose(0.2, 1.0, 0.3, 108, 32, 122)
    parts = paint_person(person, pose, (128, 64))
    return CAMERAS[camera](
        parts,
        person.materials._replace(**changes),
        random_scene(np.random.default_rng(1)),
        np.random.default_rng(2),
        SHAPE,
        difficulty,
    )


@pytest.mark.parametrize("camera", CAMERAS)
@pytest.mark.parametrize("sense", CAMERAS)
def test_a_camera_has_one_sense(camera, sense):
    shape = (len(Part), 3) if sense == "colour" else (len(Part),)
    other = np.random.default_rng(3).uniform(size=shape)
    before, after = see(camera), see(camera, **{sense: other})
    assert before.shape == (*SHAPE, 3)
    assert (before != after).any() == (camera == sense)


@pytest.mark.parametrize("camera", ["heat", "reflectance"])
def test_infrared_is_grey(camera):
    image = see(camera)
    np.testing.assert_array_equal(image[..., :1], image[..., 1:2])
    np.testing.assert_array_equal(image[..., :1], image[..., 2:])


def test_warmer_cloth_is_brighter_to_a_thermal_camera():
    cold, warm = (np.full(len(Part), level) for level in (0.2, 0.9))
    rise = see("heat", heat=warm) - see("heat", heat=cold)
    assert rise.max() > 0.2
    assert rise.min() > -1e-5
