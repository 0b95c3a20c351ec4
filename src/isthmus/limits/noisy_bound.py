"""Noise against the vanishing gradient of LRMF: an extension of example 2.2, not in the paper.

After the noisy bounds of Gong, Usman, Zhao, Inouye (arXiv 2310.19690): normal noise is added to the
aligned variables before any density sees them, so that clouds that are far apart overlap again.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from isthmus.limits.vanishing import (
    CENTRES,
    DEVIATION,
    SHARED_DEVIATION,
    shared_gradient,
    shared_log_likelihood,
)
from isthmus.networks.randomness import generator


def add_noise(a: Tensor, noise: float, seed: int) -> Tensor:
    """Samples `(N,)` of A + N(0, noise^2); A itself where the noise is 0."""
    source = generator(seed, "noise")
    return a + noise * torch.randn(a.shape, dtype=a.dtype, generator=source)


def noisy_gradient(noised: Tensor, mu: Tensor, noise: float) -> Tensor:
    """The gradient of example 2.2 on noised samples, under the shared mixture with the same noise.

    It falls like exp(-(c mu)^2) with c = 1 / (sqrt(2) (1.25 + noise^2)) for the law itself.

    Args:
        noised: Samples of A + N(0, noise^2), of shape `(N,)`.
        mu: Distances of B, of shape `(M,)`.
        noise: Standard deviation of the noise, at least 0.

    Returns:
        Nats per unit of distance, of shape `(M,)`.
    """
    return shared_gradient(noised, mu, math.hypot(SHARED_DEVIATION, noise))


def noisy_loss(noised: Tensor, mu: Tensor, noise: float) -> Tensor:
    """LRMF's loss in example 2.2 with noise on the aligned variables.

        L(mu) = 2 mean_A log P(a + e) - 2 mean_A log S(a + e; mu),   e ~ N(0, noise^2),

    P the private density of A and S the shared mixture, both with the noise's variance added; B is
    A shifted by mu, whose term is that of A by symmetry. L = KL(A || S) + KL(B || S) of the noised
    laws, which by data processing is at most that of the laws themselves: the noise trades value
    for gradient. S is narrower than its family, so L at equality is not 0 but 2 KL(A || N(0, s^2)).

    Args:
        noised: Samples of A + N(0, noise^2), of shape `(N,)`.
        mu: Distances of B, of shape `(M,)`.
        noise: Standard deviation of the noise, at least 0.

    Returns:
        Nats, of shape `(M,)`; for a far B it levels out 2 log 2 above equality.
    """
    deviation = math.hypot(DEVIATION, noise)
    components = [-0.5 * ((noised - centre) / deviation).square() for centre in CENTRES]
    private = torch.logaddexp(*components) - math.log(2 * deviation * math.sqrt(2 * math.pi))
    shared = shared_log_likelihood(noised, mu, math.hypot(SHARED_DEVIATION, noise))
    return 2 * (private.mean() - shared)
