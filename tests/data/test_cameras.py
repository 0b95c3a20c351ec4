from __future__ import annotations

import numpy as np
import pytest

from isthmus.data.cameras import Cameras, fixed_four, following_six, looking


def test_looking_makes_rotations_that_see_the_target_ahead_and_upright():
    rng = np.random.default_rng(0)
    centre, target = rng.normal(0, 1000, (2, 20, 3))
    rotation = looking(centre, target, np.zeros(20))
    assert rotation @ np.swapaxes(rotation, 1, 2) == pytest.approx(np.tile(np.eye(3), (20, 1, 1)))
    assert np.linalg.det(rotation) == pytest.approx(1)
    seen = np.einsum("nij,nj->ni", rotation, target - centre)
    assert seen[:, :2] == pytest.approx(0, abs=1e-9)
    assert (seen[:, 2] > 0).all()
    above = np.einsum("nij,j->ni", rotation, [0.0, 0, 1])
    assert (above[:, 1] < 0).all()


def test_projection_is_the_pinhole_and_brown_distortion():
    one = Cameras(
        np.eye(3)[None, None],
        np.zeros((1, 1, 3)),
        np.array([[[100.0, 200, 10, 20]]]),
        np.zeros((1, 1, 5)),
    )
    point = np.array([[[1.0, 2, 4]]])
    assert one.project(point)[0, 0, 0] == pytest.approx((35, 120))
    bent = Cameras(
        one.rotation, one.centre, one.intrinsics, np.array([[[0.1, 0.2, 0.01, 0.02, 0.3]]])
    )
    x, y, square = 0.25, 0.5, 0.3125
    radial = 1 + 0.1 * square + 0.2 * square**2 + 0.3 * square**3
    u = x * radial + 2 * 0.01 * x * y + 0.02 * (square + 2 * x * x)
    v = y * radial + 0.01 * (square + 2 * y * y) + 2 * 0.02 * x * y
    assert bent.project(point)[0, 0, 0] == pytest.approx((100 * u + 10, 200 * v + 20))


def test_four_cameras_stay_for_a_subject_and_move_between_subjects():
    cameras = fixed_four(np.array([0, 0, 3]), seed=1)
    assert (cameras.centre[0] == cameras.centre[1]).all()
    moved = np.linalg.norm(cameras.centre[0] - cameras.centre[2], axis=-1)
    assert (moved > 1).all()
    assert (moved < 1200).all()


def test_six_cameras_follow_a_skier_anew_in_every_frame():
    cameras = following_six(np.zeros((3, 3)), seed=1)
    assert cameras.centre.shape == (3, 6, 3)
    assert not np.allclose(cameras.rotation[0], cameras.rotation[1])
    focal = cameras.intrinsics[..., 0]
    assert focal.min() >= 1000
    assert focal.max() <= 6000
    assert (cameras.place(np.zeros((3, 1, 3)))[..., 2] > 5000).all()
