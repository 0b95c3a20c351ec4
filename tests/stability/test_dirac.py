from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.func import grad

from isthmus.errors import InputError
from isthmus.stability.dirac import (
    Game,
    alternating,
    consensus,
    critical,
    draws,
    eigenvalues,
    gradient_penalty,
    hermite,
    instance_noise,
    non_saturating,
    simultaneous,
    standard,
    trajectory,
    wasserstein,
    wasserstein_gp,
)
from isthmus.stages.dirac_gan import draw, games, study

SETTINGS: dict[str, Any] = {
    "start": [1.0, 1.0],
    "step": 0.2,
    "steps": 500,
    "discriminator_steps": 5,
    "clip": 1.0,
    "wgan_gp_weight": 0.7,
    "wgan_gp_target": 1.0,
    "noise_std": 0.7,
    "draws": 1000,
    "penalty": 0.3,
    "critical_penalty": 1.0,
    "consensus": 1.0,
    "seeds": 2,
}
START = torch.ones(2, dtype=torch.float64)
weights = st.floats(0, 3)


def f(t: torch.Tensor) -> torch.Tensor:
    return -torch.log1p(torch.exp(-t))


@pytest.fixture(scope="module")
def results() -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    return study(SETTINGS, seed=0)


@pytest.mark.parametrize(
    ("method", "together", "in_turn"),
    [
        ("standard", 3.1, 1.42),
        ("non-saturating", 0.64, 0.28),
        ("wgan", 1.0, 1.02),
        ("wgan-gp", 1.8, 1.22),
        ("gradient-penalty", 2.6e-6, 2.3e-7),
        ("non-saturating-penalty", 2.2e-6, 1.5e-7),
    ],
)
def test_final_radii(results, method, together, in_turn):
    metrics, _ = results
    assert metrics[method]["radius"]["mean"] == pytest.approx(together, rel=0.05)
    assert metrics[f"{method}-alternating"]["radius"]["mean"] == pytest.approx(in_turn, rel=0.05)


def test_final_radii_by_order_of_magnitude(results):
    metrics, _ = results
    for name, radius in {
        "instance-noise": 0.02,
        "instance-noise-alternating": 0.004,
        "gradient-penalty-critical": 1e-21,
        "gradient-penalty-critical-alternating": 7e-17,
    }.items():
        assert abs(math.log10(metrics[name]["radius"]["mean"] / radius)) < 1
    assert metrics["wgan-five-steps"]["radius"]["mean"] > 0.5


def test_standard_gan_never_approaches(results):
    _, paths = results
    radius = paths["standard"].norm(dim=-1)
    assert bool((radius.diff() > 0).all())


def test_study_reports_every_claim_and_draws(results, tmp_path: Path):
    metrics, paths = results
    assert metrics["gradient-penalty"]["critical_weight"]["mean"] == pytest.approx(1, abs=1e-9)
    assert metrics["instance-noise"]["critical_variance"]["mean"] == pytest.approx(2, abs=1e-9)
    assert metrics["wgan-gp"]["eigenvalues"] is None
    assert len(metrics["instance-noise"]["radius"]["values"]) == 2
    draw(SETTINGS, paths, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 0


def test_same_seed_same_states():
    first, again, other = (
        trajectory(simultaneous(Game(instance_noise(0.7, draws(10, seed))), 0.2), START, 5)
        for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@given(st.tuples(st.floats(-3, 3), st.floats(-3, 3)))
def test_fields_are_gradients_of_the_losses(point):
    theta, psi = torch.tensor(point, dtype=torch.float64)
    state = torch.stack([theta, psi])

    def zero_sum(theta, psi):
        return f(psi * theta) + f(torch.zeros_like(psi))

    down, up = -grad(zero_sum, 0)(theta, psi), grad(zero_sum, 1)(theta, psi)
    generator = grad(lambda theta: f(-psi * theta))(theta)
    torch.testing.assert_close(standard(state), torch.stack([down, up]))
    torch.testing.assert_close(non_saturating(state), torch.stack([generator, up]))
    penalised = up - grad(lambda psi: 0.4 / 2 * psi**2)(psi)
    torch.testing.assert_close(
        gradient_penalty(standard, 0.4)(state), torch.stack([down, penalised])
    )
    gp = theta - grad(lambda psi: 0.7 / 2 * (psi.abs() - 1) ** 2)(psi)
    torch.testing.assert_close(wasserstein_gp(0.7, 1)(state), torch.stack([-psi, gp]))


@given(weights)
def test_eigenvalues_of_the_penalty_in_closed_form(weight):
    root = np.emath.sqrt(weight**2 / 4 - 1 / 4)
    expected = np.poly([-weight / 2 - root, -weight / 2 + root])
    for field in (standard, non_saturating):
        found = eigenvalues(gradient_penalty(field, weight))
        np.testing.assert_allclose(np.poly(found), expected, atol=1e-12)


@given(weights)
def test_eigenvalues_of_instance_noise_in_closed_form(variance):
    root = np.emath.sqrt(variance**2 / 16 - 1 / 4)
    found = eigenvalues(instance_noise(variance**0.5, hermite(16)))
    expected = np.poly([-variance / 4 - root, -variance / 4 + root])
    np.testing.assert_allclose(np.poly(found), expected, atol=1e-12)


def test_eigenvalues_of_the_other_fields():
    half = np.array([-0.5j, 0.5j])
    np.testing.assert_allclose(eigenvalues(standard), half, atol=1e-12)
    np.testing.assert_allclose(eigenvalues(non_saturating), half, atol=1e-12)
    np.testing.assert_allclose(eigenvalues(wasserstein), 2 * half, atol=1e-12)
    np.testing.assert_allclose(eigenvalues(consensus(standard, 1)), half - 0.25, atol=1e-12)


def test_critical_needs_a_change_of_sign():
    with pytest.raises(InputError, match="do not turn real"):
        critical(lambda weight: gradient_penalty(standard, weight), 0.1, 0.9)


def test_noise_of_deviation_zero_changes_nothing():
    state = torch.randn(7, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(instance_noise(0, hermite(4))(state), standard(state))


def test_draws_approach_the_expectation():
    state = torch.tensor([1.0, -0.8], dtype=torch.float64)
    drawn = instance_noise(0.7, draws(400_000, seed=0))(state)
    expected = instance_noise(0.7, hermite(64))(state)
    torch.testing.assert_close(drawn, expected, atol=5e-3, rtol=0)


@pytest.mark.parametrize("name", list(games(SETTINGS, hermite(8))))
def test_fields_accept_any_leading_shape(name):
    field = games(SETTINGS, hermite(8))[name].field
    states = torch.linspace(-2, 2, 12, dtype=torch.float64).reshape(3, 2, 2)
    one_by_one = torch.stack([field(state) for state in states.reshape(-1, 2)])
    torch.testing.assert_close(field(states), one_by_one.reshape(3, 2, 2))
    torch.testing.assert_close(field(torch.zeros(2, dtype=torch.float64)), torch.zeros(2).double())


def test_alternating_closes_the_orbit_that_simultaneous_opens():
    rate = 0.2
    moduli = [
        np.abs(eigenvalues(integrate(Game(standard), rate)))
        for integrate in (simultaneous, alternating)
    ]
    np.testing.assert_allclose(moduli[0], math.hypot(1, rate / 2))
    np.testing.assert_allclose(moduli[1], 1)


@pytest.mark.parametrize("count", [1, 5])
def test_contraction_is_the_rate_of_a_late_training(count):
    game = Game(gradient_penalty(standard, 0.3))
    step = alternating(game, 0.1, discriminator_steps=count)
    path = trajectory(step, START, 600).norm(dim=-1)
    measured = float(path[600] / path[100]) ** (1 / 500)
    assert measured == pytest.approx(np.abs(eigenvalues(step)).max(), rel=2e-3)


def test_wgan_is_clipped():
    start = torch.tensor([2.0, 0.5], dtype=torch.float64)
    for step in (
        simultaneous(Game(wasserstein, clip=1), 0.2),
        alternating(Game(wasserstein, clip=1), 0.2, discriminator_steps=5),
    ):
        path = trajectory(step, start, 100)
        assert path.shape == (101, 2)
        assert float(path[:, 1].abs().max()) == 1
