"""The ResNet generator of image translation (Johnson et al. 2016; CycleGAN, Zhu et al. 2017)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from isthmus.errors import InputError
from isthmus.networks.convolutional import GROUPS

SHRINKING = 4
"""How many times smaller than the image the residual blocks' maps are; sides are multiples."""


def norm(channels: int, groups: int) -> nn.GroupNorm:
    """GroupNorm of a few groups, or with `groups` 0 one a channel, which is InstanceNorm.

    One group a channel forgets how strong a channel is over the whole image, a shared colour for
    instance, which few channels cannot afford.

    Raises:
        InputError: The groups do not divide the channels.
    """
    if channels < 1 or groups < 0 or (groups and channels % groups):
        raise InputError(
            "width",
            f"gives {channels} channels in {groups} groups",
            mend="use a positive width that is a multiple of the groups",
        )
    return nn.GroupNorm(groups or channels, channels)


class ResNetGenerator(nn.Module):
    """From images to maps of the same size in (-1, 1): two halvings, residual blocks, two doublings.

    Padding is by zeros. With `fold` 1 the first and the last layer are 7 x 7 convolutions at full
    size, as published. With `fold` 2 or 4 each square of that many pixels a side is folded into
    channels first (Shi et al. 2016, sub-pixel convolution) and unfolded last; 3 x 3 convolutions
    then replace the layers of higher resolution, where most of the time goes at small width.

    Args:
        inputs: Channels that come in.
        outputs: Channels that go out.
        width: Channels of the first layer at full size; the blocks have 4 times as many.
        blocks: Number of residual blocks. Published: width 64, 9 blocks.
        fold: 1, 2 or 4.
        groups: Of every GroupNorm; 0 for InstanceNorm, as published.

    Raises:
        InputError: A size makes no sense.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        width: int = 64,
        blocks: int = 9,
        *,
        fold: int = 1,
        groups: int = GROUPS,
    ) -> None:
        super().__init__()
        if fold not in (1, 2, SHRINKING) or blocks < 0:
            raise InputError(
                "generator", f"has fold {fold} and {blocks} blocks", mend="use fold 1, 2 or 4"
            )
        kernel = 7 if fold == 1 else 3
        channels = width * fold

        def convolution(into: int, out: int, size: int = 3, stride: int = 1) -> list[nn.Module]:
            return [
                nn.Conv2d(into, out, size, stride, size // 2, bias=False),
                norm(out, groups),
                nn.ReLU(inplace=True),
            ]

        layers: list[nn.Module] = [nn.PixelUnshuffle(fold)] if fold > 1 else []
        layers += convolution(inputs * fold**2, channels, kernel)
        while channels < SHRINKING * width:
            layers += convolution(channels, 2 * channels, stride=2)
            channels *= 2
        layers += [ResidualBlock(channels, groups) for _ in range(blocks)]
        while channels > width * fold:
            layers += [
                nn.ConvTranspose2d(channels, channels // 2, 3, 2, 1, output_padding=1, bias=False),
                norm(channels // 2, groups),
                nn.ReLU(inplace=True),
            ]
            channels //= 2
        layers += [nn.Conv2d(channels, outputs * fold**2, kernel, padding=kernel // 2)]
        layers += [nn.PixelShuffle(fold)] if fold > 1 else []
        self.layers = nn.Sequential(*layers, nn.Tanh())

    def forward(self, x: Tensor) -> Tensor:
        """From `(n, inputs, side, side)` to `(n, outputs, side, side)`, side a multiple of 4."""
        return self.layers(x.contiguous(memory_format=torch.channels_last))


class ResidualBlock(nn.Module):
    """x + f(x), f two normalised 3 x 3 convolutions with ReLU between (He et al. 2016)."""

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            norm(channels, groups),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            norm(channels, groups),
        )

    def forward(self, x: Tensor) -> Tensor:
        """From `(n, channels, side, side)` to the same shape."""
        return x + self.layers(x)
