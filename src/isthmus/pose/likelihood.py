"""How likely projections are under heat-maps given as mixtures of round Gaussians."""

from __future__ import annotations

import math

import torch
from torch import Tensor

_SMALLEST_WEIGHT = 1e-8


def negative_log_likelihood(points: Tensor, mixtures: Tensor) -> Tensor:
    """`-1/(C J) sum_c sum_j log sum_r w_r N(q; mu_r, sigma_r^2 I)` of every frame, nats, `(n,)`.

    Differentiable in the points. Weights have 1e-8 added in the logarithm (MetaPose, equation of
    L_ref and released code).

    Args:
        points: Box units, `(n, C, J, 2)`.
        mixtures: Weight, mean x, mean y and variance, `(n, C, J, K, 4)`.
    """
    weight, mean, variance = mixtures[..., 0], mixtures[..., 1:3], mixtures[..., 3]
    square = (points[..., None, :] - mean).square().sum(-1)
    density = torch.log(weight + _SMALLEST_WEIGHT) - torch.log(2 * math.pi * variance)
    return -torch.logsumexp(density - square / (2 * variance), -1).mean((1, 2))
