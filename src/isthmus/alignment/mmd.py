"""Maximum mean discrepancy with Gaussian kernels (Gretton et al. 2012)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from isthmus.densities.samples import same_width
from isthmus.errors import InputError

Estimator = Literal["biased", "unbiased", "linear"]

BLOCK = 2**17
"""Kernel values held at a time: 1 MB, so that they stay in the cache."""

SMALLEST_EXPONENT = -700.0
"""Below, exp leaves the normal floats, and gets slow; e^-700 is 1e-304."""

MEDIAN_OF = 2000
"""Most points whose distances the median rule looks at."""


def squared_mmd(
    a: Tensor,
    b: Tensor,
    *,
    width: float | Sequence[float],
    estimator: Estimator = "biased",
) -> Tensor:
    """Squared maximum mean discrepancy of two samples.

        MMD^2 = E k(a, a') + E k(b, b') - 2 E k(a, b),   k(x, y) = exp(-|x - y|^2 / (2 width^2)),

    and where several widths are given, k is the sum of their kernels. The estimators of Gretton et
    al. 2012: "biased" (equation 5) averages over all pairs and is never negative; "unbiased"
    (equation 3) leaves out the pairs of a sample with itself, and can be negative; "linear"
    (section 6) averages over disjoint pairs of samples, in linear time. Between N(0, s^2 I) and
    N(d, s^2 I) in D dimensions, MMD^2 = 2 r^(D/2) (1 - exp(-r |d|^2 / (2 width^2))) with
    r = width^2 / (width^2 + 2 s^2).

    The first two take quadratic time and linear memory, with the gradient: kernel values are made
    block by block, in float64, and not kept. They can be differentiated once.

    Args:
        a: Samples of A, of shape `(*members, N_A, D)`.
        b: Samples of B, of shape `(*members, N_B, D)`, or `(N_B, D)` shared by all members.
        width: Width of the kernel, or the widths of several, in the unit of the features.
        estimator: Which estimator; see above.

    Returns:
        The estimate, of shape `members`, without unit: with the biased estimator between 0 (the
        same samples) and twice the number of widths. Differentiable in the samples.

    Raises:
        InputError: A width is not positive, or the samples do not fit each other or the estimator.
    """
    widths = [float(w) for w in ([width] if isinstance(width, int | float) else width)]
    if not widths or not all(0 < w < float("inf") for w in widths):
        raise InputError("width", f"is {width}", mend="give positive numbers")
    same_width(a, b)
    _check_counts(a.shape[-2], b.shape[-2], estimator)
    b = b.expand(*a.shape[:-2], *b.shape[-2:])
    if estimator == "linear":
        return _linear(a, b, widths)
    return _AllPairs.apply(a, b, widths, estimator == "unbiased")


def median_width(a: Tensor, b: Tensor) -> float:
    """The median rule for the width of a kernel: the median distance of two points of A and B.

    Of more than 2,000 points of both, evenly spaced ones are looked at.

    Args:
        a: Samples of A, of shape `(N_A, D)`.
        b: Samples of B, of shape `(N_B, D)`.

    Returns:
        The width, in the unit of the features: a constant, not differentiated.

    Raises:
        InputError: The samples differ in width, or most of them are the same.
    """
    same_width(a, b)
    pooled = torch.cat([a, b]).detach()
    median = float(torch.pdist(pooled[:: -(-len(pooled) // MEDIAN_OF)]).median())
    if median == 0:
        raise InputError("a, b", "have the median distance 0", mend="choose a width yourself")
    return median


def _check_counts(count_a: int, count_b: int, estimator: Estimator) -> None:
    if min(count_a, count_b) < (1 if estimator == "biased" else 2):
        raise InputError("a, b", f"have {count_a} and {count_b} samples", mend="give more")
    if estimator == "linear" and count_a != count_b:
        raise InputError(
            "a, b",
            f"have {count_a} and {count_b} samples, which cannot be paired",
            mend="give as many samples of A as of B, or use another estimator",
        )


def _linear(a: Tensor, b: Tensor, widths: Sequence[float]) -> Tensor:
    pairs = a.shape[-2] // 2
    a1, a2, b1, b2 = (x[..., i : 2 * pairs : 2, :] for x in (a, b) for i in (0, 1))
    total = a.new_zeros(a.shape[:-2])
    for width in widths:
        for sign, x, y in ((1, a1, a2), (1, b1, b2), (-1, a1, b2), (-1, a2, b1)):
            kernel = ((x - y).square().sum(-1) / (-2 * width**2)).exp()
            total = total + sign * kernel.mean(-1)
    return total


class _AllPairs(torch.autograd.Function):
    """The estimators that look at all pairs; the gradient is made along with the value."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor, widths: Sequence[float], unbiased: bool) -> Tensor:
        members, n, m = a.shape[:-2], a.shape[-2], b.shape[-2]
        centre = b.double().mean(-2, keepdim=True)  # numbers near 0 are the most exact
        x, y = ((points.double() - centre).reshape(-1, *points.shape[-2:]) for points in (a, b))
        left_out = int(unbiased)
        within_a, within_b, between = (
            1 / (n * (n - left_out)),
            1 / (m * (m - left_out)),
            2 / (n * m),
        )
        constant = -left_out * len(widths) * (n * within_a + m * within_b)
        value = x.new_full((len(x),), constant)
        gradients: list[Tensor | None] = [None, None]
        for width in widths:
            sums_aa, pull_aa = _kernel(x, x, width)
            sums_bb, pull_bb = _kernel(y, y, width)
            sums_ab, pull_ab = _kernel(x, y, width)
            value = value + within_a * sums_aa + within_b * sums_bb - between * sums_ab
            if ctx.needs_input_grad[0]:
                pull = 2 * within_a * pull_aa - between * pull_ab
                gradients[0] = pull if gradients[0] is None else gradients[0] + pull
            if ctx.needs_input_grad[1]:
                pull = 2 * within_b * pull_bb - between * _kernel(y, x, width)[1]
                gradients[1] = pull if gradients[1] is None else gradients[1] + pull
        ctx.gradients = [
            None if pull is None else pull.view(points.shape).to(points)
            for pull, points in zip(gradients, (a, b), strict=True)
        ]
        return value.view(members).to(a)

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        each = upstream[..., None, None]
        return *(None if pull is None else each * pull for pull in ctx.gradients), None, None


def _kernel(x: Tensor, y: Tensor, width: float) -> tuple[Tensor, Tensor]:
    """Sum of k over all pairs, and the gradient of that sum in x where y stands still.

    Both come from one product: k (y, 1) = (k y, k 1), and the gradient in x is
    (k y - x * k 1) / width^2. The exponents are a product as well,
    -|x - y|^2 / 2 = (x, -|x|^2 / 2, 1) (y, 1, -|y|^2 / 2).

    Args:
        x: Points `(E, N, D)`.
        y: Points `(E, M, D)`.
        width: Of the kernel.

    Returns:
        Of shape `(E,)` and `(E, N, D)`.
    """
    x_one, y_one = (torch.ones_like(points[..., :1]) for points in (x, y))
    x_norm, y_norm = ((z / width).square().sum(-1, keepdim=True) / -2 for z in (x, y))
    left = torch.cat([x / width, x_norm, x_one], -1)
    right = torch.cat([y / width, y_one, y_norm], -1).mT
    values = torch.cat([y, y_one], -1)
    products = [
        torch.bmm(torch.bmm(rows, right).clamp_(min=SMALLEST_EXPONENT).exp_(), values)
        for rows in left.split(max(1, BLOCK // right[:, 0].numel()), -2)
    ]
    weighted, sums = torch.cat(products, -2).split([x.shape[-1], 1], -1)
    return sums.sum((-2, -1)), (weighted - x * sums) / width**2
