"""Instance noise: the Jensen-Shannon divergence of two distant normals, and what noise does to it.

Sønderby, Caballero, Theis, Shi and Huszár, "Amortised MAP inference for image super-resolution",
ICLR 2017: noise on data and samples alike makes their laws overlap, so the divergence that the
discriminator estimates has a useful gradient; adding it is invertible on laws, so the divergence
is still 0 only where they are equal.
"""

from __future__ import annotations

import math

import torch
from scipy.optimize import minimize_scalar
from torch import Tensor
from torch.distributions import Normal

from isthmus.errors import InputError

NODES = 4001
TAIL = 10.0
"""Deviations that the quadrature reaches beyond either mean."""


def jensen_shannon(gap: Tensor, std: float) -> Tensor:
    """Jensen-Shannon divergence of N(-gap/2, std^2) and N(gap/2, std^2).

    JSD = (KL(p | m) + KL(q | m)) / 2 with m = (p + q) / 2 (Lin 1991), by the trapezoidal rule,
    whose error falls exponentially for such integrands. Differentiable in `gap`.

    Args:
        gap: Distance of the means, float64, of any shape `(...)` and sign, in units of x.
        std: Deviation of both laws, in units of x.

    Returns:
        Nats in [0, log 2], `(...)`.

    Raises:
        InputError: `std` is not above 0.
    """
    if not std > 0:
        raise InputError("jensen_shannon", f"{std} is no deviation", field="std", mend="above 0")
    reach = float(gap.detach().abs().max()) / 2 + TAIL * std
    x = torch.linspace(-reach, reach, NODES, dtype=torch.float64)
    mean = gap[..., None] / 2
    log_p, log_q = Normal(-mean, std).log_prob(x), Normal(mean, std).log_prob(x)
    log_m = torch.logaddexp(log_p, log_q) - math.log(2)
    density = log_p.exp() * (log_p - log_m) + log_q.exp() * (log_q - log_m)
    return torch.trapezoid(density, x) / 2


def gradient(gap: Tensor, std: float) -> Tensor:
    """Derivative of `jensen_shannon` in `gap`, by autograd: nats a unit of x, shape of `gap`."""
    gap = gap.detach().requires_grad_()
    (slope,) = torch.autograd.grad(jensen_shannon(gap, std).sum(), gap)
    return slope


def minimiser(std: float, low: float, high: float) -> float:
    """The gap in (low, high) at which the divergence is least, by Brent's bounded search."""

    def divergence(gap: float) -> float:
        return float(jensen_shannon(torch.tensor(gap, dtype=torch.float64), std))

    return float(minimize_scalar(divergence, bounds=(low, high), method="bounded").x)


def noised(std: float, noise_std: float) -> float:
    """Deviation of a normal of deviation `std` under independent noise of deviation `noise_std`."""
    return math.hypot(std, noise_std)
