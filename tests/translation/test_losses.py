from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from isthmus.translation import losses


@pytest.mark.parametrize(("real", "fake", "value"), [(1.0, 0.0, 0), (0.5, 0.5, 0.5), (0.0, 1.0, 2)])
def test_the_discriminator_of_least_squares(real: float, fake: float, value: float) -> None:
    scores = torch.full((3, 1, 2, 2), real), torch.full((5, 1, 2, 2), fake)
    assert losses.lsgan_discriminator(*scores).item() == pytest.approx(value)


@pytest.mark.parametrize(("fake", "value"), [(1.0, 0), (0.0, 1), (0.5, 0.25)])
def test_the_generator_of_least_squares(fake: float, value: float) -> None:
    assert losses.lsgan_generator(torch.full((3, 1, 2, 2), fake)).item() == pytest.approx(value)


def test_pairs_come_in_both_orders() -> None:
    reconstructions, images = torch.zeros(2, 3, 4, 4), torch.ones(2, 3, 4, 4)
    pairs = losses.both_orders(reconstructions, images)
    assert pairs.shape == (4, 6, 4, 4)
    assert pairs[:, :3].mean((1, 2, 3)).tolist() == [0, 0, 1, 1]
    assert pairs[:, 3:].mean((1, 2, 3)).tolist() == [1, 1, 0, 0]


def test_guess_targets_swap() -> None:
    right = torch.tensor([0.0, 0.0, 1.0, 1.0]).view(4, 1, 1, 1)
    assert losses.guess_discriminator(right).item() == 0
    assert losses.guess_generator(right).item() == 2
    assert losses.guess_discriminator(1 - right).item() == 2
    assert losses.guess_generator(1 - right).item() == 0


def test_nobody_gains_where_the_two_images_are_one() -> None:
    x = torch.rand(3, 1, 4, 4)
    scores = nn.Conv2d(2, 1, 4)(losses.both_orders(x, x))
    blind = losses.guess_discriminator(scores)
    assert blind.item() == pytest.approx(losses.guess_generator(scores).item())
    assert blind >= 0.5


magnitudes = st.floats(1e-3, 1)
sigmas = st.floats(1e-2, 10)


@given(small=magnitudes, large=magnitudes, sigma=sigmas)
def test_the_bounds_grow_with_the_power(small: float, large: float, sigma: float) -> None:
    small, large = sorted([small, large])
    for bound in (losses.channel_bits, losses.theorem_bits):
        bits = [bound(torch.full((2, 1, 4, 4), m), sigma).item() for m in (small, large)]
        assert 0 <= bits[0] <= bits[1] * (1 + 1e-6)


@given(magnitude=magnitudes, low=sigmas, high=sigmas)
def test_the_bounds_fall_with_the_noise(magnitude: float, low: float, high: float) -> None:
    low, high = sorted([low, high])
    for bound in (losses.channel_bits, losses.theorem_bits):
        s = torch.full((2, 1, 4, 4), magnitude)
        assert bound(s, high).item() <= bound(s, low).item() * (1 + 1e-6)


@given(magnitude=magnitudes, sigma=sigmas)
def test_the_channel_is_within_the_theorem(magnitude: float, sigma: float) -> None:
    s = torch.full((2, 1, 4, 4), magnitude)
    assert losses.channel_bits(s, sigma) <= losses.theorem_bits(s, sigma)


def test_bits_in_closed_form() -> None:
    s = torch.full((3, 1, 8, 8), 0.3)
    assert losses.channel_bits(s, 0.3).item() == pytest.approx(32)
    assert losses.theorem_bits(s, 0.3).item() == pytest.approx(64 * math.log2(65))


@pytest.mark.parametrize(("sigma", "summed"), [(0.5, 2.4), (0.3, 0.86), (0.1, 0.10)])
def test_the_least_magnitude_for_seven_bits(sigma: float, summed: float) -> None:
    power = (2 ** (2 * 6.9 / 4096) - 1) * sigma**2
    s = torch.full((1, 1, 64, 64), math.sqrt(power))
    assert losses.channel_bits(s, sigma).item() == pytest.approx(6.9, rel=1e-4)
    assert 4096 * power == pytest.approx(summed, rel=0.05)


def test_the_mean_magnitude_bounds_the_power() -> None:
    s = torch.rand(4, 1, 8, 8) * 2 - 1
    assert losses.capacity(s) >= s.square().mean()
    assert losses.capacity(torch.tensor([[-0.5, 0.25]])).item() == 0.375


def test_capacity_costs_only_beyond_the_budget() -> None:
    s = torch.full((2, 1, 8, 8), 0.3, requires_grad=True)
    assert losses.excess_bits(s, 0.3, 8).item() == pytest.approx(2)
    under = losses.excess_bits(s, 0.3, 33)
    under.backward()
    assert under.item() == 0
    assert s.grad is not None
    assert not s.grad.any()


def test_a_shut_embedding_has_a_finite_price_and_gradient() -> None:
    s = torch.zeros(2, 1, 8, 8, requires_grad=True)
    losses.excess_bits(s, 0.3, 8).backward()
    assert s.grad is not None
    assert s.grad.isfinite().all()


def test_the_gradient_penalty_of_a_linear_discriminator() -> None:
    linear = nn.Linear(12, 1)
    x = torch.rand(5, 12, requires_grad=True)
    penalty = losses.r1(linear(x), x)
    assert penalty.item() == pytest.approx(linear.weight.square().sum().item() / 2, rel=1e-5)
    penalty.backward()
    assert linear.weight.grad is not None
    torch.testing.assert_close(linear.weight.grad, linear.weight.detach())
