from __future__ import annotations

import itertools

import pytest
import torch

from isthmus.errors import InputError
from isthmus.networks.bottleneck import Decoder, Encoder


@pytest.mark.parametrize(("channels", "side", "levels"), [(1, 8, 3), (3, 16, 2), (1, 12, 1)])
def test_images_become_codes_and_codes_images(channels: int, side: int, levels: int) -> None:
    sizes = (channels, side, 4, levels, 6)
    images = torch.rand(2, channels, side, side)
    code = Encoder(*sizes)(images)
    assert code.shape == (2, 6)
    decoded = Decoder(*sizes)(10 * code)
    assert decoded.shape == images.shape
    assert decoded.abs().max() <= 1


def test_a_code_does_not_depend_on_the_company() -> None:
    encoder, images = Encoder(1, 8, 4, 2, 6), torch.rand(5, 1, 8, 8)
    torch.testing.assert_close(encoder(images)[2:3], encoder(images[2:3]))


def test_channels_double_up_to_eight_times() -> None:
    with torch.device("meta"):
        encoder, decoder = (kind(1, 32, 64, 5, 128) for kind in (Encoder, Decoder))
    kernels = [tuple(p.shape) for p in encoder.parameters() if p.dim() == 4]
    widths = [1, 64, 128, 256, 512, 512]
    assert kernels == [(o, i, 4, 4) for i, o in itertools.pairwise(widths)]
    assert encoder.layers[-1].weight.shape == (128, 512)
    mirrored = [tuple(p.shape) for p in decoder.parameters() if p.dim() == 4]
    assert mirrored == kernels[::-1]


@pytest.mark.parametrize(
    "wrong", [{"side": 12}, {"side": 4}, {"levels": 0}, {"code": 0}, {"width": 5}]
)
def test_sizes_are_checked(wrong: dict[str, int]) -> None:
    sizes = {"channels": 1, "side": 8, "width": 4, "levels": 3, "code": 2} | wrong
    for kind in (Encoder, Decoder):
        with pytest.raises(InputError):
            kind(**sizes)
