import numpy as np
import pytest

from nfs_keras.synthetic.body import (
    arm_joints,
    leg_joints,
    random_body,
)
from nfs_keras.synthetic.canvas import Canvas, Pose

BODY = random_body(np.random.default_rng(0), female=True)


def pose(**changes):
    return Pose(0.0, 1.0, 0.3, 100, 32, 120)._replace(**changes)


def bones(joints):
    return np.linalg.norm(np.diff(joints, axis=0), axis=1)


@pytest.mark.parametrize("phase", np.linspace(0, 6, 7))
@pytest.mark.parametrize("side", [-1, 1])
def test_walking_stretches_no_leg(phase, side):
    step = leg_joints(BODY, pose(phase=phase), side)
    still = leg_joints(BODY, pose(stride=0.0), side)
    np.testing.assert_allclose(bones(step), bones(still))


def test_half_a_cycle_later_the_legs_have_changed_places():
    now = leg_joints(BODY, pose(phase=1.0), 1)
    later = leg_joints(BODY, pose(phase=1.0 + np.pi), -1)
    np.testing.assert_allclose(now * (-1, 1, 1), later)


def test_a_loaded_arm_swings_less():
    free = arm_joints(BODY, pose(), 1, carrying=False)
    loaded = arm_joints(BODY, pose(), 1, carrying=True)
    assert abs(loaded[1, 2]) < abs(free[1, 2])


def test_the_feet_stand_where_the_pose_places_them():
    canvas = Canvas(pose(), (128, 64))
    np.testing.assert_allclose(canvas.project([(0, 0, 0)]), [(32, 120)])
    np.testing.assert_allclose(canvas.project([(0, 1, 0)]), [(32, 20)])


def test_seen_from_behind_left_is_left():
    front, back = (
        Canvas(pose(yaw=yaw), (128, 64)).project([(0.1, 0.5, 0)])
        for yaw in (0.0, np.pi)
    )
    np.testing.assert_allclose(front, [(42, 70)])
    np.testing.assert_allclose(back, [(22, 70)])


def test_a_trunk_is_narrowest_from_the_side():
    widths = [
        Canvas(pose(yaw=yaw), (128, 64)).seen_width(0.1)
        for yaw in np.linspace(0, np.pi / 2, 5)
    ]
    assert widths == sorted(widths, reverse=True)
    np.testing.assert_allclose(widths[0], 10)
