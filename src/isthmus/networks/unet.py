"""The U-Net generator of pix2pix (Isola et al. 2017): an hourglass whose two sides are joined."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from isthmus.errors import InputError
from isthmus.networks.convolutional import GROUPS, SLOPE
from isthmus.networks.generator import norm

WIDEST = 8
"""Channels of the widest layers, in those of the first."""


class UNet(nn.Module):
    """Halvings by convolutions of 4 x 4, as many doublings, and in each the map of its size.

    Published: width 64, 8 halvings, and batch norm where GroupNorm is here, which has no running
    statistics that an average of weights would not fit. The innermost map is not normalised, since
    it may be a single place.

    Args:
        inputs: Channels that come in.
        outputs: Channels that go out.
        width: Channels of the first layer; every further one doubles them, up to 8 times.
        halvings: How often the side is halved, 2 or more.
        dropped: Doublings from the innermost on under dropout of 1/2. Published: 3.
        groups: Of every GroupNorm; 0 for InstanceNorm.

    Raises:
        InputError: A size makes no sense.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        width: int = 64,
        halvings: int = 8,
        *,
        dropped: int = 3,
        groups: int = GROUPS,
    ) -> None:
        super().__init__()
        if halvings < 2 or not 0 <= dropped < halvings:
            raise InputError(
                "unet",
                f"has {halvings} halvings and {dropped} doublings under dropout",
                mend="use 2 halvings or more, and dropout in fewer",
            )
        self.dropped = dropped
        maps = [min(width << level, WIDEST * width) for level in range(halvings)]
        self.down = nn.ModuleList([nn.Conv2d(inputs, width, 4, 2, 1)])
        for level, (narrow, wider) in enumerate(pairwise(maps), start=2):
            layers = [nn.LeakyReLU(SLOPE), nn.Conv2d(narrow, wider, 4, 2, 1, bias=False)]
            innermost = level == halvings
            self.down.append(nn.Sequential(*layers, *([] if innermost else [norm(wider, groups)])))
        self.up = nn.ModuleList()
        for joined, (wide, narrower) in enumerate(pairwise(reversed(maps))):
            self.up.append(
                nn.Sequential(
                    nn.ReLU(),
                    nn.ConvTranspose2d(wide << (joined > 0), narrower, 4, 2, 1, bias=False),
                    norm(narrower, groups),
                )
            )
        self.last = nn.Sequential(
            nn.ReLU(), nn.ConvTranspose2d(2 * width, outputs, 4, 2, 1), nn.Tanh()
        )

    def forward(self, x: Tensor, noise: torch.Generator | None = None) -> Tensor:
        """From `(n, inputs, side, side)` to `(n, outputs, side, side)` in (-1, 1).

        Args:
            x: Images, the side a multiple of 2^halvings.
            noise: What dropout draws from; none to leave it out.
        """
        x = x.contiguous(memory_format=torch.channels_last)
        passed = []
        for layer in self.down:
            x = layer(x)
            passed.append(x)
        x = passed.pop()
        for level, layer in enumerate(self.up):
            x = layer(x)
            if noise is not None and level < self.dropped:
                x = x * 2 * (torch.rand(x.shape, generator=noise, device=noise.device) < 0.5).to(x)
            x = torch.cat([x, passed.pop()], 1)
        return self.last(x)
