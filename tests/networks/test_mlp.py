from __future__ import annotations

import torch

from isthmus.networks.mlp import mlp


def test_the_last_layer_is_linear() -> None:
    network = mlp(3, 5, 2)
    torch.nn.init.constant_(network[-1].weight, -1.0)
    torch.nn.init.zeros_(network[-1].bias)
    torch.nn.init.constant_(network[0].weight, 1.0)
    torch.nn.init.zeros_(network[0].bias)
    assert network(torch.ones(1, 3)).tolist() == [[-15.0, -15.0]]
    assert torch.allclose(network(-torch.ones(1, 3)), torch.full((1, 2), 3.0))


def test_two_widths_are_one_linear_map() -> None:
    network = mlp(4, 2)
    x = torch.randn(6, 4)
    assert torch.equal(network(x), network[0](x))
    assert len(network) == 1
