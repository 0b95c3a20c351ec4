"""Closed forms: cameras, S1, likelihood, limbs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import multivariate_normal, special_ortho_group
from torch.autograd import gradcheck

from isthmus.metrics.pose import pmpjpe
from isthmus.pose.average import average
from isthmus.pose.likelihood import negative_log_likelihood
from isthmus.pose.limbs import limb_error, limb_ratios
from isthmus.pose.refinement import refine
from isthmus.pose.state import State, inverse_softplus, pack, rotation, six


def turns(count, seed=0):
    return torch.from_numpy(special_ortho_group.rvs(3, count, random_state=seed))


def scene(frames=3, views=4, joints=17, seed=0):
    """Poses and weak-perspective cameras with view 0 canonical."""
    rng = np.random.default_rng(seed)
    pose = torch.from_numpy(rng.normal(0, 0.2, (frames, joints, 3)))
    pose = pose - pose.mean(1, keepdim=True)
    rotations = turns(frames * views, seed).reshape(frames, views, 3, 3)
    rotations[:, 0] = torch.eye(3, dtype=torch.float64)
    scales = torch.from_numpy(rng.uniform(0.7, 1.4, (frames, views)))
    scales[:, 0] = 1
    shifts = torch.from_numpy(rng.uniform(0.3, 0.7, (frames, views, 3)))
    return pack(pose, rotations, scales, shifts)


def monocular(state):
    """What perfect monocular networks would say."""
    seen = state.pose[:, None] @ state.rotations
    return (state.scales[..., None, None] * seen + state.shifts[:, :, None]).numpy()


def test_six_numbers_keep_every_rotation():
    rotations = turns(100)
    assert torch.allclose(rotation(six(rotations)), rotations, atol=1e-12)
    rough = torch.randn(50, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    made = rotation(rough)
    eye = torch.eye(3, dtype=torch.float64).expand(50, 3, 3)
    assert torch.allclose(made @ made.transpose(1, 2), eye, atol=1e-12)
    assert torch.allclose(torch.linalg.det(made), torch.ones(50, dtype=torch.float64))


@given(st.floats(1e-6, 1e3))
def test_the_scale_survives_softplus(scale):
    there = inverse_softplus(torch.tensor(scale, dtype=torch.float64))
    assert float(torch.nn.functional.softplus(there)) == pytest.approx(scale)


def test_packing_keeps_pose_and_cameras():
    state = scene()
    again = pack(state.pose, state.rotations, state.scales, state.shifts)
    assert torch.allclose(again.cameras, state.cameras)
    assert torch.allclose(state.project(), torch.from_numpy(monocular(state)[..., :2]))


@pytest.mark.parametrize("which", ["all", "others"])
def test_s1_is_exact_where_monocular_poses_are(which):
    state = scene()
    found = average(monocular(state), which)
    assert not found.reflected.any()
    assert torch.allclose(found.state.project(), state.project(), atol=1e-9)
    assert pmpjpe(found.state.pose.numpy(), state.pose.numpy()) == pytest.approx(0, abs=1e-9)


def test_the_two_averages_differ_by_the_first_view():
    poses = monocular(scene(views=2))
    poses[:, 1] += np.random.default_rng(0).normal(0, 0.02, poses[:, 1].shape)
    second = average(poses, "others").state.pose.numpy()
    assert pmpjpe(second, poses[:, 1]) == pytest.approx(0, abs=1e-9)
    assert (pmpjpe(average(poses, "all").state.pose.numpy(), poses[:, 1]) > 1e-4).all()


def test_s1_says_where_a_view_is_a_mirror_image():
    poses = monocular(scene())
    poses[1, 2, :, 2] *= -1
    found = average(poses).reflected
    assert found[1, 2]
    assert found.sum() == 1


def test_s1_turns_with_the_order_of_the_other_views():
    poses = monocular(scene()) + np.random.default_rng(3).normal(0, 0.02, (3, 4, 17, 3))
    order = [0, 3, 1, 2]
    plain, mixed = average(poses).state, average(poses[:, order]).state
    assert torch.allclose(plain.pose, mixed.pose)
    assert torch.allclose(plain.cameras[:, order], mixed.cameras)


def test_the_likelihood_is_that_of_the_mixture():
    rng = np.random.default_rng(0)
    points = rng.uniform(0, 1, (2, 3, 4, 2))
    maps = rng.uniform(0.1, 1, (2, 3, 4, 4, 4))
    maps[..., 0] /= maps[..., 0].sum(-1, keepdims=True)
    wanted = np.zeros(2)
    for place in np.ndindex(2, 3, 4):
        density = sum(
            w * multivariate_normal([x, y], v).pdf(points[place]) for w, x, y, v in maps[place]
        )
        wanted[place[0]] -= np.log(density) / 12
    found = negative_log_likelihood(torch.from_numpy(points), torch.from_numpy(maps))
    assert found.numpy() == pytest.approx(wanted, abs=1e-6)


def test_gradients_are_right():
    state = scene(1, 2, 4)
    maps = torch.rand(
        1, 2, 4, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1)
    )

    def loss(pose, cameras):
        return negative_log_likelihood(State(pose, cameras).project(), maps)

    free = [part.clone().requires_grad_() for part in state]
    assert gradcheck(loss, free)


@given(st.integers(0, 50))
def test_the_refinement_sees_no_turn_of_the_frame(seed):
    state, turn = scene(2, 3, 5, seed), turns(1, seed + 1)
    moved = pack(state.pose @ turn, turn.T @ state.rotations, state.scales, state.shifts)
    assert torch.allclose(moved.project(), state.project())


def test_the_refinement_lowers_its_loss_and_treats_frames_alone():
    state = scene(4, 3)
    target = state.project()
    maps = torch.cat(
        [
            torch.full((*target.shape[:-1], 1), 0.25, dtype=torch.float64),
            target,
            torch.full((*target.shape[:-1], 1), 3e-4, dtype=torch.float64),
        ],
        -1,
    )[..., None, :].expand(-1, -1, -1, 4, -1)
    noise = 0.05 * torch.randn(
        state.pose.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0)
    )
    start = state._replace(pose=state.pose + noise)
    done = refine(start, maps)
    before, after = (negative_log_likelihood(s.project(), maps) for s in (start, done))
    assert (after < before - 1).all()
    alone = refine(start.take(slice(2, 3)), maps[2:3])
    assert torch.allclose(alone.pose, done.pose[2:3], atol=1e-9)


def test_limb_ratios_see_no_size_and_no_turn():
    poses = torch.randn(3, 17, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    ratios = limb_ratios(poses)
    assert torch.allclose(ratios.mean(-1), torch.ones(3, dtype=torch.float64))
    assert torch.allclose(limb_ratios(5 * poses @ turns(1) + 2), ratios)
    assert torch.allclose(limb_error(poses, ratios), torch.zeros(3, dtype=torch.float64))
    assert gradcheck(limb_error, (poses.requires_grad_(), ratios + 0.1))


def test_limb_lengths_pull_the_refinement_to_them():
    state = scene(2, 3)
    flat = torch.tensor([0.25, 0.5, 0.5, 1.0], dtype=torch.float64).expand(2, 3, 17, 4, 4)
    ratios = limb_ratios(scene(2, 3, seed=9).pose)
    free, bound = (refine(state, flat, ratios=ratios, limb_weight=weight) for weight in (0.0, 1.0))
    assert (limb_error(bound.pose, ratios) < 0.5 * limb_error(free.pose, ratios)).all()


def test_a_fixed_pose_stays_and_cameras_move():
    state = scene(2, 3)
    flat = torch.tensor([0.25, 0.5, 0.5, 0.1], dtype=torch.float64).expand(2, 3, 17, 4, 4)
    done = refine(state, flat, fixed_pose=True)
    assert torch.equal(done.pose, state.pose)
    assert not torch.allclose(done.cameras, state.cameras)
