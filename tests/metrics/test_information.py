from __future__ import annotations

import math

import pytest
import torch

from isthmus.metrics.information import code_information


def test_codes_far_apart_carry_all_their_bits() -> None:
    codes = 100 * torch.eye(8)
    bits, error = code_information(codes, 0.1, draws=500, seed=0)
    assert bits == pytest.approx(3, abs=1e-9)
    assert error == pytest.approx(0, abs=1e-9)


def test_equal_codes_carry_nothing() -> None:
    bits, _ = code_information(torch.zeros(8, 3), 0.5, draws=500, seed=0)
    assert bits == pytest.approx(0, abs=1e-12)


def test_two_antipodal_codes_have_the_known_capacity() -> None:
    """1 - E log2(1 + exp(-2 x)), x ~ N(r, r), r the signal-to-noise ratio, by quadrature."""
    amplitude, sigma = 1.0, 0.8
    r = (amplitude / sigma) ** 2
    x = torch.linspace(-12, 12, 20001, dtype=torch.float64) * math.sqrt(r) + r
    density = torch.exp(-((x - r) ** 2) / (2 * r)) / math.sqrt(2 * math.pi * r)
    loss = torch.nn.functional.softplus(-2 * x) / math.log(2)
    expected = 1 - torch.trapezoid(density * loss, x).item()
    codes = torch.tensor([[amplitude], [-amplitude]])
    bits, error = code_information(codes, sigma, draws=200_000, seed=0)
    assert abs(bits - expected) < 4 * error


def test_many_gaussian_codes_near_the_capacity_of_the_channel() -> None:
    """k/2 log2(1 + power / sigma^2) for k independent numbers of that power."""
    codes = torch.randn(4096, 2, generator=torch.Generator().manual_seed(0))
    bits, error = code_information(codes, 1.0, draws=4000, seed=1)
    assert bits == pytest.approx(math.log2(2.0), abs=0.03 + 4 * error)
