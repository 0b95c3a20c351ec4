from __future__ import annotations

import pytest
import torch
import zuko
from torch import nn

from isthmus.alignment.back_to_back import BackToBack
from isthmus.densities import RealNVPDensity


def realnvp(seed: int) -> nn.Module:
    density = RealNVPDensity(3, couplings=3, hidden=(8,), seeds=seed).double()
    with torch.no_grad():
        noise = torch.Generator().manual_seed(seed)
        weights = density.transform.weights
        weights.add_(0.3 * torch.randn(weights.shape, dtype=torch.float64, generator=noise))
    return density


def stock(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return zuko.flows.MAF(3, transforms=2, hidden_features=(8,)).double()


@pytest.mark.parametrize("build", [realnvp, stock])
def test_it_carries_the_density_of_a_exactly_to_that_of_b(build: type) -> None:
    first, second = build(0), build(1)
    flow = BackToBack(first, second)
    x = torch.randn(20, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    y, ladj = flow().call_and_ladj(x)
    torch.testing.assert_close(first().log_prob(x), second().log_prob(y) + ladj)
    torch.testing.assert_close(flow().inv(y), x)
    torch.testing.assert_close(BackToBack(second, first)()(y), x)


def test_a_density_is_carried_to_itself_by_the_identity() -> None:
    density, x = realnvp(3), torch.eye(3, dtype=torch.float64)
    torch.testing.assert_close(BackToBack(density, density)()(x), x)
