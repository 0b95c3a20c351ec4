"""The terms of a VAE-GAN objective, each in nats per image and differentiable in all arguments."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import softplus


def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(m, diag s^2) || N(0, I)) = 1/2 sum_j (m_j^2 + s_j^2 - 1 - log s_j^2).

    Args:
        mean: m, of shape `(n, d)`.
        log_variance: log s^2, of shape `(n, d)`.

    Returns:
        Nats, of shape `(n,)`; never negative, 0 at m = 0, s = 1.
    """
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(-1)


def best_variance(reconstructions: Tensor, images: Tensor, *, floor: float = 1e-4) -> Tensor:
    """The noise variance under which the reconstructions are most likely: their mean square error.

    The "optimal sigma" of Rybkin, Daniilidis, Levine 2021: it takes the place of a weight between
    likelihood and KL.

    Args:
        reconstructions: Of shape `(n, 1, side, side)`.
        images: Likewise.
        floor: Smallest variance to return, so that perfect reconstructions have a finite density.

    Returns:
        A scalar without gradient: at the optimum the likelihood's derivative in it is zero.
    """
    return (reconstructions - images).square().mean().detach().clamp(min=floor)


def gaussian_nll(reconstructions: Tensor, images: Tensor, variance: Tensor) -> Tensor:
    """-log N(x; y, v I) = sum_p (x_p - y_p)^2 / (2 v) + P/2 log(2 pi v), over the P pixels.

    Args:
        reconstructions: y, of shape `(n, 1, side, side)`.
        images: x, likewise.
        variance: v, a scalar above 0.

    Returns:
        Nats, of shape `(n,)`; negative where the density exceeds 1.
    """
    squares = (reconstructions - images).square().flatten(1)
    constant = squares.shape[1] / 2 * (2 * math.pi * variance).log()
    return squares.sum(1) / (2 * variance) + constant


def discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """- mean log s(real) - mean log(1 - s(fake)), s the logistic function of the logits.

    The value is 2 log 2 for a discriminator that cannot tell, and 0 for a perfect one.

    Args:
        real: Logits of real images, of shape `(n, 1)`.
        fake: Logits of generated ones, of shape `(m, 1)`.
    """
    return softplus(-real).mean() + softplus(fake).mean()


def generator_loss(fake: Tensor) -> Tensor:
    """- mean log s(fake), the non-saturating loss of Goodfellow et al. 2014.

    Args:
        fake: Logits of generated images, of shape `(m, 1)`.
    """
    return softplus(-fake).mean()


def reparameterise(mean: Tensor, log_variance: Tensor, noise: Tensor) -> Tensor:
    """A draw m + s e from N(m, diag s^2), for e from N(0, I); all of shape `(n, d)`."""
    return torch.addcmul(mean, (log_variance / 2).exp(), noise)
