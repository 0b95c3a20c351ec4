from __future__ import annotations

import pytest
import torch

from isthmus.errors import InputError
from isthmus.networks.unet import UNet


def source(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(("side", "halvings"), [(8, 2), (8, 3), (32, 5), (48, 4)])
def test_images_keep_their_size(side: int, halvings: int) -> None:
    network = UNet(3, 2, 4, halvings, dropped=1)
    found = network(torch.rand(2, 3, side, side))
    assert found.shape == (2, 2, side, side)
    assert found.abs().max() < 1
    assert found.isfinite().all()


def test_the_published_size() -> None:
    """Counted by hand from the published layers; without biases and the parameters of the norms."""
    with torch.device("meta"):
        network = UNet(3, 3)
    down = 3 * 64 + 64 * 128 + 128 * 256 + 256 * 512 + 4 * 512**2
    up = 512**2 + 3 * 1024 * 512 + 1024 * 256 + 512 * 128 + 256 * 64 + 128 * 3
    assert sum(p.numel() for p in network.parameters() if p.dim() > 1) == 16 * (down + up)


def test_dropout_draws_from_the_generator_alone_and_only_where_there_is_one() -> None:
    network, x = UNet(1, 1, 4, 3, dropped=2), torch.rand(2, 1, 8, 8)
    plain = network(x)
    torch.manual_seed(1)
    assert torch.equal(network(x), plain)
    first, again, other = (network(x, source(seed)) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other) and not torch.equal(first, plain)
    without = UNet(1, 1, 4, 3, dropped=0)
    assert torch.equal(without(x), without(x, source()))


def test_half_is_dropped_and_the_rest_is_doubled() -> None:
    network, x = UNet(1, 1, 8, 3, dropped=1), torch.rand(64, 1, 8, 8)
    seen: list[torch.Tensor] = []
    network.up[1].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach()))
    network(x)
    network(x, source())
    before, after = (each[:, : each.shape[1] // 2] for each in seen)
    kept = after != 0
    assert kept.float().mean().item() == pytest.approx(0.5, abs=0.02)
    torch.testing.assert_close(after[kept], 2 * before[kept])


def test_every_map_reaches_its_counterpart() -> None:
    network, x = UNet(1, 1, 4, 3, dropped=0), torch.rand(2, 1, 8, 8)
    network(x).sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in network.parameters() if p.dim() > 1)
    assert [layer[1].in_channels for layer in network.up] == [16, 16]
    assert network.last[1].in_channels == 8


@pytest.mark.parametrize("sizes", [{"halvings": 1}, {"halvings": 3, "dropped": 3}])
def test_sizes_that_are_refused(sizes: dict[str, int]) -> None:
    with pytest.raises(InputError, match="unet"):
        UNet(3, 3, 4, **sizes)
