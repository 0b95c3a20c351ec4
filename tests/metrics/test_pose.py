from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import special_ortho_group

from isthmus.metrics.pose import centred, nmpjpe, orthogonal, pck, pmpjpe

RNG = np.random.default_rng(0)
POSES = RNG.normal(0, 300, (5, 17, 3))


def moved(poses, seed, *, flip=False):
    """Under a random rotation, scale and shift, with a reflection where asked."""
    rng = np.random.default_rng(seed)
    turn = special_ortho_group.rvs(3, random_state=seed) * ((1, 1, -1) if flip else 1)
    return rng.uniform(0.01, 100) * poses @ turn + rng.normal(0, 1000, 3)


@given(st.integers(0, 1000), st.booleans())
def test_pmpjpe_sees_no_similarity_and_no_reflection(seed, flip):
    assert pmpjpe(moved(POSES, seed, flip=flip), POSES) == pytest.approx(0, abs=1e-8)
    noisy = POSES + np.random.default_rng(1).normal(0, 30, POSES.shape)
    assert pmpjpe(moved(noisy, seed, flip=flip), POSES) == pytest.approx(pmpjpe(noisy, POSES))


def test_nmpjpe_sees_shift_and_scale_alone_and_flips_depth_where_allowed():
    assert nmpjpe(3 * POSES + 7, POSES) == pytest.approx(0, abs=1e-9)
    assert (nmpjpe(moved(POSES, 3), POSES) > 50).all()
    flipped = POSES * (1, 1, -1)
    assert nmpjpe(flipped, POSES) == pytest.approx(0, abs=1e-9)
    assert (nmpjpe(flipped, POSES, mirror=False) > 50).all()


def test_the_errors_of_a_known_offset():
    # Two opposite joints, 100 from their middle, each off by 100 across: size sqrt(2) too large.
    truth = np.array([[[100.0, 0, 0], [-100, 0, 0], [0, 0, 0]]])
    wrong = truth + np.array([[[0, 100.0, 0], [0, -100, 0], [0, 0, 0]]])
    side = np.sqrt(2 - np.sqrt(2)) * 100
    assert nmpjpe(wrong, truth) == pytest.approx(2 * side / 3)
    assert pmpjpe(wrong, truth) == pytest.approx(0, abs=1e-9)


def test_pck_is_the_share_within_150():
    truth = np.zeros((1, 4, 3))
    truth[0, :, 0] = (-1e6, -1e6, 1e6, 1e6)
    wrong = truth.copy()
    wrong[0, 0, 1], wrong[0, 1, 1] = 200, -200
    assert pck(wrong, truth) == pytest.approx(0.5)
    assert pck(truth, truth) == 1


def test_orthogonal_beats_random_turns():
    target = moved(POSES, 5) + RNG.normal(0, 50, POSES.shape)
    best = np.linalg.norm(centred(POSES) @ orthogonal(POSES, target) - centred(target))
    for seed in range(50):
        other = special_ortho_group.rvs(3, random_state=seed)
        assert np.linalg.norm(centred(POSES) @ other - centred(target)) >= best


def test_poses_of_no_size_give_a_finite_error():
    points = np.zeros_like(POSES)
    assert np.isfinite(pmpjpe(points, POSES)).all()
    assert np.isfinite(nmpjpe(points, POSES)).all()
