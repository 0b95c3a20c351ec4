from __future__ import annotations

import math
from pathlib import Path
from statistics import mean

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.distributions import Categorical, MixtureSameFamily, Normal

from isthmus.errors import InputError
from isthmus.limits.noisy_bound import add_noise, noisy_gradient, noisy_loss
from isthmus.limits.vanishing import (
    FITTED,
    MU,
    SHARED_DEVIATION,
    decay,
    published_curve,
    relative_error,
    sample_a,
    shared_gradient,
    shared_log_likelihood,
)
from isthmus.stages.vanishing_gradient import study


def doubles(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def mixture(centres: torch.Tensor, deviation: float) -> MixtureSameFamily:
    return MixtureSameFamily(Categorical(doubles(0.5, 0.5)), Normal(centres, doubles(deviation)))


def test_a_is_the_published_mixture() -> None:
    a = sample_a(100_000, 0)
    assert a.mean().item() == pytest.approx(0, abs=0.01)
    assert a.std().item() == pytest.approx(SHARED_DEVIATION, abs=0.01)
    assert a[:50_000].mean().item() == pytest.approx(-1, abs=0.01)
    assert (a**4).mean().item() == pytest.approx(1 + 6 * 0.25 + 3 * 0.0625, rel=0.02)
    assert torch.equal(a, sample_a(100_000, 0))
    assert not torch.equal(a, sample_a(100_000, 1))


@pytest.mark.parametrize("deviation", [0.7, SHARED_DEVIATION, 4.0])
def test_the_likelihood_is_that_of_a_mixture(deviation: float) -> None:
    a, mu = sample_a(100, 0), doubles(-3, 0, 2, 9)
    expected = [mixture(doubles(0, m), deviation).log_prob(a).mean().item() for m in mu.tolist()]
    assert shared_log_likelihood(a, mu, deviation).tolist() == pytest.approx(expected, abs=1e-12)


@given(st.floats(-30, 30), st.floats(0.3, 5))
def test_the_gradient_is_the_derivative_of_the_likelihood(mu: float, deviation: float) -> None:
    a, at = sample_a(50, 0), doubles(mu).requires_grad_()
    (expected,) = torch.autograd.grad(shared_log_likelihood(a, at, deviation).sum(), at)
    assert shared_gradient(a, at.detach(), deviation).item() == pytest.approx(
        expected.item(), rel=1e-9, abs=1e-300
    )


def test_the_line_of_the_published_gradient_is_reproduced() -> None:
    gradients = [shared_gradient(sample_a(100_000, seed), MU) for seed in range(5)]
    lines = [decay(MU[FITTED], gradient[FITTED]) for gradient in gradients]
    assert mean(line.slope for line in lines) == pytest.approx(0.60, abs=0.02)
    assert mean(line.intercept for line in lines) == pytest.approx(-1.16, abs=0.06)
    assert all(line.r > 0.9998 for line in lines)
    assert all(math.sqrt(0.32) < line.slope < math.sqrt(0.4) for line in lines)
    for gradient in gradients:
        assert gradient[0].item() == pytest.approx(-0.086, abs=0.003)
        assert -54 < math.log10(-gradient[-1].item()) < -48


def test_fewer_samples_make_the_gradient_vanish_faster() -> None:
    def slope(count: int) -> float:
        fits = [shared_gradient(sample_a(count, seed), MU[FITTED]) for seed in range(10)]
        return mean(decay(MU[FITTED], gradient).slope for gradient in fits)

    assert slope(1000) > slope(10_000) + 0.005 > slope(100_000) + 0.01


def test_a_curve_of_that_form_gives_its_own_line() -> None:
    line = decay(MU, published_curve(MU))
    assert (line.slope, line.intercept, line.r) == pytest.approx((0.6, -1.168, 1), abs=1e-12)
    assert relative_error(published_curve(MU), published_curve(MU)) == 0
    assert relative_error(2 * published_curve(MU), published_curve(MU)) == 1


@pytest.mark.parametrize("values", [(-0.5, 0.0), (-0.5, 0.1), (-0.5, -1.5), (-0.5, math.nan)])
def test_a_gradient_without_a_line_is_refused(values: tuple[float, float]) -> None:
    with pytest.raises(InputError, match="between -1 and 0"):
        decay(doubles(4, 5), doubles(*values))


def test_single_precision_underflows_where_double_does_not() -> None:
    a, far = sample_a(1000, 0), doubles(19)
    assert shared_gradient(a, far) < 0
    assert shared_gradient(a.float(), far.float()) == 0


def test_no_noise_is_the_plain_gradient() -> None:
    a = sample_a(100, 0)
    assert torch.equal(add_noise(a, 0.0, 3), a)
    assert torch.equal(noisy_gradient(a, MU, 0.0), shared_gradient(a, MU))


@pytest.mark.parametrize("noise", [0.0, 1.0, 4.0])
def test_the_loss_falls_along_twice_the_gradient(noise: float) -> None:
    a, mu = add_noise(sample_a(100, 0), noise, 0), doubles(-2, 1, 6).requires_grad_()
    (slope,) = torch.autograd.grad(noisy_loss(a, mu, noise).sum(), mu)
    expected = -2 * noisy_gradient(a, mu.detach(), noise)
    assert slope.tolist() == pytest.approx(expected.tolist(), rel=1e-9)


@pytest.mark.parametrize("noise", [0.0, 1.0, 2.0])
def test_the_loss_is_two_divergences_of_the_noised_laws(noise: float) -> None:
    x = torch.linspace(-40, 60, 100_001, dtype=torch.float64)
    law = mixture(doubles(-1, 1), math.hypot(0.5, noise))
    law_b = mixture(doubles(4, 6), math.hypot(0.5, noise))
    shared = mixture(doubles(0, 5), math.hypot(SHARED_DEVIATION, noise)).log_prob(x)
    divergences = [
        torch.trapezoid(p.log_prob(x).exp() * (p.log_prob(x) - shared), x).item()
        for p in (law, law_b)
    ]
    assert divergences[0] == pytest.approx(divergences[1], abs=1e-9)
    found = noisy_loss(add_noise(sample_a(100_000, 0), noise, 0), doubles(5), noise).item()
    assert found == pytest.approx(sum(divergences), abs=0.02)


def test_noise_trades_value_for_gradient_and_keeps_the_minimum() -> None:
    a, mu = sample_a(20_000, 0), torch.linspace(-4, 16, 41, dtype=torch.float64)
    noised = {noise: add_noise(a, noise, 0) for noise in (0.0, 1.0, 2.0, 4.0)}
    losses = {noise: noisy_loss(points, mu, noise) for noise, points in noised.items()}
    for noise, loss in losses.items():
        assert mu[loss.argmin()] == 0
        assert (losses[0.0] - loss).min() > -0.01
        plateau = noisy_loss(noised[noise], doubles(60), noise) - loss[mu == 0]
        assert plateau.item() == pytest.approx(2 * math.log(2), abs=0.01)
    steep = [noisy_gradient(points, doubles(16), noise).item() for noise, points in noised.items()]
    assert steep == sorted(steep, reverse=True)
    assert steep[0] > -1e-29
    assert steep[-1] < -0.01


def test_the_study_writes_what_the_claims_ask_for(tmp_path: Path) -> None:
    settings = {"seeds": 2, "samples": 1000, "noise": [0.5, 2.0]}
    first, second = (study(settings, seed=0, figure=tmp_path / name) for name in ("1.png", "2.png"))
    assert first == second
    assert (tmp_path / "1.png").read_bytes() == (tmp_path / "2.png").read_bytes()
    assert first["regression"]["slope"]["seeds"] == 2
    assert {"slope", "intercept", "r"} == first["regression"].keys()
    assert first["published-curve"]["relative_error"]["mean"] > 0
    assert first["limits"]["slope_law"] == pytest.approx(math.sqrt(0.32))
    assert first["noise-0"]["gap_at_8"]["mean"] == 0
    assert first["noise-0-5"]["gap_at_8"]["mean"] > 0
    assert (
        -first["noise-2"]["gradient_at_16"]["mean"]
        > 1e20 * -(first["noise-0"]["gradient_at_16"]["mean"])
    )
