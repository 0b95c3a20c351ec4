"""RealNVP (Dinh, Sohl-Dickstein, Bengio 2017): affine couplings of two halves, flow and density."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from isthmus.densities.interface import Bijection, per_member
from isthmus.densities.seeds import Seeds
from isthmus.errors import InputError


class CouplingMap(Bijection):
    """Couplings y = x exp(s(u)) + t(u), where u is one half of the features and x the other.

    The log-scale s is a hyperbolic tangent: one coupling stretches by a factor in (1/e, e), so no
    point is thrown far out. The halves swap roles from one coupling to the next and stay apart from
    the first to the last; each layer is one batched matrix product over all members.

    Args:
        networks: For each coupling the weights `(E, in, out)` and biases `(E, 1, out)` of the
            layers that turn u into (s, t).
        batch_shape: Shape of the ensemble; E is its size, 1 for a single model.
        inverted: Whether this is the inverse map, the couplings undone from last to first.
    """

    def __init__(
        self,
        networks: list[list[tuple[Tensor, Tensor]]],
        batch_shape: torch.Size,
        inverted: bool = False,
    ) -> None:
        super().__init__()
        self.networks = networks
        self.batch_shape = batch_shape
        self.inverted = inverted

    def call_and_ladj(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The image of the points and log |det| of the Jacobian, one forward pass.

        Args:
            x: Points `(*batch_shape, N, D)`, or `(N, D)` shared by all members; any `(..., D)`
                where there is no ensemble.
        """
        x = per_member(x, self.batch_shape)
        members, width = self.batch_shape.numel(), x.shape[-1]
        halves = list(x.reshape(members, -1, width).split([width // 2, width - width // 2], -1))
        order = range(len(self.networks))
        log_scales = []
        for k in reversed(order) if self.inverted else order:
            hidden = halves[k % 2]
            *first, last = self.networks[k]
            for weight, bias in first:
                hidden = torch.baddbmm(bias, hidden, weight).relu_()
            raw, shift = torch.baddbmm(last[1], hidden, last[0]).chunk(2, -1)
            log_scale = raw.tanh()
            moved = halves[1 - k % 2]
            if self.inverted:
                log_scale = -log_scale
                halves[1 - k % 2] = (moved - shift) * log_scale.exp()
            else:
                halves[1 - k % 2] = torch.addcmul(shift, moved, log_scale.exp())
            log_scales.append(log_scale)
        y = torch.cat(halves, -1).view(x.shape)
        return y, torch.cat(log_scales, -1).sum(-1).view(x.shape[:-1])

    @property
    def inv(self) -> CouplingMap:
        """The inverse map, at the same cost."""
        return CouplingMap(self.networks, self.batch_shape, not self.inverted)


class RealNVP(nn.Module):
    """A flow of affine couplings whose last layers start at zero: exactly the identity.

    All weights of a member lie in one row of the parameter `weights (*batch_shape, P)`, so that an
    optimiser step and a gradient norm cost one operation each, however many layers there are.

    Args:
        features: D, the number of features, at least 2.
        couplings: Number of couplings; from 2 on every feature is changed.
        hidden: Widths of the hidden layers (ReLU) of each coupling.
        batch_shape: Shape of the ensemble of independent members.
        seeds: One seed a member, for its initial weights; by default 0, 1, 2 and so on.

    Raises:
        InputError: There are fewer than two features, or not one seed a member.
    """

    def __init__(
        self,
        features: int,
        *,
        couplings: int = 16,
        hidden: Sequence[int] = (32, 32),
        batch_shape: tuple[int, ...] = (),
        seeds: int | Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        if features < 2:
            raise InputError(
                "features",
                f"{features}, which cannot be cut in halves",
                mend="use Affine, or add a feature",
            )
        self.batch_shape = torch.Size(batch_shape)
        halves = features // 2, features - features // 2
        self.layers = [
            list(pairwise((halves[k % 2], *hidden, 2 * halves[1 - k % 2])))
            for k in range(couplings)
        ]
        rows = [
            torch.cat([_initial(layers, generator) for layers in self.layers])
            for generator in Seeds.for_members(seeds, batch_shape).generators("weights")
        ]
        self.weights = nn.Parameter(torch.stack(rows).view(*batch_shape, -1))

    def forward(self) -> CouplingMap:
        """The map with the present weights."""
        members = self.batch_shape.numel()
        shapes = [shape for layers in self.layers for i, o in layers for shape in ((i, o), (1, o))]
        pieces = iter(
            piece.view(members, *shape)
            for piece, shape in zip(
                self.weights.view(members, -1).split([i * o for i, o in shapes], -1),
                shapes,
                strict=True,
            )
        )
        networks = [[(next(pieces), next(pieces)) for _ in layers] for layers in self.layers]
        return CouplingMap(networks, self.batch_shape)


def _initial(layers: list[tuple[int, int]], generator: torch.Generator) -> Tensor:
    """Flat initial weights of one coupling: uniform within 1/sqrt(in), zero in the last layer."""
    *first, (width, out) = layers
    drawn = [
        (2 * torch.rand((i + 1) * o, generator=generator) - 1) / math.sqrt(i) for i, o in first
    ]
    return torch.cat([*drawn, torch.zeros((width + 1) * out)])


class FlowLaw:
    """The law of x where z = f(x) is standard normal.

    Args:
        transform: f, from points to latents.
        features: D.
        batch_shape: Shape of the ensemble that f holds.
        like: A tensor whose dtype and device the samples take.
    """

    def __init__(
        self, transform: Bijection, features: int, batch_shape: tuple[int, ...], like: Tensor
    ) -> None:
        self.transform = transform
        self.features = features
        self.batch_shape = batch_shape
        self.like = like

    def log_prob(self, x: Tensor) -> Tensor:
        """Log N(f(x); 0, I) + log |det df/dx|, in nats, of shape `(*batch_shape, N)`."""
        z, ladj = self.transform.call_and_ladj(x)
        return ladj - 0.5 * (z.square().sum(-1) + self.features * math.log(2 * math.pi))

    @torch.no_grad()
    def sample(self, shape: Sequence[int] = ()) -> Tensor:
        """Points of shape `(*batch_shape, *shape, D)`."""
        z = self.like.new_empty(*self.batch_shape, math.prod(shape), self.features).normal_()
        return self.transform.inv(z).reshape(*self.batch_shape, *shape, self.features)


class RealNVPDensity(nn.Module):
    """A RealNVP with a standard normal base: N(0, I) at the start, so give it data of unit scale.

    The attribute `transform` is the flow from points to latents, as in zuko.

    Args:
        features: D, the number of features, at least 2.
        options: Of `RealNVP`.
    """

    def __init__(self, features: int, **options: Any) -> None:
        super().__init__()
        self.features = features
        self.transform = RealNVP(features, **options)
        self.batch_shape = self.transform.batch_shape

    def forward(self) -> FlowLaw:
        """The law with the present weights."""
        return FlowLaw(self.transform(), self.features, self.batch_shape, self.transform.weights)
