"""The vanishing gradient of LRMF: example 2.2 of Usman et al. 2020 (arXiv 2003.12170)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import softplus

from isthmus.errors import InputError
from isthmus.networks.randomness import generator

CENTRES, DEVIATION = (-1.0, 1.0), 0.5
"""A is the equal mixture of two normals."""

SHARED_DEVIATION = math.sqrt(DEVIATION**2 + 1)
"""Standard deviation of A, and so of the component of the shared mixture that explains A."""

MU = torch.linspace(4, 20, 100, dtype=torch.float64)
"""Published distances of B."""

FITTED = slice(20, 80)
"""Of these distances, the ones the line is fitted to."""

PUBLISHED_SLOPE, PUBLISHED_INTERCEPT = 0.6, -1.168
"""Of the published curve, -exp(-(0.6 mu - 1.168)^2)."""


@dataclass(frozen=True)
class Line:
    """A least-squares line: slope in 1 / distance, intercept without unit, correlation."""

    slope: float
    intercept: float
    r: float


def sample_a(count: int, seed: int) -> Tensor:
    """Samples of A = 1/2 N(-1, 0.5^2) + 1/2 N(1, 0.5^2), half of them from each component.

    Args:
        count: Number of samples; of an odd number the first component gets one less.
        seed: Of the samples.

    Returns:
        Of shape `(count,)`, float64.
    """
    noise = torch.randn(count, dtype=torch.float64, generator=generator(seed, "a"))
    centre = torch.full_like(noise, CENTRES[1])
    centre[: count // 2] = CENTRES[0]
    return centre + DEVIATION * noise


def shared_log_likelihood(a: Tensor, mu: Tensor, deviation: float = SHARED_DEVIATION) -> Tensor:
    """Mean log-likelihood of A under the mixture that A shares with a B at distance mu.

        mean_A log S(a; mu),   S = 1/2 N(0, deviation^2) + 1/2 N(mu, deviation^2).

    Args:
        a: Samples, of shape `(N,)`.
        mu: Centres of the second component, of shape `(M,)`, in the unit of the samples.
        deviation: Standard deviation of both components, positive.

    Returns:
        Nats, of shape `(M,)`. Differentiable in all tensors.
    """
    first = -0.5 * (a / deviation).square().mean() - math.log(
        2 * deviation * math.sqrt(2 * math.pi)
    )
    return first + torch.stack([softplus(_log_odds(a, m, deviation)).mean() for m in mu])


def shared_gradient(a: Tensor, mu: Tensor, deviation: float = SHARED_DEVIATION) -> Tensor:
    """Derivative of `shared_log_likelihood` in mu, in closed form.

        g(mu) = mean_A P(second component | a) (a - mu) / deviation^2.

    For mu far from A it is negative, and falls like exp(-(c mu)^2): c^2 is 1 / (2 deviation^2)
    for a bounded sample and (1 - 0.5^2 / deviation^2) / (2 deviation^2) for the law itself. Use
    float64: float32 has no numbers as small from mu = 17.5 on.

    Args:
        a: Samples, of shape `(N,)`.
        mu: Centres of the second component, of shape `(M,)`, in the unit of the samples.
        deviation: Standard deviation of both components, positive.

    Returns:
        Nats per unit of distance, of shape `(M,)`.
    """
    pulls = [(torch.sigmoid(_log_odds(a, m, deviation)) * (a - m)).mean() for m in mu]
    return torch.stack(pulls) / deviation**2


def _log_odds(a: Tensor, mu: Tensor, deviation: float) -> Tensor:
    """Log-odds of the second component against the first: log N(a; mu) - log N(a; 0)."""
    return (a - mu / 2) * (mu / deviation**2)


def decay(mu: Tensor, gradient: Tensor) -> Line:
    """The line of sqrt(-log(-g)) against mu: straight where g = -exp(-(slope mu + intercept)^2).

    Args:
        mu: Of shape `(M,)`, M at least 2.
        gradient: g at each mu, of shape `(M,)`, between -1 and 0.

    Raises:
        InputError: A gradient is not between -1 and 0, so that the root does not exist.
    """
    if not ((gradient > -1) & (gradient < 0)).all():
        raise InputError(
            "gradient",
            "is not between -1 and 0 everywhere",
            mend="use float64, and a range of mu outside A where it has not vanished altogether",
        )
    x, y = mu.numpy(), (-(-gradient).log()).sqrt().numpy()
    slope, intercept = np.polyfit(x, y, 1)
    return Line(float(slope), float(intercept), float(np.corrcoef(x, y)[0, 1]))


def published_curve(mu: Tensor) -> Tensor:
    """The curve printed for the gradient, -exp(-(0.6 mu - 1.168)^2)."""
    return -(-(PUBLISHED_SLOPE * mu + PUBLISHED_INTERCEPT).square()).exp()


def relative_error(curve: Tensor, gradient: Tensor) -> float:
    """Mean of |curve - g| / |g|, without unit."""
    return float(((curve - gradient) / gradient).abs().mean())
