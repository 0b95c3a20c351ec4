"""What a law and an invertible map offer: the interface of zuko, and no more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.distributions import Transform, constraints


class Law(Protocol):
    """A probability law on R^D, as a density module returns it."""

    def log_prob(self, x: Tensor) -> Tensor:
        """Log density in nats of points `(..., D)`, with shape `(...)`."""

    def sample(self, shape: Sequence[int] = ()) -> Tensor:
        """Independent points `(*members, *shape, D)` from torch's global generator."""


class Bijection(Transform):
    """A differentiable invertible map of R^D that gives its value and log-determinant at once.

    A subclass defines `call_and_ladj` and `inv`; the rest of torch's `Transform` follows.
    """

    domain = constraints.real_vector
    codomain = constraints.real_vector
    bijective = True

    def call_and_ladj(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The image of `x (..., D)` and log |det| of the Jacobian there, of shape `(...)`."""
        raise NotImplementedError

    @property
    def inv(self) -> Bijection:
        """The inverse map."""
        raise NotImplementedError

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Log |det| of the Jacobian at `x`; `y` is not needed."""
        return self.call_and_ladj(x)[1]

    def _call(self, x: Tensor) -> Tensor:
        return self.call_and_ladj(x)[0]

    def _inverse(self, y: Tensor) -> Tensor:
        return self.inv(y)


class Composed(Bijection):
    """Maps applied one after the other, first to last.

    Args:
        maps: Objects with `call_and_ladj` and `inv`, ours or zuko's.
    """

    def __init__(self, *maps: Any) -> None:
        super().__init__()
        self.maps = maps

    def call_and_ladj(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The image of `x (..., D)` and the sum of the log-determinants on the way."""
        total = x.new_zeros(())
        for part in self.maps:
            x, ladj = part.call_and_ladj(x)
            total = total + ladj
        return x, total

    @property
    def inv(self) -> Composed:
        """The inverses in reverse order."""
        return Composed(*(part.inv for part in reversed(self.maps)))


def per_member(x: Tensor, batch_shape: torch.Size) -> Tensor:
    """Points as `(*batch_shape, N, D)`: points `(N, D)` are shared by all members."""
    if batch_shape and x.dim() == 2:
        return x.expand(*batch_shape, *x.shape)
    return x
