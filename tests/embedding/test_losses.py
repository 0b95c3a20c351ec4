from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.distributions import Normal, kl_divergence

from isthmus.embedding import losses


def test_kl_is_that_of_the_library() -> None:
    torch.manual_seed(0)
    mean, log_variance = torch.randn(5, 3), torch.randn(5, 3)
    expected = kl_divergence(Normal(mean, (log_variance / 2).exp()), Normal(0.0, 1.0)).sum(1)
    assert torch.allclose(losses.kl_divergence(mean, log_variance), expected, atol=1e-5)


@given(st.floats(-5, 5), st.floats(-5, 5))
def test_kl_is_not_negative(mean: float, log_variance: float) -> None:
    value = losses.kl_divergence(torch.tensor([[mean]]), torch.tensor([[log_variance]]))
    assert value.item() >= -1e-6


def test_kl_is_zero_at_the_prior() -> None:
    assert losses.kl_divergence(torch.zeros(2, 3), torch.zeros(2, 3)).tolist() == [0, 0]


def test_the_likelihood_is_that_of_the_library() -> None:
    torch.manual_seed(0)
    x, y = torch.rand(4, 1, 8, 8), torch.rand(4, 1, 8, 8)
    variance = torch.tensor(0.3)
    expected = -Normal(y, variance.sqrt()).log_prob(x).sum((1, 2, 3))
    assert torch.allclose(losses.gaussian_nll(y, x, variance), expected, rtol=1e-5)


def test_the_best_variance_is_the_best() -> None:
    torch.manual_seed(0)
    x, y = torch.rand(4, 1, 8, 8), torch.rand(4, 1, 8, 8)
    best = losses.best_variance(y, x)

    def nll(factor: float) -> float:
        return losses.gaussian_nll(y, x, factor * best).mean().item()

    assert nll(1.0) < min(nll(0.95), nll(1.05))
    assert nll(1.0) == pytest.approx(32 * (math.log(2 * math.pi * best.item()) + 1), rel=1e-5)


def test_the_variance_has_a_floor_and_no_gradient() -> None:
    x = torch.full((1, 1, 8, 8), 0.5, requires_grad=True)
    variance = losses.best_variance(x, x)
    assert variance.item() == pytest.approx(1e-4)
    assert not variance.requires_grad


def test_the_discriminator_loss_of_one_who_cannot_tell_and_of_one_who_can() -> None:
    zero, far = torch.zeros(3, 1), torch.full((3, 1), 50.0)
    assert losses.discriminator_loss(zero, zero).item() == pytest.approx(2 * math.log(2))
    assert losses.discriminator_loss(far, -far).item() == pytest.approx(0, abs=1e-6)
    assert losses.discriminator_loss(-far, far).item() == pytest.approx(100)


def test_the_generator_loss_does_not_saturate() -> None:
    logit = torch.tensor([[-20.0]], requires_grad=True)
    losses.generator_loss(logit).backward()
    assert logit.grad is not None
    assert logit.grad.item() == pytest.approx(-1, abs=1e-6)


def test_draws_have_the_moments_asked_for() -> None:
    noise = torch.randn(200_000, 1, generator=torch.Generator().manual_seed(0))
    drawn = losses.reparameterise(torch.tensor(2.0), torch.tensor(9.0).log(), noise)
    assert drawn.mean().item() == pytest.approx(2, abs=0.03)
    assert drawn.std().item() == pytest.approx(3, abs=0.03)
