"""The Sinkhorn divergence: entropic optimal transport without its bias."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from isthmus.densities.samples import same_width
from isthmus.errors import InputError

COOLING = 4
"""Factor from one temperature to the next on the way down to blur^2."""

WARM_ROUNDS, LAST_ROUNDS = 30, 300
"""Rounds of Sinkhorn's fixed point at each temperature and, at most, at the last one."""

NEWTON_STEPS = 200
"""Most steps of Newton's method."""

TOLERANCE = 1e-8
"""Largest relative error of a marginal of the plan."""


def sinkhorn_divergence(a: Tensor, b: Tensor, *, blur: float) -> Tensor:
    """Sinkhorn divergence of two samples (Feydy et al. 2019, equation 3).

        S(A, B) = OT(A, B) - OT(A, A) / 2 - OT(B, B) / 2,
        OT(A, B) = min over plans P of sum_ij P_ij |a_i - b_j|^2 + blur^2 KL(P | uniform)

    with the marginals 1 / N_A and 1 / N_B. It is 0 where both samples are the same, which OT alone
    is not, and tends to `emd` as the blur shrinks. Solved in the log domain, in float64: Sinkhorn's
    fixed point from a blur as wide as the data down to the one given, then Newton's method on the
    dual, which a small blur does not slow down (Brauer et al. 2017).

    Args:
        a: Samples of A, of shape `(N_A, D)`.
        b: Samples of B, of shape `(N_B, D)`.
        blur: Length below which transport is not resolved, in the unit of the features.

    Returns:
        The divergence, a scalar in squared units of the features. Differentiable in the samples
        (the plans are kept fixed, Danskin).

    Raises:
        InputError: The blur is not positive, the samples differ in width, or the blur is too small
            to solve for.
    """
    same_width(a, b)
    if not 0 < blur < math.inf:
        raise InputError("blur", f"is {blur}", mend="give a positive number")
    x, y = a.double(), b.double()
    own = (_transport(x, x, blur) + _transport(y, y, blur)) / 2
    return (_transport(x, y, blur) - own).to(a)


def _transport(x: Tensor, y: Tensor, blur: float) -> Tensor:
    """OT(x, y) in its dual form, mean f + mean g, with the gradient of the plan's cost."""
    epsilon, still_x, still_y = blur**2, x.detach(), y.detach()
    f, g = _potentials(_cost(still_x, still_y), epsilon)
    rows = _softmin(_cost(x, still_y), g, epsilon)
    return rows.mean() + _softmin(_cost(still_x, y).mT, f, epsilon).mean()


@torch.no_grad()
def _potentials(cost: Tensor, epsilon: float) -> tuple[Tensor, Tensor]:
    f, g = cost.new_zeros(cost.shape[0]), cost.new_zeros(cost.shape[1])
    current = float(cost.max())
    while current > epsilon:
        f, g = _warm(cost, f, g, current, WARM_ROUNDS)
        current /= COOLING
    f, g = _warm(cost, f, g, epsilon, LAST_ROUNDS)
    for _ in range(NEWTON_STEPS):
        f = _softmin(cost, g, epsilon)
        scaled = ((f.unsqueeze(-1) + g - cost) / epsilon).exp()
        lacking = 1 - scaled.mean(0)
        if lacking.abs().max() <= TOLERANCE:
            return f, _softmin(cost.mT, f, epsilon)
        g = _ascend(cost, g, scaled, lacking, epsilon)
    raise InputError(
        "blur",
        f"{epsilon**0.5:g} is too small for these samples",
        mend="give a larger blur, or use `emd`",
    )


def _warm(cost: Tensor, f: Tensor, g: Tensor, epsilon: float, rounds: int) -> tuple[Tensor, Tensor]:
    """Rounds of the fixed point: the first in the log domain, the others on a scaled kernel.

    The scaling starts where every column has the mean 1, so it is safe but for extreme kernels;
    what would not be finite is dropped.
    """
    f = _softmin(cost, g, epsilon)
    g = _softmin(cost.mT, f, epsilon)
    kernel = ((f.unsqueeze(-1) + g - cost) / epsilon).exp()
    u, v = torch.ones_like(f), torch.ones_like(g)
    for _ in range(rounds):
        before = v
        u = len(v) / (kernel @ v)
        v = len(u) / (kernel.mT @ u)
        if (v - before).abs().max() <= TOLERANCE * v.min():
            break
    moved_f, moved_g = f + epsilon * u.log(), g + epsilon * v.log()
    finite = moved_f.isfinite().all() and moved_g.isfinite().all()
    return (moved_f, moved_g) if finite else (f, g)


def _ascend(cost: Tensor, g: Tensor, scaled: Tensor, lacking: Tensor, epsilon: float) -> Tensor:
    """A Newton step on the concave dual mean f(g) + mean g, halved until the dual rises.

    Args:
        cost: The costs `(n, m)`.
        g: The potential `(m,)`.
        scaled: n m P, whose rows have the mean 1.
        lacking: What its columns lack in mean, m times the gradient.
        epsilon: The temperature.
    """
    n, m = cost.shape
    curvature = torch.diag(scaled.mean(0)) - scaled.mT @ scaled / (n * m)
    curvature += 1 / m  # a constant added to g changes nothing: pin it
    curvature.diagonal().add_(1e-12)
    direction = epsilon * torch.linalg.solve(curvature, lacking)
    start = _softmin(cost, g, epsilon).mean() + g.mean()
    rise = direction @ lacking / m
    step = 1.0
    while step > 1e-10:
        moved = g + step * direction
        value = _softmin(cost, moved, epsilon).mean() + moved.mean()
        if value >= start + 1e-4 * step * rise - 1e-14 * abs(start):
            break
        step /= 2
    return g + step * direction


def _softmin(cost: Tensor, potential: Tensor, epsilon: float) -> Tensor:
    """-epsilon log mean_j exp((g_j - cost_ij) / epsilon), of shape `(rows,)`."""
    exponent = (potential - cost) / epsilon
    return -epsilon * (exponent.logsumexp(-1) - math.log(cost.shape[-1]))


def _cost(x: Tensor, y: Tensor) -> Tensor:
    return (x.unsqueeze(-2) - y.unsqueeze(-3)).square().sum(-1)
