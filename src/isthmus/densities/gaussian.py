"""The Gaussian with full covariance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from isthmus.densities.interface import per_member
from isthmus.densities.samples import as_samples
from isthmus.errors import InputError

SINGULAR = 1e-12
"""Share of a feature's variance, unexplained by other features, that counts as none."""


class GaussianLaw:
    """N(mu, L L^T).

    Args:
        mean: mu, of shape `(*members, D)`.
        scale_tril: L, lower triangular with a positive diagonal, of shape `(*members, D, D)`.
    """

    def __init__(self, mean: Tensor, scale_tril: Tensor) -> None:
        self.mean = mean
        self.scale_tril = scale_tril

    def log_prob(self, x: Tensor) -> Tensor:
        """-|L^-1 (x - mu)|^2 / 2 - log det L - (D/2) log 2 pi, in nats, of shape `(*members, N)`.

        Differentiable in `x`, `mean` and `scale_tril`.

        Args:
            x: Points of shape `(*members, N, D)`, or `(N, D)` shared by all members.
        """
        rows = per_member(torch.atleast_2d(x), self.mean.shape[:-1])
        white = torch.linalg.solve_triangular(
            self.scale_tril, (rows - self.mean.unsqueeze(-2)).mT, upper=False
        )
        log_det = self.scale_tril.diagonal(dim1=-2, dim2=-1).log().sum(-1, keepdim=True)
        log_prob = -0.5 * white.square().sum(-2) - log_det - x.shape[-1] / 2 * math.log(2 * math.pi)
        return log_prob.squeeze(-1) if x.dim() == 1 else log_prob

    @torch.no_grad()
    def sample(self, shape: Sequence[int] = ()) -> Tensor:
        """Points of shape `(*members, *shape, D)`."""
        members, width = self.mean.shape[:-1], self.mean.shape[-1]
        noise = torch.randn(
            *members, math.prod(shape), width, dtype=self.mean.dtype, device=self.mean.device
        )
        points = noise @ self.scale_tril.mT + self.mean.unsqueeze(-2)
        return points.reshape(*members, *shape, width)


class Gaussian(nn.Module):
    """A Gaussian density with free mean and full covariance; N(0, I) at the start.

    The covariance is L L^T; the logarithm of L's diagonal is what is stored and trained.

    Args:
        features: D, the number of features.
        batch_shape: Shape of the ensemble of independent members.
    """

    def __init__(self, features: int, *, batch_shape: tuple[int, ...] = ()) -> None:
        super().__init__()
        self.batch_shape = torch.Size(batch_shape)
        self.mean = nn.Parameter(torch.zeros(*batch_shape, features))
        self.cholesky = nn.Parameter(torch.zeros(*batch_shape, features, features))

    def forward(self) -> GaussianLaw:
        """The law with the present parameters."""
        return GaussianLaw(self.mean, with_positive_diagonal(self.cholesky))

    def fit(self, x: Any) -> Gaussian:
        """Maximum likelihood in closed form: the sample mean, and the covariance over 1/N.

        Args:
            x: Samples of shape `(*members, N, D)`, or `(N, D)` shared by all members.

        Returns:
            This density.

        Raises:
            InputError: `x` cannot be used, or its covariance is singular.
        """
        return self.set_moments(*moments(as_samples(x, "x", self.mean.shape[:-1])))

    @torch.no_grad()
    def set_moments(self, mean: Tensor, covariance: Tensor) -> Gaussian:
        """Set the mean `(*members, D)` and the covariance `(*members, D, D)`.

        Returns:
            This density.

        Raises:
            InputError: The covariance is not positive definite.
        """
        self.mean.copy_(mean)
        self.cholesky.copy_(without_positive_diagonal(cholesky(covariance)))
        return self


def moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean `(..., D)` and covariance over 1/N of samples `(..., N, D)`, in float64."""
    x = x.double()
    mean = x.mean(-2)
    centred = x - mean.unsqueeze(-2)
    return mean, centred.mT @ centred / x.shape[-2]


def cholesky(covariance: Tensor) -> Tensor:
    """The lower Cholesky factor of covariances `(..., D, D)`.

    Raises:
        InputError: Given the features before it, one feature has next to no variance left.
    """
    factor, info = torch.linalg.cholesky_ex(covariance)
    left = factor.diagonal(dim1=-2, dim2=-1).square()
    dependent = left <= SINGULAR * covariance.diagonal(dim1=-2, dim2=-1)
    if info.any() or dependent.any():
        column = int(info.max()) - 1 if info.any() else int(dependent.nonzero()[0, -1])
        raise InputError(
            "x",
            "is a linear function of the columns before it, so the covariance is singular",
            field=f"column {column}",
            mend="drop the column, or give more samples than there are columns",
        )
    return factor


def with_positive_diagonal(raw: Tensor) -> Tensor:
    """L from its free parameters: the exponential of the diagonal, the strict lower triangle."""
    return raw.tril(-1) + raw.diagonal(dim1=-2, dim2=-1).exp().diag_embed()


def without_positive_diagonal(factor: Tensor) -> Tensor:
    """The inverse of `with_positive_diagonal`."""
    return factor.tril(-1) + factor.diagonal(dim1=-2, dim2=-1).log().diag_embed()
