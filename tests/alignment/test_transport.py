"""Exact and entropic transport, against POT and against closed forms."""

from __future__ import annotations

import math

import numpy as np
import ot
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from isthmus.alignment.distances import gaussian_w2
from isthmus.alignment.emd import emd
from isthmus.alignment.sinkhorn import sinkhorn_divergence
from isthmus.errors import InputError

seeds = st.integers(0, 1000)


def cloud(seed: int, n: int = 30, d: int = 3) -> Tensor:
    return torch.randn(n, d, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def entropic(a: Tensor, b: Tensor, epsilon: float) -> float:
    """OT with its entropy, from the plan that POT finds."""
    cost = ot.dist(a.numpy(), b.numpy())
    p, q = ot.unif(len(a)), ot.unif(len(b))
    plan = ot.sinkhorn(p, q, cost, epsilon, method="sinkhorn_log", numItermax=20_000, stopThr=1e-9)
    relative = plan * np.log(np.where(plan > 0, plan, 1) / np.outer(p, q))
    return float((plan * cost).sum() + epsilon * relative.sum())


@given(seeds, seeds)
def test_emd_is_that_of_pot(first: int, second: int) -> None:
    a, b = cloud(first, 20), cloud(second, 33) + 1
    expected = ot.emd2(ot.unif(20), ot.unif(33), ot.dist(a.numpy(), b.numpy()))
    assert emd(a, b).item() == pytest.approx(expected, rel=1e-10)


def test_emd_on_a_line_is_the_distance_of_sorted_points() -> None:
    a, b = cloud(0, d=1), 2 * cloud(1, d=1) - 3
    expected = (a.sort(0).values - b.sort(0).values).square().mean()
    torch.testing.assert_close(emd(a, b), expected)


def test_emd_of_large_gaussian_samples_nears_the_closed_form() -> None:
    a, b = cloud(0, 2000, 2), 2 * cloud(1, 2000, 2) + 3
    eye, zero = torch.eye(2, dtype=torch.float64), torch.zeros(2, dtype=torch.float64)
    expected = gaussian_w2(zero, eye, zero + 3, 4 * eye).item()
    assert expected == pytest.approx(20)
    assert emd(a, b).item() == pytest.approx(expected, rel=0.05)


def test_emd_takes_an_ensemble_member_by_member() -> None:
    a, b = torch.stack([cloud(0), cloud(1)]), cloud(2)
    torch.testing.assert_close(emd(a, b), torch.stack([emd(a[0], b), emd(a[1], b)]))


@pytest.mark.parametrize("blur", [1.0, 3.0])
def test_sinkhorn_is_the_debiased_value_of_pots_plans(blur: float) -> None:
    a, b = cloud(0), cloud(1, 40) + 1
    own = entropic(a, a, blur**2) + entropic(b, b, blur**2)
    expected = entropic(a, b, blur**2) - own / 2
    assert sinkhorn_divergence(a, b, blur=blur).item() == pytest.approx(expected, abs=1e-6)


def test_sinkhorn_lies_between_the_distance_of_means_and_emd() -> None:
    a, b = cloud(0), cloud(1) + 1
    wide, narrow = (sinkhorn_divergence(a, b, blur=blur).item() for blur in (100.0, 0.6))
    assert wide == pytest.approx((a.mean(0) - b.mean(0)).square().sum().item(), rel=1e-2)
    assert narrow == pytest.approx(emd(a, b).item(), rel=0.1)


@pytest.mark.parametrize("distance", [emd, lambda a, b: sinkhorn_divergence(a, b, blur=1.0)])
class TestBoth:
    def test_zero_on_the_same_sample_in_another_order(self, distance) -> None:  # type: ignore[no-untyped-def]
        a = cloud(3)
        torch.testing.assert_close(distance(a, a.flip(0)), a.new_zeros(()), atol=1e-9, rtol=0)

    def test_symmetric(self, distance) -> None:  # type: ignore[no-untyped-def]
        a, b = cloud(0), cloud(1, 40)
        torch.testing.assert_close(distance(a, b), distance(b, a), atol=1e-8, rtol=1e-8)

    def test_gradients(self, distance) -> None:  # type: ignore[no-untyped-def]
        a, b = cloud(0, 6).requires_grad_(), (cloud(1, 7) + 1).requires_grad_()
        assert torch.autograd.gradcheck(distance, (a, b), atol=1e-4)

    def test_other_widths_are_refused(self, distance) -> None:  # type: ignore[no-untyped-def]
        with pytest.raises(InputError, match="features"):
            distance(cloud(0), cloud(0, d=2))


@pytest.mark.parametrize("blur", [0.0, -1.0, math.nan, math.inf])
def test_an_impossible_blur_is_refused(blur: float) -> None:
    with pytest.raises(InputError, match="blur"):
        sinkhorn_divergence(cloud(0), cloud(1), blur=blur)


def test_a_blur_too_small_to_settle_is_an_error_and_no_wrong_number() -> None:
    with pytest.raises(InputError, match="larger blur"):
        sinkhorn_divergence(cloud(0, 60), cloud(1, 60), blur=1e-5)
