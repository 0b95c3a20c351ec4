"""The affine flow x -> M x + t."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from isthmus.densities.interface import Bijection, per_member


class AffineMap(Bijection):
    """The map x -> M x + t.

    Args:
        matrix: M, invertible, of shape `(*members, D, D)`.
        translation: t, of shape `(*members, D)`.
    """

    def __init__(self, matrix: Tensor, translation: Tensor) -> None:
        super().__init__()
        self.matrix = matrix
        self.translation = translation

    def call_and_ladj(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """M x + t for `x (*members, N, D)` (or `(N, D)`) and log |det M| for every point."""
        members = self.matrix.shape[:-2]
        offset = self.translation.unsqueeze(-2) if members else self.translation
        y = per_member(x, members) @ self.matrix.mT + offset
        ladj: Tensor = torch.linalg.slogdet(self.matrix)[1]
        return y, (ladj.unsqueeze(-1) if members else ladj).expand(y.shape[:-1])

    @property
    def inv(self) -> AffineMap:
        """The map y -> M^-1 y - M^-1 t."""
        inverse: Tensor = torch.linalg.inv(self.matrix)
        return AffineMap(inverse, -(inverse @ self.translation.unsqueeze(-1)).squeeze(-1))


class Affine(nn.Module):
    """The flow T(x) = M x + t with any invertible M, the identity at the start.

    Args:
        features: D, the number of features.
        batch_shape: Shape of the ensemble of independent members.
    """

    def __init__(self, features: int, *, batch_shape: tuple[int, ...] = ()) -> None:
        super().__init__()
        self.batch_shape = torch.Size(batch_shape)
        self.matrix = nn.Parameter(torch.eye(features).repeat(*batch_shape, 1, 1))
        self.translation = nn.Parameter(torch.zeros(*batch_shape, features))

    def forward(self) -> AffineMap:
        """The map with the present M and t."""
        return AffineMap(self.matrix, self.translation)
