"""The adversarial distance with a logistic discriminator, and its dual (Usman et al. 2018)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import log
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from isthmus.alignment.mmd import median_width
from isthmus.densities.samples import as_points, same_width
from isthmus.errors import InputError

Kernel = Callable[[Tensor, Tensor], Tensor]

MARGIN = 1e-12
"""How far `project` keeps alpha from 0 and 1, where the slope of H is infinite."""

TOLERANCE = 1e-13
"""Duality gap at which a distance is solved, in nats a point."""

MOST_STEPS = 200
"""Newton steps before a problem is given up."""


def linear_kernel(x: Tensor, y: Tensor) -> Tensor:
    """k(x, y) = x.y, of shape `(..., N, M)`, for points `(..., N, D)` and `(..., M, D)`."""
    return x @ y.mT


def gaussian_kernel(x: Tensor, y: Tensor, width: float | Tensor) -> Tensor:
    """k(x, y) = exp(-|x - y|^2 / (2 width^2)), in (0, 1], differentiable in the points.

    Args:
        x: Points `(..., N, D)`.
        y: Points `(..., M, D)`.
        width: In the unit of the features; positive, and of a shape `(..., 1, 1)` if a tensor.

    Returns:
        The kernel matrix, of shape `(..., N, M)`.
    """
    distance = torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")
    return (distance.square() / (-2 * width**2)).exp()


def primal_objective(
    weight: Tensor, bias: Tensor, a: Tensor, b: Tensor, regulariser: float
) -> Tensor:
    """Regularised log-likelihood of a linear logistic discriminator of A against B.

        sum_A log s(w.x + c) + sum_B log(1 - s(w.x + c)) - (lambda / 2) w.w,   s(u) = 1 / (1 + e^-u).

    Args:
        weight: w, of shape `(..., D)`.
        bias: c, of shape `(...)`.
        a: Points of A `(..., N_A, D)`.
        b: Points of B `(..., N_B, D)`.
        regulariser: lambda.

    Returns:
        The value in nats, of shape `(...)`: at most 0, concave in w and c, differentiable in all.
    """
    score_a, score_b = ((x @ weight.unsqueeze(-1)).squeeze(-1) + bias.unsqueeze(-1) for x in (a, b))
    likelihood = logsigmoid(score_a).sum(-1) + logsigmoid(-score_b).sum(-1)
    return likelihood - regulariser / 2 * weight.square().sum(-1)


def dual_objective(
    alpha_a: Tensor,
    alpha_b: Tensor,
    k_aa: Tensor,
    k_bb: Tensor,
    k_ab: Tensor,
    regulariser: float,
) -> Tensor:
    """The dual of the logistic discriminator, to be minimised over alpha and over the points.

        (aA' K_AA aA + aB' K_BB aB - 2 aA' K_AB aB) / (2 lambda) + H(aA) + H(aB),
        H(a) = sum_i a_i log a_i + (1 - a_i) log(1 - a_i),   sum aA = sum aB,

    as in Usman, Saenko, Kulis (arXiv 1707.04046), with lambda in front instead of in the
    box. Its minimum over alpha is the maximum of `primal_objective` where the kernel is linear.
    Where every alpha is 1/2 and both sets have n points, it is n^2 / (8 lambda) times the biased
    squared MMD, minus 2 n log 2.

    Args:
        alpha_a: Weights of the points of A, in [0, 1], of shape `(..., N_A)`.
        alpha_b: Weights of the points of B, in [0, 1], of shape `(..., N_B)`.
        k_aa: Kernel within A, of shape `(..., N_A, N_A)`.
        k_bb: Kernel within B, of shape `(..., N_B, N_B)`.
        k_ab: Kernel between A and B, of shape `(..., N_A, N_B)`.
        regulariser: lambda.

    Returns:
        The value in nats, of shape `(...)`: at least -(N_A + N_B) log 2, convex in alpha,
        differentiable in the kernels and, inside the box, in alpha.
    """
    squares = _form(alpha_a, k_aa, alpha_a) + _form(alpha_b, k_bb, alpha_b)
    quadratic = squares - 2 * _form(alpha_a, k_ab, alpha_b)
    return quadratic / (2 * regulariser) - _entropy(alpha_a) - _entropy(alpha_b)


def project(alpha_a: Tensor, alpha_b: Tensor) -> tuple[Tensor, Tensor]:
    """The nearest weights in the box [1e-12, 1 - 1e-12] with sum alpha_a = sum alpha_b.

    They are clip(alpha_a - m) and clip(alpha_b + m). The difference of the two sums falls in m and
    is linear between the 2 (N_A + N_B) breakpoints at which a weight enters or leaves its box, so
    that m is found by sorting those: exactly, with no iteration.

    Args:
        alpha_a: Of shape `(..., N_A)`.
        alpha_b: Of shape `(..., N_B)`.

    Returns:
        The two projections.
    """
    signed = torch.cat([alpha_a, -alpha_b], -1)
    lower = torch.cat([torch.full_like(alpha_a, MARGIN), torch.full_like(alpha_b, MARGIN - 1)], -1)
    upper = torch.cat([torch.full_like(alpha_a, 1 - MARGIN), torch.full_like(alpha_b, -MARGIN)], -1)
    breakpoints, order = torch.cat([signed - upper, signed - lower], -1).sort(-1)
    turns = torch.cat([-torch.ones_like(signed), torch.ones_like(signed)], -1)
    slopes = turns.gather(-1, order).cumsum(-1)[..., :-1]
    falls = (slopes * breakpoints.diff(dim=-1)).cumsum(-1)
    sums = upper.sum(-1, keepdim=True) + torch.cat([torch.zeros_like(falls[..., :1]), falls], -1)
    last = ((sums[..., :-1] >= 0).sum(-1, keepdim=True) - 1).clamp(min=0)
    start, excess, slope = (x.gather(-1, last) for x in (breakpoints, sums, slopes))
    multiplier = start - torch.where(slope < 0, excess / slope, torch.zeros_like(slope))
    fitted = (signed - multiplier).maximum(lower).minimum(upper)
    return fitted[..., : alpha_a.shape[-1]], -fitted[..., alpha_a.shape[-1] :]


@dataclass(frozen=True)
class PrimalResult:
    """A solved `primal_distance`.

    Attributes:
        value: The distance in nats, of shape `members`, differentiable in the points.
        weight: Weight of the best discriminator, of shape `(*members, D)`.
        bias: Its bias, of shape `members`.
        steps: Newton steps taken.
    """

    value: Tensor
    weight: Tensor
    bias: Tensor
    steps: int


@dataclass(frozen=True)
class DualResult:
    """A solved `dual_distance`.

    Attributes:
        value: The distance in nats, of shape `members`, differentiable in the points.
        alpha_a: Weights of the points of A: the probability that the discriminator gives to the
            wrong side, of shape `(*members, N_A)`.
        alpha_b: The same of B, of shape `(*members, N_B)`.
        residual: |sum alpha_a - sum alpha_b|, of shape `members`.
        gap: Distance of `value` from the primal value of this discriminator, in nats, of shape
            `members`: how far from solved the problem is at most.
        bias: Bias of the discriminator, of shape `members`.
        steps: Newton steps taken.
        support: The points of A, then those of B, of shape `(*members, N_A + N_B, D)`.
        coefficients: Their coefficients in the discriminator, of shape `(*members, N_A + N_B)`.
        kernel: The kernel.
    """

    value: Tensor
    alpha_a: Tensor
    alpha_b: Tensor
    residual: Tensor
    gap: Tensor
    bias: Tensor
    steps: int
    support: Tensor
    coefficients: Tensor
    kernel: Kernel

    def discriminator(self, x: Tensor) -> Tensor:
        """Log-odds that points are of A: (1 / lambda) sum_j y_j alpha_j k(x, x_j) + bias.

        Args:
            x: Points `(*members, M, D)`.

        Returns:
            Of shape `(*members, M)`, differentiable in x.
        """
        scores = self.kernel(x.double(), self.support) @ self.coefficients.unsqueeze(-1)
        return scores.squeeze(-1) + self.bias.unsqueeze(-1)


def primal_distance(a: Tensor, b: Tensor, *, regulariser: float = 1.0) -> PrimalResult:
    """Adversarial distance with the best linear logistic discriminator, found by Newton's method.

        d(A, B) = max over w, c of sum_A log s(w.x + c) + sum_B log(1 - s(w.x + c)) - (lambda/2) w.w

    Usman, Saenko, Kulis (arXiv 1707.04046). The gradient in the points is that of the
    objective at the best discriminator, which is kept fixed (Danskin).

    Args:
        a: Points of A, of shape `(*members, N_A, D)`.
        b: Points of B, of shape `(*members, N_B, D)`.
        regulariser: lambda, positive.

    Returns:
        The result, in float64: its value lies between -(N_A + N_B) log 2 (for N_A = N_B:
        indistinguishable) and 0 (separable).

    Raises:
        InputError: The points cannot be used, or the regulariser is not positive or too small.
    """
    a, b = _checked(a, b, regulariser)
    x, signs = torch.cat([a, b], -2).detach(), _signs(a, b)
    x = torch.cat([x, torch.ones_like(x[..., :1])], -1)
    penalty = torch.full_like(x[..., 0, :], regulariser)
    penalty[..., -1] = 0  # the bias is free

    def loss(theta: Tensor) -> Tensor:
        margins = signs * _times(x, theta)
        return (penalty * theta.square()).sum(-1) / 2 - logsigmoid(margins).sum(-1)

    theta = torch.zeros_like(penalty)
    theta[..., -1] = log(a.shape[-2] / b.shape[-2])
    for step in range(MOST_STEPS):
        wrong = torch.sigmoid(-signs * _times(x, theta))
        gradient = penalty * theta - _times(x.mT, signs * wrong)
        curvature = (x.mT * (wrong * (1 - wrong)).unsqueeze(-2)) @ x + penalty.diag_embed()
        direction = -torch.linalg.solve(curvature, gradient)
        slope = (gradient * direction).sum(-1)
        if bool((-slope <= TOLERANCE * x.shape[-2]).all()):
            weight, bias = theta[..., :-1], theta[..., -1]
            value = primal_objective(weight, bias, a, b, regulariser)
            return PrimalResult(value, weight, bias, step)
        theta = _line_search(loss, theta, direction, slope)
    raise _unsolved(regulariser)


def dual_distance(
    a: Tensor,
    b: Tensor,
    *,
    regulariser: float = 1.0,
    width: float | Literal["median"] | None = None,
) -> DualResult:
    """Adversarial distance with the best logistic discriminator, found in the dual.

        d(A, B) = min over alpha of `dual_objective`,   0 <= alpha <= 1,   sum aA = sum aB,

    Usman, Saenko, Kulis (arXiv 1707.04046). Aligning by it is one minimisation, over
    alpha and the points. It is solved by Newton's method inside the box, on the plane of the
    equality, until the duality gap is below 1e-13 nats a point. One step costs the Cholesky
    factor of an (N_A + N_B)^2 matrix. The gradient in the points is that of the objective at the
    best alpha, which is kept fixed (Danskin).

    Args:
        a: Points of A, of shape `(*members, N_A, D)`.
        b: Points of B, of shape `(*members, N_B, D)`.
        regulariser: lambda, positive.
        width: Width of the Gaussian kernel in the unit of the features, or "median" for the median
            distance of two points; None for the linear kernel.

    Returns:
        The result, in float64: its value lies between -(N_A + N_B) log 2 (for N_A = N_B:
        indistinguishable) and 0 (separable).

    Raises:
        InputError: The points cannot be used, or a setting is not positive or lambda too small.
    """
    a, b = _checked(a, b, regulariser)
    kernel = _kernel(a, b, width)
    signs = _signs(a, b)
    k_aa, k_bb, k_ab = kernel(a, a), kernel(b, b), kernel(a, b)
    alpha, bias, gap, steps = _solve(
        k_aa.detach(), k_bb.detach(), k_ab.detach(), signs, regulariser
    )
    alpha_a, alpha_b = alpha.split([a.shape[-2], b.shape[-2]], -1)
    return DualResult(
        value=dual_objective(alpha_a, alpha_b, k_aa, k_bb, k_ab, regulariser),
        alpha_a=alpha_a,
        alpha_b=alpha_b,
        residual=(alpha_a.sum(-1) - alpha_b.sum(-1)).abs(),
        gap=gap,
        bias=bias,
        steps=steps,
        support=torch.cat([a, b], -2).detach(),
        coefficients=signs * alpha / regulariser,
        kernel=kernel,
    )


def _solve(
    k_aa: Tensor, k_bb: Tensor, k_ab: Tensor, signs: Tensor, regulariser: float
) -> tuple[Tensor, Tensor, Tensor, int]:
    """The best alpha `(*members, N_A + N_B)`, the bias, the duality gap and the number of steps.

    With S = sqrt(alpha (1 - alpha)), the Hessian is S^-1 (I + S Q S / lambda) S^-1: the matrix
    between is never near singular, however near to the edge of the box alpha comes.
    """
    k = torch.cat([torch.cat([k_aa, k_ab], -1), torch.cat([k_ab.mT, k_bb], -1)], -2)
    q = signs.unsqueeze(-1) * k * signs / regulariser
    count_a, count_b = k_ab.shape[-2:]

    def objective(alpha: Tensor) -> Tensor:
        return _form(alpha, q, alpha) / 2 - _entropy(alpha)

    balanced = (1 - signs * (count_a - count_b) / (count_a + count_b)) / 2  # the best if k = 0
    alpha = balanced.expand(k.shape[:-1])
    for step in range(MOST_STEPS):
        pull = _times(q, alpha)
        gradient = pull + alpha.logit()
        scale = (alpha * (1 - alpha)).sqrt()
        factor = torch.linalg.cholesky(
            _plus_identity(scale.unsqueeze(-1) * q * scale.unsqueeze(-2))
        )
        right = torch.stack([scale * gradient, scale * signs], -1)
        newton, across = (scale.unsqueeze(-1) * torch.cholesky_solve(right, factor)).unbind(-1)
        bias = -(signs * newton).sum(-1) / (signs * across).sum(-1)
        direction = -newton - bias.unsqueeze(-1) * across
        gap = _fenchel_gap(alpha, pull + signs * bias.unsqueeze(-1))
        if bool((gap <= TOLERANCE * alpha.shape[-1]).all()):
            return alpha, bias, gap, step
        direction = direction * _room(alpha, direction).unsqueeze(-1)
        alpha = _line_search(objective, alpha, direction, (gradient * direction).sum(-1))
    raise _unsolved(regulariser)


def _fenchel_gap(alpha: Tensor, margins: Tensor) -> Tensor:
    """Sum of KL(alpha_i || s(-margin_i)): the duality gap where alpha keeps the equality."""
    return (alpha * margins - logsigmoid(margins)).sum(-1) - _entropy(alpha)


def _room(alpha: Tensor, direction: Tensor) -> Tensor:
    """The largest step, of at most 1, that goes 99 % of the way to the edge of the box."""
    edge = torch.where(direction > 0, 1 - alpha, -alpha) / direction
    return (0.99 * edge.where(direction != 0, torch.inf).amin(-1)).clamp(max=1)


def _line_search(
    objective: Callable[[Tensor], Tensor], x: Tensor, direction: Tensor, slope: Tensor
) -> Tensor:
    """Halve the step of each member until its objective falls (Armijo), up to rounding."""
    value, rate = objective(x), torch.ones_like(slope)
    rounding = 1e-14 * (value.abs() + x.shape[-1])
    while True:
        moved = x + rate.unsqueeze(-1) * direction
        high = objective(moved) > value + 1e-4 * rate * slope + rounding
        if not bool(high.any()):
            return moved
        rate = torch.where(high, rate / 2, rate)


def _checked(a: Tensor, b: Tensor, regulariser: float) -> tuple[Tensor, Tensor]:
    if not 0 < regulariser < float("inf"):
        raise InputError("regulariser", f"is {regulariser}", mend="give a positive number")
    a = as_points(a, "a", tuple(a.shape[:-2])).double()
    b = as_points(b, "b", tuple(a.shape[:-2])).double()
    same_width(a, b)
    return a, b.expand(*a.shape[:-2], *b.shape[-2:])


def _kernel(a: Tensor, b: Tensor, width: float | Literal["median"] | None) -> Kernel:
    if width is None:
        return linear_kernel
    if width == "median":
        pairs = zip(a.flatten(0, -3), b.flatten(0, -3), strict=True) if a.dim() > 2 else [(a, b)]
        widths = a.new_tensor([median_width(x, y) for x, y in pairs])
        widths = widths.view(*a.shape[:-2], 1, 1)
    else:
        widths = a.new_tensor(width)
    if not bool(((widths > 0) & widths.isfinite()).all()):
        raise InputError("width", f"is {width}", mend="give a positive number")
    return lambda x, y: gaussian_kernel(x, y, widths)


def _signs(a: Tensor, b: Tensor) -> Tensor:
    return torch.cat([a.new_ones(a.shape[-2]), -b.new_ones(b.shape[-2])])


def _entropy(alpha: Tensor) -> Tensor:
    return (torch.special.entr(alpha) + torch.special.entr(1 - alpha)).sum(-1)


def _times(matrix: Tensor, vector: Tensor) -> Tensor:
    return (matrix @ vector.unsqueeze(-1)).squeeze(-1)


def _form(left: Tensor, matrix: Tensor, right: Tensor) -> Tensor:
    return (left * _times(matrix, right)).sum(-1)


def _plus_identity(matrix: Tensor) -> Tensor:
    matrix.diagonal(dim1=-2, dim2=-1).add_(1)
    return matrix


def _unsolved(regulariser: float) -> InputError:
    return InputError(
        "regulariser",
        f"of {regulariser} leaves the discriminator unsolved after {MOST_STEPS} steps",
        mend="give a larger one, or standardise the features",
    )
