from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from isthmus.alignment.coral import coral, coral_distance
from isthmus.errors import InputError

seeds = st.integers(0, 1000)


def cloud(seed: int, n: int = 50, d: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    rotation = torch.linalg.qr(torch.randn(d, d, dtype=torch.float64, generator=generator))[0]
    mixing = rotation * torch.linspace(0.5, 2, d, dtype=torch.float64)
    return torch.randn(n, d, dtype=torch.float64, generator=generator) @ mixing + mixing[0]


@given(seeds, seeds)
def test_it_matches_the_covariance_and_on_demand_the_mean(first: int, second: int) -> None:
    a, b = cloud(first), cloud(second, 70)
    linear, full = coral(a, b, ridge=0), coral(a, b, ridge=0, match_means=True)
    for flow in (linear, full):
        torch.testing.assert_close(flow()(a).mT.cov(), b.mT.cov(), rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(full()(a).mean(0), b.mean(0), rtol=1e-6, atol=1e-8)
    assert torch.equal(linear.translation, torch.zeros(3, dtype=torch.float64))


def test_a_set_is_mapped_to_itself_by_the_identity() -> None:
    eye = torch.eye(3, dtype=torch.float64)
    torch.testing.assert_close(coral(cloud(0), cloud(0), ridge=0.1).matrix.detach(), eye)


def test_on_independent_features_it_rescales_each() -> None:
    a = torch.tensor([[1.0, 1], [1, -1], [-1, 1], [-1, -1]])
    flow = coral(a, a * torch.tensor([3.0, 0.5]), ridge=0)
    expected = torch.tensor([[3.0, 0.0], [0.0, 0.5]], dtype=torch.float64)
    torch.testing.assert_close(flow.matrix.detach(), expected)


def test_a_large_ridge_shrinks_the_map_to_the_identity() -> None:
    matrix = coral(cloud(1), cloud(2), ridge=1e6).matrix.detach()
    torch.testing.assert_close(matrix, torch.eye(3, dtype=torch.float64), atol=1e-4, rtol=0)


def test_the_distance_has_the_closed_form_and_is_blind_to_means() -> None:
    a, b = cloud(3), cloud(4, 60)
    expected = (a.mT.cov() - b.mT.cov()).square().sum() / (4 * 3**2)
    torch.testing.assert_close(coral_distance(a, b), expected)
    torch.testing.assert_close(coral_distance(a + 5, b.flip(0)), expected)
    torch.testing.assert_close(coral_distance(b, a), expected)
    assert coral_distance(a, a) == 0
    torch.autograd.gradcheck(coral_distance, (a.requires_grad_(), b.requires_grad_()))


def test_what_cannot_be_used_is_refused() -> None:
    a = cloud(5)
    with pytest.raises(InputError, match="features"):
        coral(a, a[:, :2])
    with pytest.raises(InputError, match="negative"):
        coral(a, a, ridge=-1)
    with pytest.raises(InputError, match="singular"):
        coral(torch.cat([a, a[:, :1]], 1), torch.cat([a, a[:, :1]], 1), ridge=0)
