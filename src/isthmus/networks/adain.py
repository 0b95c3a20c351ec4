"""Adaptive instance normalisation, and the encoders and the decoder that translate with it.

The layout is MUNIT's (Huang et al. 2018): content is a map, style a few numbers that reach the
decoder only as means and deviations of its channels.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import group_norm

from isthmus.errors import InputError
from isthmus.networks.generator import SHRINKING, ResidualBlock, norm

FOLDS = (1, 2, SHRINKING)
"""Pixels a side that may be folded into channels, see `ResNetGenerator`."""

STYLE_HALVINGS = 4
"""Halvings in the style encoder; images need at least 2 to that power of pixels a side."""


def statistics(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of every channel over the places of one image.

    Args:
        x: Maps `(n, channels, height, width)`.

    Returns:
        Two tensors `(n, channels)`; the deviation divides by the number of places.
    """
    variance, mean = torch.var_mean(x, (2, 3), correction=0)
    return mean, variance.sqrt()


def adain(x: Tensor, mean: Tensor, deviation: Tensor) -> Tensor:
    """AdaIN(x, y) = sigma(y) (x - mu(x)) / sigma(x) + mu(y), mu and sigma as in `statistics`.

    Huang and Belongie 2017, equation 8, with sigma(x)^2 + 1e-5 under the root, so that a constant
    channel gives the mean. Differentiable in all three; what x has for mu and sigma is forgotten.

    Args:
        x: Maps `(n, channels, height, width)`.
        mean: mu(y), `(n, channels)`, which the result has.
        deviation: sigma(y), `(n, channels)`, likewise; a negative one turns the signs.

    Returns:
        Maps of the shape of `x`.
    """
    whitened = group_norm(x, x.shape[1])
    return torch.addcmul(mean[..., None, None], deviation[..., None, None], whitened)


class AdaINBlock(nn.Module):
    """x + f(x), f two convolutions of 3 x 3, each under AdaIN, with ReLU between."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first, self.second = (
            nn.Conv2d(channels, channels, 3, padding=1, bias=False) for _ in range(2)
        )

    def forward(self, x: Tensor, targets: Tensor) -> Tensor:
        """From `(n, channels, side, side)` to the same shape.

        Args:
            x: The maps.
            targets: Mean and deviation after the first convolution, then after the second, each of
                every channel, `(n, 4 * channels)`.
        """
        mean, deviation, last_mean, last_deviation = targets.chunk(4, 1)
        inner = adain(self.first(x), mean, deviation).relu_()
        return x + adain(self.second(inner), last_mean, last_deviation)


def content_encoder(channels: int, width: int, blocks: int, *, fold: int = 1) -> nn.Sequential:
    """Images `(n, channels, side, side)` to content `(n, 4 * width, side / 4, side / 4)`.

    Two halvings and residual blocks, all under InstanceNorm, which forgets the mean and the
    strength of every channel: that is left to the style.

    Args:
        channels: Channels of the images.
        width: Channels of the first layer. Published: 64.
        blocks: Residual blocks. Published: 4.
        fold: 1, 2 or 4; pixels a side that are folded into channels first, see `ResNetGenerator`.

    Raises:
        InputError: A size makes no sense.
    """
    layers = _halvings(channels, width, fold, int(math.log2(SHRINKING)), normalised=True)
    return nn.Sequential(*layers, *(ResidualBlock(SHRINKING * width, 0) for _ in range(blocks)))


def style_encoder(channels: int, width: int, style: int, *, fold: int = 1) -> nn.Sequential:
    """Images `(n, channels, side, side)` to styles `(n, style)`, unbounded.

    Four halvings without norm, which would take the style away, then the mean over all places.

    Args:
        channels: Channels of the images.
        width: Channels of the first layer; later ones have up to 4 times as many. Published: 64.
        style: Numbers in a style. Published: 8.
        fold: As in `content_encoder`.

    Raises:
        InputError: A size makes no sense.
    """
    return nn.Sequential(
        *_halvings(channels, width, fold, STYLE_HALVINGS, normalised=False),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(SHRINKING * width, style),
    )


class AdaINDecoder(nn.Module):
    """From content and style to images in (-1, 1): AdaIN blocks, then two doublings.

    A perceptron of two hidden layers turns the style into the means and deviations of the blocks.
    A doubling repeats every place and convolves by 5 x 5; its norm is over the whole image (layer
    norm), which keeps how the channels compare.

    Args:
        channels: Channels of the images.
        width: Channels of the last layer at full size; content has 4 times as many.
        blocks: AdaIN blocks. Published: 4.
        style: Numbers in a style.
        fold: As in `content_encoder`.

    Raises:
        InputError: A size makes no sense.
    """

    def __init__(
        self, channels: int, width: int, blocks: int, style: int, *, fold: int = 1
    ) -> None:
        super().__init__()
        _check(width, fold)
        maps = SHRINKING * width
        self.targets = nn.Sequential(
            nn.Linear(style, maps),
            nn.ReLU(inplace=True),
            nn.Linear(maps, maps),
            nn.ReLU(inplace=True),
            nn.Linear(maps, 4 * maps * blocks),
        )
        self.blocks = nn.ModuleList(AdaINBlock(maps) for _ in range(blocks))
        layers: list[nn.Module] = []
        while maps > width * fold:
            layers += [
                nn.Upsample(scale_factor=2),
                nn.Conv2d(maps, maps // 2, 5, padding=2, bias=False),
                norm(maps // 2, 1),
                nn.ReLU(inplace=True),
            ]
            maps //= 2
        size = _kernel(fold)
        layers += [nn.Conv2d(maps, channels * fold**2, size, padding=size // 2)]
        layers += [nn.PixelShuffle(fold)] if fold > 1 else []
        self.doublings = nn.Sequential(*layers, nn.Tanh())

    def forward(self, content: Tensor, style: Tensor) -> Tensor:
        """Images `(n, channels, side, side)`.

        Args:
            content: `(n, 4 * width, side / 4, side / 4)`.
            style: `(n, style)`.
        """
        for block, targets in zip(
            self.blocks, self.targets(style).chunk(len(self.blocks), 1), strict=True
        ):
            content = block(content, targets)
        return self.doublings(content)


def _halvings(
    channels: int, width: int, fold: int, count: int, *, normalised: bool
) -> list[nn.Module]:
    """Layers that halve the side `count` times, the folding included."""
    _check(width, fold)

    def convolution(into: int, out: int, size: int, stride: int, padding: int) -> list[nn.Module]:
        layer = nn.Conv2d(into, out, size, stride, padding, bias=not normalised)
        return [layer, *([norm(out, 0)] if normalised else []), nn.ReLU(inplace=True)]

    size, maps = _kernel(fold), width * fold
    layers: list[nn.Module] = [nn.PixelUnshuffle(fold)] if fold > 1 else []
    layers += convolution(channels * fold**2, maps, size, 1, size // 2)
    for _ in range(int(math.log2(fold)), count):
        wider = min(2 * maps, SHRINKING * width)
        layers += convolution(maps, wider, 4, 2, 1)
        maps = wider
    return layers


def _kernel(fold: int) -> int:
    """Side of the first and last convolution, in places."""
    return 7 if fold == 1 else 3


def _check(width: int, fold: int) -> None:
    if width < 1 or fold not in FOLDS:
        raise InputError(
            "width",
            f"is {width}, with fold {fold}",
            mend="use a positive width, and fold 1, 2 or 4",
        )
