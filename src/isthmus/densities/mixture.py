"""The mixture of Gaussians with full covariances."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import sklearn.mixture
import torch
from torch import Tensor, nn

from isthmus.densities.gaussian import (
    GaussianLaw,
    cholesky,
    with_positive_diagonal,
    without_positive_diagonal,
)
from isthmus.densities.interface import per_member
from isthmus.densities.samples import as_samples
from isthmus.densities.seeds import Seeds
from isthmus.errors import InputError


class MixtureLaw:
    """A mixture of K Gaussians.

    Args:
        logits: Log weights up to a constant, of shape `(*members, K)`.
        components: The K Gaussians, as one law with members `(*members, K)`.
    """

    def __init__(self, logits: Tensor, components: GaussianLaw) -> None:
        self.logits = logits
        self.components = components

    def log_prob(self, x: Tensor) -> Tensor:
        """Log of sum_k w_k N(x; mu_k, S_k) in nats, of shape `(*members, N)`.

        Args:
            x: Points of shape `(*members, N, D)`, or `(N, D)` shared by all members.
        """
        rows = per_member(torch.atleast_2d(x), self.logits.shape[:-1])
        log_weights = self.logits.log_softmax(-1).unsqueeze(-1)
        log_prob = (log_weights + self.components.log_prob(rows.unsqueeze(-3))).logsumexp(-2)
        return log_prob.squeeze(-1) if x.dim() == 1 else log_prob

    @torch.no_grad()
    def sample(self, shape: Sequence[int] = ()) -> Tensor:
        """Points of shape `(*members, *shape, D)`."""
        members, count = self.logits.shape[:-1], math.prod(shape)
        chosen = torch.distributions.Categorical(logits=self.logits).sample((count,))
        points = self.components.sample((count,))
        picked = torch.take_along_dim(points, chosen.movedim(0, -1)[..., None, :, None], dim=-3)
        return picked.reshape(*members, *shape, points.shape[-1])


class GaussianMixture(nn.Module):
    """A mixture of Gaussians, trained alone by EM and inside a larger loss by gradient.

    EM (scikit-learn's, started by k-means) serves for maximum likelihood: it has no step size,
    never lowers the likelihood, and needs tens of passes where gradient descent needs hundreds.
    The parameters stay free, so the mixture can be the shared density of an alignment.

    Args:
        features: D, the number of features.
        components: K, the number of Gaussians.
        batch_shape: Shape of the ensemble of independent members.
        seeds: One seed a member, for the means before any fit and for k-means.
    """

    def __init__(
        self,
        features: int,
        components: int = 2,
        *,
        batch_shape: tuple[int, ...] = (),
        seeds: int | Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        self.batch_shape = torch.Size(batch_shape)
        self.seeds = Seeds.for_members(seeds, batch_shape)
        means = [
            torch.randn(components, features, generator=g) for g in self.seeds.generators("weights")
        ]
        self.logits = nn.Parameter(torch.zeros(*batch_shape, components))
        self.means = nn.Parameter(torch.stack(means).view(*batch_shape, components, features))
        self.cholesky = nn.Parameter(torch.zeros(*batch_shape, components, features, features))

    def forward(self) -> MixtureLaw:
        """The law with the present parameters."""
        return MixtureLaw(
            self.logits, GaussianLaw(self.means, with_positive_diagonal(self.cholesky))
        )

    @torch.no_grad()
    def fit(self, x: Any) -> GaussianMixture:
        """Maximum likelihood by EM, each member from its own seed.

        Args:
            x: Samples of shape `(*members, N, D)`, or `(N, D)` shared by all members.

        Returns:
            This density.

        Raises:
            InputError: `x` cannot be used, or has fewer samples than there are components.
        """
        members, (components, width) = self.logits.shape[:-1], self.means.shape[-2:]
        rows = per_member(as_samples(x, "x", members).double(), members)
        if rows.shape[-2] <= components:
            raise InputError(
                "x",
                f"has {rows.shape[-2]} samples for {components} components",
                mend="give more samples or ask for fewer components",
            )
        fitted = [
            sklearn.mixture.GaussianMixture(
                components, random_state=seed, tol=1e-6, max_iter=1000
            ).fit(member.numpy())
            for member, seed in zip(
                rows.reshape(-1, *rows.shape[-2:]), self.seeds.values, strict=True
            )
        ]
        weights, means, covariances = (
            torch.stack([torch.from_numpy(getattr(model, name)) for model in fitted])
            for name in ("weights_", "means_", "covariances_")
        )
        self.logits.copy_(weights.log().view(*members, components))
        self.means.copy_(means.view(*members, components, width))
        self.cholesky.copy_(
            without_positive_diagonal(cholesky(covariances)).view(self.cholesky.shape)
        )
        return self
