from __future__ import annotations

import pytest
import torch

from isthmus.attributes.training import minimise_cross_entropy
from isthmus.errors import InputError
from isthmus.networks.mlp import mlp


def test_the_loss_starts_at_log_k_and_falls() -> None:
    torch.manual_seed(0)
    x = torch.randn(200, 2)
    labels = (x[:, 0] > 0).long()
    network = mlp(2, 2)
    torch.nn.init.zeros_(network[0].weight)
    torch.nn.init.zeros_(network[0].bias)
    curve = minimise_cross_entropy(
        network, x, labels, steps=200, batch_size=50, learning_rate=0.1, seed=0
    )
    assert curve[0] == pytest.approx(0.6931, abs=1e-4)
    assert curve[-1] < 0.1
    assert (network(x).argmax(1) == labels).float().mean() > 0.98


def test_a_diverging_training_is_stopped() -> None:
    x = torch.randn(16, 2, generator=torch.Generator().manual_seed(0))
    with pytest.raises(InputError, match="diverged at step"):
        minimise_cross_entropy(
            mlp(2, 4, 2),
            x,
            torch.arange(16) % 2,
            steps=50,
            batch_size=8,
            learning_rate=1e30,
            seed=0,
        )
