from __future__ import annotations

import json
from math import log, pi
from pathlib import Path

import pytest
import torch
from torch import Tensor

from isthmus.alignment.dual import dual_distance, primal_distance
from isthmus.alignment.dual_clouds import Run, draw, min_max, min_min
from isthmus.stages.dual import study

SETTINGS = {
    "points": 12,
    "seeds": 2,
    "steps": 60,
    "step": 0.01,
    "point_step": 0.2,
    "regulariser": 1.0,
    "width": 2.0,
    "pairs": 3,
    "other_point_steps": [0.05, 0.1],
}


def clouds(members: int = 2, n: int = 20) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    a, b = torch.randn(2, members, n, 2, generator=generator, dtype=torch.float64)
    return a + torch.tensor([2.0, 1.0]), b


def path(weight: Tensor, objective: Tensor) -> Run:
    nothing = torch.zeros(1)
    return Run(objective, weight, nothing, nothing, nothing, nothing)


@pytest.mark.parametrize("turns", [0.25, -3.0, 7.5])
def test_turns_are_counted_until_the_weight_vanishes(turns: float) -> None:
    angle = turns * 2 * pi * torch.linspace(0, 1, 400, dtype=torch.float64)
    spiral = torch.stack([angle.cos(), angle.sin()], -1) * 0.95 ** torch.arange(400).unsqueeze(-1)
    noise = 1e-15 * torch.randn(500, 2, generator=torch.Generator().manual_seed(0)).double()
    weight = torch.cat([spiral, noise]).unsqueeze(1)
    counted = path(weight, torch.zeros(900, 1)).turns()
    assert counted.item() == pytest.approx(abs(turns), abs=0.01)


def test_rising_steps_are_counted_and_rounding_is_not() -> None:
    objective = torch.tensor([[4.0], [3.0], [3.5], [3.5 + 1e-14], [1.0]], dtype=torch.float64)
    assert path(torch.zeros(5, 1, 2), objective).rising_steps().tolist() == [0.25]


def test_the_linear_dual_descends_to_the_floor_and_matches_the_means_only() -> None:
    a, b = clouds()
    run = min_min(a, b, steps=1500, step=0.003, point_step=0.1, regulariser=1.0)
    torch.testing.assert_close(run.objective[-1], torch.full((2,), -40 * log(2)).double())
    assert (run.rising_steps() == 0).all()
    assert (run.turns() < 1).all()
    assert (run.half_distance < 1e-4).all()
    mean, covariance = run.distances(a)
    assert mean[0].min() > 1 and mean[-1].max() < 1e-5
    assert covariance[-1].min() > 0.1


def test_the_kernel_dual_matches_covariances_as_well() -> None:
    a, b = clouds()
    run = min_min(a, b, steps=750, step=0.02, point_step=0.4, regulariser=1.0, width=2.0)
    assert (run.rising_steps() == 0).all()
    mean, covariance = run.distances(a)
    assert mean[-1].max() < 0.05 and covariance[-1].max() < 0.05
    assert (covariance[-1] < covariance[0] / 5).all()


@pytest.mark.parametrize("width", [None, 2.0])
def test_where_the_points_stand_still_the_dual_is_solved(width: float | None) -> None:
    a, b = clouds()
    b = b + 1
    run = min_min(a, b, steps=500, step=0.02, point_step=0.0, regulariser=1.0, width=width)
    solved = dual_distance(a, b, width=width)
    torch.testing.assert_close(run.objective[-1], solved.value)
    right = (solved.discriminator(a) > 0).sum(-1) + (solved.discriminator(b) < 0).sum(-1)
    torch.testing.assert_close(run.accuracy[-1], right / 40, check_dtype=False)
    x = b.clone().requires_grad_()
    (slope,) = torch.autograd.grad(solved.discriminator(x).sum(), x)
    torch.testing.assert_close(run.weight[-1], slope.mean(-2), rtol=1e-4, atol=1e-5)


def test_where_the_points_stand_still_the_discriminator_is_the_best() -> None:
    a, b = clouds()
    run = min_max(a, b, steps=1000, step=0.02, point_step=0.0, regulariser=1.0)
    solved = primal_distance(a, b)
    torch.testing.assert_close(run.objective[-1], solved.value)
    torch.testing.assert_close(run.weight[-1], solved.weight, rtol=1e-4, atol=1e-5)
    assert torch.equal(run.clouds[-1], b)


def test_the_min_max_turns_and_its_objective_rises() -> None:
    a, b = clouds(n=50)
    run = min_max(a, b, steps=1500, step=0.003, point_step=0.2, regulariser=1.0)
    assert (run.turns() > 2).all()
    assert (run.rising_steps() > 0.05).all()


def test_members_take_their_own_step_and_do_not_mix() -> None:
    a, b = clouds()
    shared = {"steps": 30, "step": 0.01, "regulariser": 1.0}
    rates = torch.tensor([0.05, 0.1], dtype=torch.float64).view(2, 1, 1)
    for method in (min_max, min_min):
        together = method(a, b, point_step=rates, **shared)
        alone = method(a[1], b[1], point_step=0.1, **shared)
        torch.testing.assert_close(together.clouds[:, 1], alone.clouds)
        torch.testing.assert_close(together.accuracy[:, 1], alone.accuracy)


def test_the_study_gives_what_the_claims_read(tmp_path: Path) -> None:
    metrics, a, runs = study(SETTINGS, seed=3)
    assert metrics["random-pairs"]["duality_gap"]["max"] < 1e-8
    assert metrics["random-pairs"]["constraint_residual"]["max"] < 1e-10
    assert metrics["identical"]["distance"]["mean"] == pytest.approx(-80 * log(2))
    assert metrics["constant-weights"]["mmd_residual"]["max"] < 1e-9
    for name in ("primal-linear", "dual-linear", "dual-kernel"):
        assert {"turns", "half_distance", "rising_steps", "mean_distance"} <= set(metrics[name])
    assert json.dumps(study(SETTINGS, seed=3)[0], allow_nan=False) == json.dumps(metrics)
    pictures = [tmp_path / "one.png", tmp_path / "two.png"]
    for picture in pictures:
        draw(a, runs, picture)
    assert pictures[0].read_bytes() == pictures[1].read_bytes()
