"""Autoencoders through one vector: images to a code of a few numbers, and back.

The networks of the puppet translators, after a re-implementation of PuppetGAN for digits: width 64,
5 levels, a code of 128.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from isthmus.errors import InputError
from isthmus.networks.convolutional import GROUPS, SLOPE
from isthmus.networks.generator import norm

WIDEST = 8
"""Channels of the last maps, in those of the first at most."""


class Encoder(nn.Module):
    """Convolutions of 4 x 4 and stride 2 that double the channels, and a linear layer.

    Args:
        channels: Channels of the images.
        side: Height and width of the images, a multiple of 2^levels.
        width: Channels of the first layer.
        levels: Halvings.
        code: Numbers in a code.
        groups: Of every GroupNorm; the first layer has none.

    Raises:
        InputError: A size makes no sense.
    """

    def __init__(
        self, channels: int, side: int, width: int, levels: int, code: int, *, groups: int = GROUPS
    ) -> None:
        super().__init__()
        widths, rest = _sizes(side, width, levels, code)
        layers: list[nn.Module] = [nn.Conv2d(channels, width, 4, 2, 1), nn.LeakyReLU(SLOPE)]
        for narrow, wide in pairwise(widths):
            layers += [
                nn.Conv2d(narrow, wide, 4, 2, 1, bias=False),
                norm(wide, groups),
                nn.LeakyReLU(SLOPE, inplace=True),
            ]
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(widths[-1] * rest**2, code))

    def forward(self, x: Tensor) -> Tensor:
        """From `(n, channels, side, side)` to codes `(n, code)`, unbounded."""
        return self.layers(x.contiguous(memory_format=torch.channels_last))


class Decoder(nn.Module):
    """The mirror image of `Encoder`, to images in (-1, 1); arguments are the same."""

    def __init__(
        self, channels: int, side: int, width: int, levels: int, code: int, *, groups: int = GROUPS
    ) -> None:
        super().__init__()
        widths, rest = _sizes(side, width, levels, code)
        layers: list[nn.Module] = [
            nn.Linear(code, widths[-1] * rest**2),
            nn.Unflatten(1, (widths[-1], rest, rest)),
            nn.ReLU(inplace=True),
        ]
        for wide, narrow in pairwise(reversed(widths)):
            layers += [
                nn.ConvTranspose2d(wide, narrow, 4, 2, 1, bias=False),
                norm(narrow, groups),
                nn.ReLU(inplace=True),
            ]
        self.layers = nn.Sequential(
            *layers, nn.ConvTranspose2d(width, channels, 4, 2, 1), nn.Tanh()
        )

    def forward(self, code: Tensor) -> Tensor:
        """From codes `(n, code)` to `(n, channels, side, side)`."""
        return self.layers(code)


def _sizes(side: int, width: int, levels: int, code: int) -> tuple[list[int], int]:
    """Channels after each halving, and the side of the last maps."""
    if levels < 1 or side % (1 << levels) or side < 1 << levels or code < 1:
        raise InputError(
            "bottleneck",
            f"has a side of {side} pixels, {levels} halvings and a code of {code}",
            mend="use a side that is a multiple of 2^levels, and at least one number",
        )
    return [min(width << level, WIDEST * width) for level in range(levels)], side >> levels
