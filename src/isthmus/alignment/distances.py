"""Statistical distances in closed form."""

from __future__ import annotations

import torch
from torch import Tensor


def gaussian_lr_distance(mean_a: Tensor, cov_a: Tensor, mean_b: Tensor, cov_b: Tensor) -> Tensor:
    """Likelihood-ratio distance of two Gaussians within the family of Gaussians.

        d = log det S - (log det S_A + log det S_B) / 2,
        S = (S_A + S_B) / 2 + (m_A - m_B)(m_A - m_B)^T / 4,

    which is definition 2.1 of Usman et al. 2020 (LRMF) for this family: the best private
    log-likelihoods minus the best shared one. In one dimension, with equal variances s^2 and means
    a distance delta apart, d = log(1 + delta^2 / (4 s^2)).

    Args:
        mean_a: Mean of A, of shape `(..., D)`.
        cov_a: Covariance of A, positive definite, of shape `(..., D, D)`.
        mean_b: Mean of B, of shape `(..., D)`.
        cov_b: Covariance of B, positive definite, of shape `(..., D, D)`.

    Returns:
        d in nats, of shape `(...)`: at least 0, and 0 where both Gaussians are the same.
        Differentiable in all arguments.
    """
    _, shared = shared_moments(mean_a, cov_a, mean_b, cov_b)
    return shared.logdet() - (cov_a.logdet() + cov_b.logdet()) / 2


def gaussian_w2(mean_a: Tensor, cov_a: Tensor, mean_b: Tensor, cov_b: Tensor) -> Tensor:
    """Squared 2-Wasserstein distance of two Gaussians, also known as Frechet distance.

        W2^2 = |m_A - m_B|^2 + tr(S_A) + tr(S_B) - 2 tr((S_A^(1/2) S_B S_A^(1/2))^(1/2))

    (Dowson and Landau 1982). `emd` of two samples tends to it as they grow.

    Args:
        mean_a: Mean of A, of shape `(..., D)`.
        cov_a: Covariance of A, positive definite, of shape `(..., D, D)`.
        mean_b: Mean of B, of shape `(..., D)`.
        cov_b: Covariance of B, positive definite, of shape `(..., D, D)`.

    Returns:
        The distance in squared units of the features, of shape `(...)`: at least 0, and 0 where
        both Gaussians are the same. Differentiable in all arguments where the eigenvalues of
        S_A S_B are distinct.
    """
    values, vectors = torch.linalg.eigh(cov_a)
    root = vectors * values.clamp(min=0).sqrt().unsqueeze(-2) @ vectors.mT
    cross = torch.linalg.eigvalsh(root @ cov_b @ root).clamp(min=0).sqrt().sum(-1)
    traces = (cov_a + cov_b).diagonal(dim1=-2, dim2=-1).sum(-1)
    return (mean_a - mean_b).square().sum(-1) + traces - 2 * cross


def shared_moments(
    mean_a: Tensor, cov_a: Tensor, mean_b: Tensor, cov_b: Tensor
) -> tuple[Tensor, Tensor]:
    """Mean and covariance of the equal mixture of two laws: the best shared Gaussian.

    Args:
        mean_a: Mean of A, of shape `(..., D)`.
        cov_a: Covariance of A, of shape `(..., D, D)`.
        mean_b: Mean of B, of shape `(..., D)`.
        cov_b: Covariance of B, of shape `(..., D, D)`.
    """
    gap = (mean_a - mean_b) / 2
    return (mean_a + mean_b) / 2, (cov_a + cov_b) / 2 + gap.unsqueeze(-1) * gap.unsqueeze(-2)
