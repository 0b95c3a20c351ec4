"""The PatchGAN discriminator (Isola et al. 2017): one score a patch of the image."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from isthmus.errors import InputError
from isthmus.networks.convolutional import GROUPS, SLOPE
from isthmus.networks.generator import norm


class PatchDiscriminator(nn.Module):
    """Convolutions of 4 x 4: `levels` of stride 2, one of stride 1, and one to a map of scores.

    Args:
        channels: Channels of the images.
        width: Channels of the first layer; every further one doubles them. Published: 64.
        levels: Halvings. Published: 3, where a score sees 70 x 70 pixels; with 2, 34 x 34.
        groups: Of every GroupNorm; 0 for InstanceNorm, as published.

    Raises:
        InputError: A size makes no sense.
    """

    def __init__(
        self, channels: int, width: int = 64, levels: int = 3, *, groups: int = GROUPS
    ) -> None:
        super().__init__()
        if levels < 1:
            raise InputError("levels", f"is {levels}", mend="use at least one")
        layers: list[nn.Module] = [nn.Conv2d(channels, width, 4, 2, 1), nn.LeakyReLU(SLOPE)]
        for level in range(1, levels + 1):
            stride = 2 if level < levels else 1
            layers += [
                nn.Conv2d(width << level - 1, width << level, 4, stride, 1, bias=False),
                norm(width << level, groups),
                nn.LeakyReLU(SLOPE, inplace=True),
            ]
        self.layers = nn.Sequential(*layers, nn.Conv2d(width << levels, 1, 4, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Scores `(n, 1, s, s)`, unbounded, s = side / 2^levels - 2 at least 1."""
        return self.layers(x.contiguous(memory_format=torch.channels_last))
