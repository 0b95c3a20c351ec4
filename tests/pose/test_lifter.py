from __future__ import annotations

import pytest
import torch

from isthmus.data.view_noise import rig
from isthmus.errors import InputError
from isthmus.pose.lifter import Lifter, _cross, _facing, consistency, fit, lift, normalised


@pytest.fixture(scope="module")
def frames():
    return rig("rig", 120, test=False, seed=0)


def seen(frames):
    points = torch.from_numpy(frames.labels).float()
    return points, torch.ones(points.shape[:-1])


def test_normalising_takes_away_place_and_size():
    points = torch.randn(4, 7, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    ones = torch.ones(4, 7, dtype=torch.float64)
    a, b = (normalised(p, ones)[0] for p in (points, 5 * points + 3))
    assert torch.allclose(a, b, atol=1e-6)
    assert torch.allclose(a.square().mean((1, 2)), torch.ones(4, dtype=torch.float64), atol=1e-6)


def test_a_joint_that_was_not_seen_has_no_say():
    points = torch.rand(2, 3, 5, 2, generator=torch.Generator().manual_seed(0))
    confidence = torch.ones(2, 3, 5)
    confidence[..., 4] = 0
    lifter = Lifter(5, 16)
    other = points.clone()
    other[..., 4, :] = 7
    losses = [
        consistency(lifter, normalised(p, confidence)[0], confidence) for p in (points, other)
    ]
    assert torch.allclose(*losses)


def test_turns_are_rotations(frames):
    vectors = torch.randn(9, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    other = torch.randn(9, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(
        (_cross(vectors) @ other[..., None])[..., 0], torch.linalg.cross(vectors, other)
    )
    _, turn = Lifter(17, 16)(*(part[:, 0] for part in seen(frames)))
    assert torch.allclose(turn @ turn.transpose(1, 2), torch.eye(3).expand_as(turn), atol=1e-5)


def test_training_makes_views_agree_and_lifting_keeps_the_image(frames):
    points, confidence = seen(frames)
    before = consistency(Lifter(17, seed=0), normalised(points, confidence)[0], confidence)
    lifter = fit(points, confidence, steps=60, seed=0)
    after = consistency(lifter, normalised(points, confidence)[0], confidence)
    assert after < 0.5 * before
    poses = lift(lifter, points, confidence)
    assert torch.allclose(poses[..., :2], points, atol=1e-5)
    assert torch.isfinite(poses).all()
    assert (_facing(poses).sum(1) >= 0).all()


def test_true_bodies_bend_their_knees_forward_and_mirror_images_do_not(frames):
    placed = torch.from_numpy(frames.truth.place(frames.pose))
    assert (_facing(placed) > 0).double().mean() > 0.9
    flipped = placed * torch.tensor([1.0, 1, -1])
    assert torch.allclose(_facing(flipped), -_facing(placed))


def test_one_view_teaches_nothing(frames):
    points, confidence = seen(frames)
    with pytest.raises(InputError, match="one camera"):
        fit(points[:, :1], confidence[:, :1], seed=0)
