from __future__ import annotations

import numpy as np
import pytest

from isthmus.data.view_noise import rig
from isthmus.metrics.pose import pmpjpe
from isthmus.pose import bundle, trial


@pytest.fixture(scope="module")
def exact():
    """Frames seen without noise and without distortion."""
    views = rig("rig", 3, test=True, seed=5)
    views.truth.distortion[:] = 0
    return views


def points(views, frame):
    return views.truth.project(views.pose)[frame] - views.truth.intrinsics[frame, :, None, 2:]


def begun(views, frame, begin="truth"):
    return bundle.start(views.truth, frame, begin, np.random.default_rng(0))


def test_triangulation_is_exact_and_projection_its_inverse(exact):
    cameras = begun(exact, 0)
    cameras[:, 6] = exact.truth.intrinsics[0, :, 0]
    cameras[:, 7] = -0.1
    exact_joints = exact.pose[0] / 1000
    seen = bundle.project(cameras, exact_joints)
    assert bundle.triangulate(cameras, seen) == pytest.approx(exact_joints, abs=1e-3)


def test_a_joint_that_one_view_sees_is_not_placed(exact):
    seen = points(exact, 0)
    seen[1:, 4] = np.nan
    joints = bundle.triangulate(begun(exact, 0), seen)
    assert np.isnan(joints[4]).all()
    assert np.isfinite(np.delete(joints, 4, 0)).all()


@pytest.mark.parametrize("rounds", [0, bundle.ROUNDS])
@pytest.mark.parametrize("free", [False, True])
def test_without_noise_the_truth_is_found_and_kept(exact, rounds, free):
    done = bundle.adjust(points(exact, 1), begun(exact, 1), free_intrinsics=free, rounds=rounds)
    assert done.error < 1
    assert pmpjpe(done.pose[None], exact.pose[1:2]) == pytest.approx(0, abs=5)


def test_a_disturbed_start_is_mended(exact):
    few = exact.choose([0, 1, 2, 3])
    start = begun(few, 2)
    start[:, 3:6] += np.random.default_rng(1).normal(0, 0.5, (4, 3))
    before = bundle.triangulate(start, points(few, 2))
    done = bundle.adjust(points(few, 2), start, free_intrinsics=False, rounds=0)
    assert pmpjpe(before[None], few.pose[2:3]) > 25
    assert pmpjpe(done.pose[None], few.pose[2:3]) < 15


def test_fixed_intrinsics_stay(exact):
    start = begun(exact, 0)
    done = bundle.adjust(points(exact, 0) + 3, start, free_intrinsics=False, rounds=0)
    assert (done.cameras[:, 6:] == start[:, 6:]).all()


def test_a_random_start_is_random_and_ends(exact):
    noisy = exact.take([0])
    found = trial.adjusted(noisy, trial.Bundle("random", False, 0), seed=0)
    assert np.isfinite(found.pose).all()


def test_nothing_seen_gives_nothing_and_no_crash(exact):
    seen = np.full((2, 17, 2), np.nan)
    done = bundle.adjust(seen, begun(exact.choose([0, 1]), 0))
    assert np.isnan(done.pose).all()


def test_parity_with_aniposelib(exact):
    """Projection, triangulation and the adjusted pose, against the library itself."""
    cameras = pytest.importorskip("aniposelib.cameras")
    start, seen = begun(exact, 1), points(exact, 1)
    seen = seen + np.random.default_rng(0).normal(0, 1, seen.shape)
    theirs = cameras.CameraGroup(
        [
            cameras.Camera(
                matrix=np.diag([row[6], row[6], 1.0]),
                dist=np.zeros(5),
                rvec=row[:3],
                tvec=row[3:6],
                name=str(index),
            )
            for index, row in enumerate(start)
        ]
    )
    joints = bundle.triangulate(start, seen)
    assert theirs.triangulate(seen) == pytest.approx(joints, abs=1e-3)
    assert theirs.project(joints).reshape(seen.shape) == pytest.approx(
        bundle.project(start, joints), abs=1e-3
    )
    theirs.bundle_adjust_iter(seen, verbose=False)
    found = theirs.triangulate(seen)
    ours = bundle.adjust(seen, start)
    errors = [pmpjpe(each[None], exact.pose[1:2])[0] for each in (found, ours.pose)]
    assert errors[1] == pytest.approx(errors[0], abs=40)
