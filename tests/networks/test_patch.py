from __future__ import annotations

import pytest
import torch

from isthmus.errors import InputError
from isthmus.networks.patch import PatchDiscriminator


@pytest.mark.parametrize(("side", "levels", "map_side"), [(64, 3, 6), (32, 3, 2), (16, 2, 2)])
def test_one_score_a_patch(side: int, levels: int, map_side: int) -> None:
    scores = PatchDiscriminator(6, 8, levels)(torch.rand(2, 6, side, side))
    assert scores.shape == (2, 1, map_side, map_side)


@pytest.mark.parametrize(("levels", "field"), [(2, 34), (3, 70)])
def test_a_score_sees_the_published_patch(levels: int, field: int) -> None:
    network = torch.nn.Sequential(
        *[
            layer
            for layer in PatchDiscriminator(1, 4, levels).layers
            if isinstance(layer, torch.nn.Conv2d)
        ]
    )
    x = torch.rand(1, 1, 160, 160, requires_grad=True)
    scores = network(x)
    scores[0, 0, scores.shape[2] // 2, scores.shape[3] // 2].backward()
    assert x.grad is not None
    assert int((x.grad[0, 0] != 0).any(0).sum()) == field


def test_the_published_size() -> None:
    count = sum(p.numel() for p in PatchDiscriminator(3, 64, 3).parameters())
    assert count == pytest.approx(2.76e6, rel=0.01)


def test_no_level_is_refused() -> None:
    with pytest.raises(InputError, match="levels"):
        PatchDiscriminator(3, 8, 0)
