from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from isthmus.alignment.distances import gaussian_lr_distance, gaussian_w2
from isthmus.densities import Gaussian
from isthmus.densities.gaussian import moments

seeds = st.integers(0, 1000)


def cloud(seed: int, n: int = 40, d: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    rotation = torch.linalg.qr(torch.randn(d, d, dtype=torch.float64, generator=generator))[0]
    mixing = rotation * torch.linspace(0.5, 2, d, dtype=torch.float64)
    return torch.randn(n, d, dtype=torch.float64, generator=generator) @ mixing + mixing[0]


def test_means_apart_with_equal_variance_have_the_closed_form() -> None:
    one = torch.ones(1, 1, dtype=torch.float64)
    for delta, deviation in ((4.0, 1.0), (1.0, 2.0), (0.0, 3.0)):
        d = gaussian_lr_distance(one[0] * 0, one * deviation**2, one[0] * delta, one * deviation**2)
        assert d.item() == pytest.approx(math.log(1 + delta**2 / (4 * deviation**2)), abs=1e-12)


@given(seeds, seeds)
def test_it_is_two_private_gaussians_against_one_shared(first: int, second: int) -> None:
    a, b = cloud(first), cloud(second)
    private = sum(Gaussian(3).double().fit(x)().log_prob(x).mean() for x in (a, b))
    shared = 2 * Gaussian(3).double().fit(torch.cat([a, b]))().log_prob(torch.cat([a, b])).mean()
    distance = gaussian_lr_distance(*moments(a), *moments(b))
    assert distance.item() == pytest.approx((private - shared).item(), abs=1e-8)
    assert distance > -1e-12


@given(seeds, seeds)
def test_an_affine_map_of_both_sets_changes_nothing(first: int, second: int) -> None:
    a, b, matrix = cloud(first), cloud(second), cloud(first + second, 3)
    before = gaussian_lr_distance(*moments(a), *moments(b))
    after = gaussian_lr_distance(*moments(a @ matrix + 1), *moments(b @ matrix + 1))
    torch.testing.assert_close(before, after, rtol=1e-6, atol=1e-6)


def test_gradients() -> None:
    arguments = [x.requires_grad_() for x in (*moments(cloud(0)), *moments(cloud(1)))]
    torch.autograd.gradcheck(gaussian_lr_distance, arguments)


def test_w2_of_equal_covariances_is_the_squared_distance_of_means() -> None:
    mean, cov = moments(cloud(0))
    assert gaussian_w2(mean, cov, mean + 2, cov).item() == pytest.approx(12, abs=1e-9)
    assert gaussian_w2(mean, cov, mean, 4 * cov).item() == pytest.approx(cov.trace().item(), 1e-9)


@given(seeds, seeds)
def test_w2_is_symmetric_and_not_negative(first: int, second: int) -> None:
    a, b = moments(cloud(first)), moments(cloud(second))
    distance = gaussian_w2(*a, *b)
    assert distance > -1e-9
    torch.testing.assert_close(distance, gaussian_w2(*b, *a))
    torch.testing.assert_close(gaussian_w2(*a, *a), torch.zeros_like(distance), atol=1e-7, rtol=0)
