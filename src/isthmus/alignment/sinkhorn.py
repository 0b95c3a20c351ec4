"""The Sinkhorn divergence: entropic optimal transport without its bias."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from isthmus.densities.samples import same_width
from isthmus.errors import InputError

ROUNDS = 5000
"""Most rounds of the fixed-point iteration at the final blur."""

TOLERANCE = 1e-6
"""Largest relative error of a marginal of the plan at which the iteration stops."""

RELAXATION = 1.7
"""Each update goes this many times as far as plain Sinkhorn would (Thibault et al. 2021)."""


def sinkhorn_divergence(a: Tensor, b: Tensor, *, blur: float) -> Tensor:
    """Sinkhorn divergence of two samples (Feydy et al. 2019, equation 3).

        S(A, B) = OT(A, B) - OT(A, A) / 2 - OT(B, B) / 2,
        OT(A, B) = min over plans P of sum_ij P_ij |a_i - b_j|^2 + blur^2 KL(P | uniform)

    with the marginals 1 / N_A and 1 / N_B. It is 0 where both samples are the same, which OT alone
    is not, and tends to `emd` as the blur shrinks. Solved in the log domain, in float64, from a
    blur as wide as the data down to the one given.

    Args:
        a: Samples of A, of shape `(N_A, D)`.
        b: Samples of B, of shape `(N_B, D)`.
        blur: Length below which transport is not resolved, in the unit of the features.

    Returns:
        The divergence, a scalar in squared units of the features. Differentiable in the samples
        (the plans are kept fixed, Danskin).

    Raises:
        InputError: The blur is not positive, the samples differ in width, or the iteration does not
            settle.
    """
    same_width(a, b)
    if not 0 < blur < math.inf:
        raise InputError("blur", f"is {blur}", mend="give a positive number")
    x, y = a.double(), b.double()
    return (_between(x, y, blur) - (_within(x, blur) + _within(y, blur)) / 2).to(a)


def _between(x: Tensor, y: Tensor, blur: float) -> Tensor:
    """OT(x, y) in its dual form, mean f + mean g, with the gradient of the plan's cost."""
    cost, epsilon = _cost(x.detach(), y.detach()), blur**2
    with torch.no_grad():
        f, g = cost.new_zeros(cost.shape[0]), cost.new_zeros(cost.shape[1])

        def update(f: Tensor, g: Tensor, epsilon: float) -> tuple[Tensor, Tensor]:
            f = torch.lerp(f, _softmin(cost, g, epsilon), RELAXATION)
            return f, torch.lerp(g, _softmin(cost.mT, f, epsilon), RELAXATION)

        f, g = _fixed_point(update, (f, g), float(cost.max()), epsilon)
        f = _softmin(cost, g, epsilon)
        g = _softmin(cost.mT, f, epsilon)
    value_f = _softmin(_cost(x, y.detach()), g, epsilon)
    return value_f.mean() + _softmin(_cost(x.detach(), y).mT, f, epsilon).mean()


def _within(x: Tensor, blur: float) -> Tensor:
    """OT(x, x): one potential, twice its mean; averaged updates settle in a few rounds."""
    cost, epsilon = _cost(x.detach(), x.detach()), blur**2
    with torch.no_grad():

        def update(f: Tensor, epsilon: float) -> tuple[Tensor]:
            return (torch.lerp(f, _softmin(cost, f, epsilon), 0.5),)

        start = cost.new_zeros(cost.shape[0])
        (f,) = _fixed_point(update, (start,), float(cost.max()), epsilon)
    rows = _softmin(_cost(x, x.detach()), f, epsilon)
    return rows.mean() + _softmin(_cost(x.detach(), x).mT, f, epsilon).mean()


def _fixed_point(
    update: Callable[..., tuple[Tensor, ...]],
    potentials: tuple[Tensor, ...],
    widest: float,
    epsilon: float,
) -> tuple[Tensor, ...]:
    """Repeat an update, from a temperature as high as the widest cost down to `epsilon`."""
    current = widest
    while current > epsilon:
        potentials = update(*potentials, current)
        current /= 4
    for _ in range(ROUNDS):
        before = potentials[-1]
        potentials = update(*potentials, epsilon)
        if (potentials[-1] - before).abs().max() <= TOLERANCE * epsilon:
            return potentials
    raise InputError(
        "blur",
        f"{epsilon**0.5:g} is too small for these samples: {ROUNDS} rounds do not settle",
        mend="give a larger blur, or use `emd`",
    )


def _softmin(cost: Tensor, potential: Tensor, epsilon: float) -> Tensor:
    """-epsilon log mean_j exp((g_j - cost_ij) / epsilon), of shape `(rows,)`."""
    exponent = (potential - cost) / epsilon
    return -epsilon * (exponent.logsumexp(-1) - math.log(cost.shape[-1]))


def _cost(x: Tensor, y: Tensor) -> Tensor:
    return (x.unsqueeze(-2) - y.unsqueeze(-3)).square().sum(-1)
