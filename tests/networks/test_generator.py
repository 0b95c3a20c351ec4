from __future__ import annotations

import pytest
import torch

from isthmus.errors import InputError
from isthmus.networks.generator import ResidualBlock, ResNetGenerator, norm


@pytest.mark.parametrize("fold", [1, 2, 4])
@pytest.mark.parametrize("side", [8, 32])
def test_maps_keep_the_size_of_the_images(fold: int, side: int) -> None:
    images = ResNetGenerator(4, 3, 8, 1, fold=fold)(torch.rand(2, 4, side, side))
    assert images.shape == (2, 3, side, side)
    assert images.abs().max() < 1


def test_the_published_size() -> None:
    count = sum(p.numel() for p in ResNetGenerator(4, 4, 64, 9).parameters())
    assert count == pytest.approx(11.4e6, rel=0.01)


@pytest.mark.parametrize("fold", [2, 4])
def test_folding_leaves_the_blocks_as_they_are(fold: int) -> None:
    blocks = [
        [module for name, module in network.named_modules() if "Residual" in type(module).__name__]
        for network in (ResNetGenerator(4, 4, 8, 2), ResNetGenerator(4, 4, 8, 2, fold=fold))
    ]
    shapes = [[[p.shape for p in block.parameters()] for block in network] for network in blocks]
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize("fold", [1, 2])
def test_an_image_does_not_depend_on_the_others_in_its_batch(fold: int) -> None:
    network, x = ResNetGenerator(4, 4, 8, 2, fold=fold), torch.rand(4, 4, 16, 16)
    together = network(x)
    apart = torch.cat([network(x[:1]), network(x[1:])])
    torch.testing.assert_close(together, apart, atol=1e-6, rtol=1e-5)


def test_few_groups_see_the_mean_of_a_channel_and_one_a_channel_does_not() -> None:
    x, lift = torch.rand(1, 8, 4, 4), torch.zeros(1, 8, 1, 1)
    lift[0, 0] = 3
    assert torch.allclose(norm(8, 0)(x), norm(8, 0)(x + lift), atol=1e-4)
    assert not torch.allclose(norm(8, 4)(x), norm(8, 4)(x + lift), atol=0.5)


@pytest.mark.parametrize(
    ("width", "blocks", "fold", "groups"),
    [(2, 1, 1, 4), (6, 1, 1, 4), (8, -1, 1, 4), (8, 1, 3, 4), (8, 1, 0, 4), (8, 1, 1, -1)],
)
def test_a_size_that_makes_no_sense_is_refused(
    width: int, blocks: int, fold: int, groups: int
) -> None:
    with pytest.raises(InputError, match="Mend"):
        ResNetGenerator(3, 3, width, blocks, fold=fold, groups=groups)


def test_a_silent_residual_block_is_the_identity() -> None:
    block, x = ResidualBlock(8, 4), torch.rand(2, 8, 4, 4)
    torch.nn.init.zeros_(list(block.parameters())[-2])
    torch.nn.init.zeros_(list(block.parameters())[-1])
    assert torch.equal(block(x), x)
