from __future__ import annotations

import pytest
import torch

from isthmus.errors import InputError
from isthmus.networks.convolutional import down, features, halvings, up


@pytest.mark.parametrize(
    ("side", "count"), [(8, 1), (10, 1), (14, 1), (16, 2), (28, 2), (32, 3), (64, 4)]
)
def test_images_become_features_and_features_images(side: int, count: int) -> None:
    assert halvings(side) == count
    found = down(side, 8)(torch.rand(3, 1, side, side))
    assert found.shape == (3, features(side, 8)) == (3, 8 * 2 ** (count - 1) * (side >> count) ** 2)
    assert up(side, 8)(found).shape == (3, 1, side, side)


def test_down_takes_more_than_one_channel() -> None:
    assert down(16, 8, channels=5)(torch.rand(2, 5, 16, 16)).shape == (2, features(16, 8))


@pytest.mark.parametrize("side", [-16, 0, 1, 3, 4, 7, 9, 18, 30])
def test_a_side_that_does_not_halve_is_refused(side: int) -> None:
    with pytest.raises(InputError, match="side"):
        halvings(side)


@pytest.mark.parametrize("width", [-4, 0, 2, 30])
@pytest.mark.parametrize("half", [down, up])
def test_a_width_that_the_groups_do_not_divide_is_refused(half: object, width: int) -> None:
    with pytest.raises(InputError, match="width"):
        half(16, width)  # type: ignore[operator]


def test_the_norm_keeps_an_image_apart_from_its_negative() -> None:
    x = torch.rand(1, 1, 16, 16)
    network = down(16, 8)
    assert not torch.allclose(network(x), network(1 - x), atol=1e-3)
