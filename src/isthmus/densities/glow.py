"""Glow (Kingma, Dhariwal 2018) for small images: a flow that starts as the identity, and a density.

Images travel flattened, `(N, C * H * W)`, so that both fit wherever a flow or a density of points
does.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.linalg import solve_triangular
from torch.nn.functional import conv2d, pad, pixel_shuffle, pixel_unshuffle

from isthmus.densities.interface import Bijection
from isthmus.densities.realnvp import FlowLaw
from isthmus.errors import InputError
from isthmus.networks.randomness import seeded
from isthmus.seeding import derive


class ActNorm(nn.Module):
    """y = exp(s) x + t with one s and t a channel.

    It starts at the identity and not, as published, from the moments of a first batch: a flow
    between two domains has to start at the identity, and a density is given pixels of unit scale.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.zeros(channels, 1, 1))
        self.shift = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The image of `x (N, C, H, W)` and the log-determinant."""
        return torch.addcmul(self.shift, x, self.log_scale.exp()), self._ladj(x)

    def inverse(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """The map back, and its log-determinant."""
        return (y - self.shift) * (-self.log_scale).exp(), -self._ladj(y)

    def _ladj(self, x: Tensor) -> Tensor:
        return self.log_scale.sum() * _area(x)


class InvertibleConvolution(nn.Module):
    """The 1 x 1 convolution y = P L U x over the channels, kept in its LU decomposition.

    L is unit lower triangular and U upper triangular with the diagonal exp(s); both lie in one
    matrix, s on its diagonal, which is zero at the start: L = U = 1. The fixed permutation P swaps
    the halves of the channels, so the next coupling moves what the last one left alone.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.swap = channels // 2
        self.lu = nn.Parameter(torch.zeros(channels, channels))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The image of `x (N, C, H, W)` and the log-determinant, H W sum(s)."""
        lower, upper = self._factors()
        weight = (lower @ upper).roll(self.swap, 0)
        return conv2d(x, weight[..., None, None]), self._ladj(x)

    def inverse(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """The map back by two triangular solves, and its log-determinant."""
        lower, upper = self._factors()
        one = torch.eye(len(lower)).to(lower)
        half_way = solve_triangular(lower, one, upper=False, unitriangular=True)
        weight = solve_triangular(upper, half_way, upper=True).roll(self.swap, 1)
        return conv2d(y, weight[..., None, None]), -self._ladj(y)

    def _factors(self) -> tuple[Tensor, Tensor]:
        one = torch.eye(len(self.lu)).to(self.lu)
        return self.lu.tril(-1) + one, self.lu.triu(1) + self.lu.diagonal().exp().diag()

    def _ladj(self, x: Tensor) -> Tensor:
        return self.lu.diagonal().sum() * _area(x)


class Coupling(nn.Module):
    """y = x exp(s(u)) + t(u), where u is the first half of the channels and x the second.

    Convolutions 3 x 3, 1 x 1, 3 x 3 with ReLU between turn u into (s, t). The last one starts at
    zero, and with it the coupling as the identity. A channel of ones beside u shows the network,
    by the zeros around it, where the edge of the image is. The log-scale s is a hyperbolic tangent,
    as in `CouplingMap`, where the published one is the logarithm of a shifted sigmoid, not 0 at 0.
    """

    def __init__(self, channels: int, filters: int) -> None:
        super().__init__()
        half = channels // 2
        last = nn.Conv2d(filters, 2 * half, 3, padding=1)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)  # type: ignore[arg-type]
        self.network = nn.Sequential(
            nn.Conv2d(half + 1, filters, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(filters, filters, 1),
            nn.ReLU(inplace=True),
            last,
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The image of `x (N, C, H, W)` and the log-determinant `(N,)`."""
        first, second = x.chunk(2, 1)
        log_scale, shift = self._scale_and_shift(first)
        moved = torch.addcmul(shift, second, log_scale.exp())
        return torch.cat([first, moved], 1), log_scale.flatten(1).sum(1)

    def inverse(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """The map back, at the same cost, and its log-determinant."""
        first, second = y.chunk(2, 1)
        log_scale, shift = self._scale_and_shift(first)
        moved = (second - shift) * (-log_scale).exp()
        return torch.cat([first, moved], 1), -log_scale.flatten(1).sum(1)

    def _scale_and_shift(self, first: Tensor) -> tuple[Tensor, Tensor]:
        raw, shift = self.network(pad(first, (0, 0, 0, 0, 0, 1), value=1.0)).chunk(2, 1)
        return raw.tanh(), shift


class Level(nn.Module):
    """Squeeze, the steps of flow, half of the channels on to the next level, and the squeeze undone.

    So an image has the same shape before and after; what a level keeps passes the deeper ones by.

    Args:
        channels: Of the images it takes; the steps see four times as many.
        steps: Number of steps: actnorm, 1 x 1 convolution, coupling.
        filters: Channels of the hidden layers of the couplings.
        deeper: Number of levels below this one.
    """

    def __init__(self, channels: int, steps: int, filters: int, deeper: int) -> None:
        super().__init__()
        width = 4 * channels
        self.layers = nn.ModuleList(
            layer
            for _ in range(steps)
            for layer in (ActNorm(width), InvertibleConvolution(width), Coupling(width, filters))
        )
        self.deeper = Level(width // 2, steps, filters, deeper - 1) if deeper else None

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The image of `x (N, C, H, W)` and the log-determinant `(N,)`."""
        x, ladj = _chain(self.layers, pixel_unshuffle(x, 2))
        if self.deeper is not None:
            kept, rest = x.chunk(2, 1)
            rest, more = self.deeper(rest)
            x, ladj = torch.cat([kept, rest], 1), ladj + more
        return pixel_shuffle(x, 2), ladj

    def inverse(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """The map back, and its log-determinant."""
        y, total = pixel_unshuffle(y, 2), y.new_zeros(())
        if self.deeper is not None:
            kept, rest = y.chunk(2, 1)
            rest, total = self.deeper.inverse(rest)
            y = torch.cat([kept, rest], 1)
        y, ladj = _chain((layer.inverse for layer in reversed(self.layers)), y)
        return pixel_shuffle(y, 2), total + ladj


def _chain(layers: Iterable[Any], x: Tensor) -> tuple[Tensor, Tensor]:
    total = x.new_zeros(())
    for layer in layers:
        x, ladj = layer(x)
        total = total + ladj
    return x, total


def _area(x: Tensor) -> int:
    return x.shape[-2] * x.shape[-1]


class GlowMap(Bijection):
    """A Glow as a map of flattened images.

    Args:
        level: The first level, which holds the others.
        shape: (C, H, W) of an image.
        inverted: Whether this is the inverse map.
    """

    def __init__(self, level: Level, shape: tuple[int, int, int], inverted: bool = False) -> None:
        super().__init__()
        self.level = level
        self.shape = shape
        self.inverted = inverted

    def call_and_ladj(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The image of `x (..., C * H * W)` and log |det| of the Jacobian, of shape `(...)`."""
        images = x.reshape(-1, *self.shape)
        y, ladj = self.level.inverse(images) if self.inverted else self.level(images)
        return y.reshape(x.shape), ladj.reshape(x.shape[:-1])

    @property
    def inv(self) -> GlowMap:
        """The inverse map, at the same cost."""
        return GlowMap(self.level, self.shape, not self.inverted)


class Glow(nn.Module):
    """A multi-scale Glow from images to images of the same shape: exactly the identity at the start.

    The published flow between two domains is a Glow followed by an inverse Glow with the same
    weights. One Glow alone is simpler and starts just as well: every layer is the identity but for
    the swaps of halves in the convolutions, which cancel over an even number of steps, and the
    squeezes, which each level undoes. No rounding enters, and half the layers do.

    Args:
        shape: (C, H, W) of an image; H and W are multiples of 2 ** levels.
        levels: Number of levels, each at half the resolution of the one before.
        steps: Number of steps of flow in a level, even.
        filters: Channels of the hidden layers of the couplings.
        seed: Of the initial weights.

    Raises:
        InputError: A size makes no sense.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        *,
        levels: int = 2,
        steps: int = 4,
        filters: int = 32,
        seed: int = 0,
    ) -> None:
        super().__init__()
        channels, height, width = shape
        if levels < 1:
            raise InputError("levels", f"is {levels}", mend="use at least one")
        if min(shape) < 1 or height % 2**levels or width % 2**levels:
            raise InputError(
                "shape",
                f"is {shape}, which {levels} levels do not halve evenly",
                mend=f"use (C, H, W) with H and W multiples of {2**levels}, or fewer levels",
            )
        if steps < 2 or steps % 2:
            raise InputError("steps", f"is {steps}", mend="use an even number, at least 2")
        if filters < 1:
            raise InputError("filters", f"is {filters}", mend="use at least one")
        self.shape = shape
        with seeded(derive(seed, "weights")):
            self.level = Level(channels, steps, filters, levels - 1)

    def forward(self) -> GlowMap:
        """The map with the present weights."""
        return GlowMap(self.level, self.shape)


class GlowDensity(nn.Module):
    """A Glow with a standard normal base: N(0, I) at the start, so give it pixels of unit scale.

    The attribute `transform` is the flow from images to latents, as in zuko.

    Args:
        shape: (C, H, W) of an image.
        options: Of `Glow`.
    """

    def __init__(self, shape: tuple[int, int, int], **options: Any) -> None:
        super().__init__()
        self.features = math.prod(shape)
        self.transform = Glow(shape, **options)

    def forward(self) -> FlowLaw:
        """The law of flattened images with the present weights."""
        return FlowLaw(self.transform(), self.features, (), next(self.parameters()))
