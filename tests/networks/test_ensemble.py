from __future__ import annotations

import pytest
import torch

from isthmus.networks.ensemble import EnsembleMLP


def test_members_are_single_networks_of_their_seed() -> None:
    x = torch.randn(7, 3, generator=torch.Generator().manual_seed(0))
    ensemble = EnsembleMLP((3, 16, 2), [4, 5])
    singles = [EnsembleMLP((3, 16, 2), seed) for seed in (4, 5)]
    torch.testing.assert_close(ensemble(x), torch.stack([single(x) for single in singles]))
    own = torch.stack([x, x + 1])
    torch.testing.assert_close(ensemble(own)[1], singles[1](x + 1))


def test_no_member_sees_another() -> None:
    x = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0), requires_grad=True)
    EnsembleMLP((3, 8, 1), [0, 1])(x)[0].sum().backward()
    assert x.grad is not None
    assert x.grad[0].abs().min() > 0
    assert x.grad[1].abs().max() == 0


@pytest.mark.parametrize("seeds", [0, [0, 1]])
def test_spectral_weights_tend_to_norm_one(seeds: int | list[int]) -> None:
    network = EnsembleMLP((3, 32, 1), seeds, spectral=True)
    x = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    for _ in range(1000):
        network(x)
    for index, weight in enumerate(network.weights):
        norm = torch.linalg.matrix_norm(weight / network._norm(index), 2)
        torch.testing.assert_close(norm, torch.ones_like(norm), atol=1e-3, rtol=0)


def test_evaluating_does_not_move_the_estimate_of_the_norm() -> None:
    network = EnsembleMLP((3, 8, 1), 0, spectral=True).eval()
    x = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(network(x), network(x), rtol=0, atol=0)
