"""A cloud in the plane aligned by the linear min-max, the linear dual and the kernel dual."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from math import pi
from pathlib import Path

import numpy as np
import torch
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from torch import Tensor

from isthmus.alignment.dual import (
    dual_objective,
    gaussian_kernel,
    linear_kernel,
    primal_objective,
    project,
)
from isthmus.metrics.moments import covariance_distance, mean_distance
from isthmus.report.figures import BLUE, ORANGE

KEPT = 101
"""Clouds kept of a run, evenly spaced."""

VANISHED = 1e-13
"""Length of a weight, as a share of the longest of its path, below which it is mostly rounding."""

UNDECIDED = 1e-9
"""Log-odds, in absolute value, below which a point counts half for either side."""

ROUNDING = 1e-12
"""Relative rise of the objective that counts as rounding."""


@dataclass(frozen=True)
class Run:
    """What was seen of an alignment, before the first step and after each of T.

    Attributes:
        objective: In nats, of shape `(T + 1, *members)`.
        weight: Mean gradient of the discriminator's log-odds over the points of B, which is the
            weight of a linear one, of shape `(T + 1, *members, 2)`.
        accuracy: Share of the points of both clouds on their side of the discriminator, in [0, 1],
            of shape `(T + 1, *members)`.
        half_distance: Largest distance of a point's probability to be of A from 1/2 at the end, in
            [0, 1/2], of shape `members`.
        clouds: The moved points of B, of shape `(kept, *members, N, 2)`.
        clouds_at: The number of steps before each of them, of shape `(kept,)`.
    """

    objective: Tensor
    weight: Tensor
    accuracy: Tensor
    half_distance: Tensor
    clouds: Tensor
    clouds_at: Tensor

    def turns(self) -> Tensor:
        """Full turns of the direction of the weight, clockwise less anticlockwise, at least 0."""
        angle = torch.atan2(self.weight[..., 1], self.weight[..., 0])
        change = torch.remainder(angle.diff(dim=0) + pi, 2 * pi) - pi
        length = self.weight.norm(dim=-1)
        seen = length > VANISHED * length.amax(0)
        return (change * (seen[1:] & seen[:-1])).sum(0).abs() / (2 * pi)

    def rising_steps(self) -> Tensor:
        """Share of the steps that raise the objective by more than rounding."""
        rise = self.objective.diff(dim=0)
        return (rise > ROUNDING * self.objective[:-1].abs()).double().mean(0)

    def distances(self, a: Tensor) -> tuple[Tensor, Tensor]:
        """Distance of means and relative distance of covariances from A, `(kept, *members)`."""
        target = a.expand(self.clouds.shape).numpy()
        found = torch.empty(2, *self.clouds.shape[:-2], dtype=a.dtype)
        for index in np.ndindex(self.clouds.shape[:-2]):
            pair = self.clouds[index].numpy(), target[index]
            found[0, *index], found[1, *index] = mean_distance(*pair), covariance_distance(*pair)
        return found[0], found[1]


class _Record:
    """Collects a `Run` step by step."""

    def __init__(self, steps: int) -> None:
        self.clouds_at = torch.linspace(0, steps, min(KEPT, steps + 1)).long()
        self._due = set(self.clouds_at.tolist())
        self._seen: list[tuple[Tensor, Tensor, Tensor]] = []
        self._clouds: list[Tensor] = []

    def add(
        self, objective: Tensor, weight: Tensor, score_a: Tensor, score_b: Tensor, moved: Tensor
    ) -> None:
        """Note a state; the scores are the log-odds that the points of A, of B, are of A."""
        margins = torch.cat([score_a, -score_b], -1)
        accuracy = (margins.sign() * (margins.abs() > UNDECIDED) + 1).mean(-1) / 2
        if len(self._seen) in self._due:
            self._clouds.append(moved)
        self._seen.append((objective, weight, accuracy))

    def finish(self, half_distance: Tensor) -> Run:
        objective, weight, accuracy = (torch.stack(seen) for seen in zip(*self._seen, strict=True))
        clouds = torch.stack(self._clouds)
        return Run(objective, weight, accuracy, half_distance, clouds, self.clouds_at)


def min_max(
    a: Tensor,
    b: Tensor,
    *,
    steps: int,
    step: float,
    point_step: float | Tensor,
    regulariser: float,
) -> Run:
    """Move B by simultaneous gradient descent-ascent on `primal_objective`.

    The discriminator climbs, the points descend; it starts at 0.

    Args:
        a: Points of A `(*members, N, 2)`.
        b: Points of B at the start, of the same shape.
        steps: T.
        step: Step of the discriminator.
        point_step: Step of the points, or one a member, of shape `(*members, 1, 1)`.
        regulariser: lambda.
    """
    record = _Record(steps)
    weight, bias, moved = torch.zeros_like(b[..., 0, :]), torch.zeros_like(b[..., 0, 0]), b
    for number in range(steps + 1):
        variables = w, c, x = [v.detach().requires_grad_() for v in (weight, bias, moved)]
        objective = primal_objective(w, c, a, x, regulariser)
        climb, climb_bias, slope = torch.autograd.grad(objective.sum(), variables)
        score_a, score_b = (
            (z @ weight.unsqueeze(-1)).squeeze(-1) + bias.unsqueeze(-1) for z in (a, moved)
        )
        record.add(objective.detach(), weight, score_a, score_b, moved)
        if number < steps:
            weight, bias = weight + step * climb, bias + step * climb_bias
            moved = moved - point_step * slope
    odds = torch.cat([score_a, score_b], -1)
    return record.finish((odds.sigmoid() - 0.5).abs().amax(-1))


def min_min(
    a: Tensor,
    b: Tensor,
    *,
    steps: int,
    step: float,
    point_step: float | Tensor,
    regulariser: float,
    width: float | None = None,
) -> Run:
    """Move B by joint projected gradient descent on `dual_objective`, over alpha and the points.

    Every alpha starts at 1/2. The discriminator is read from the gradients: that in alpha is a
    point's signed log-odds plus logit alpha, that in a point of B is -alpha times the gradient of
    the log-odds there. Near the end a step multiplies the distance of the means by
    1 - point_step N / (4 lambda) where the kernel is linear: above 4 lambda / N it overshoots,
    above 8 lambda / N it does not settle.

    Args:
        a: Points of A `(*members, N, 2)`.
        b: Points of B at the start, of the same shape.
        steps: T.
        step: Step of alpha.
        point_step: Step of the points, or one a member, of shape `(*members, 1, 1)`.
        regulariser: lambda.
        width: Width of the Gaussian kernel, or None for the linear one.
    """
    record = _Record(steps)
    kernel = linear_kernel if width is None else partial(gaussian_kernel, width=width)
    k_aa = kernel(a, a)
    alpha_a, alpha_b, moved = torch.full_like(a[..., 0], 0.5), torch.full_like(b[..., 0], 0.5), b
    for number in range(steps + 1):
        variables = in_a, in_b, x = [v.detach().requires_grad_() for v in (alpha_a, alpha_b, moved)]
        objective = dual_objective(in_a, in_b, k_aa, kernel(x, x), kernel(a, x), regulariser)
        slope_a, slope_b, slope = torch.autograd.grad(objective.sum(), variables)
        weight = -(slope / alpha_b.unsqueeze(-1)).mean(-2)
        score_a, score_b = slope_a - alpha_a.logit(), alpha_b.logit() - slope_b
        bias = _bias(torch.cat([alpha_a, alpha_b], -1), torch.cat([-slope_a, slope_b], -1))
        record.add(objective.detach(), weight, score_a + bias, score_b + bias, moved)
        if number < steps:
            alpha_a, alpha_b = project(alpha_a - step * slope_a, alpha_b - step * slope_b)
            moved = moved - point_step * slope
    return record.finish((torch.cat([alpha_a, alpha_b], -1) - 0.5).abs().amax(-1))


def _bias(alpha: Tensor, of_each: Tensor) -> Tensor:
    """The bias that fits all points best: its estimates weighted by the curvature there."""
    weights = alpha * (1 - alpha)
    return ((weights * of_each).sum(-1) / weights.sum(-1)).unsqueeze(-1)


def draw(a: Tensor, runs: Mapping[str, Run], path: Path) -> None:
    """One column a method: path of the weight, accuracy, distances of the moments, final clouds.

    The path and the clouds are those of the first member, the curves those of all.

    Args:
        a: Points of A `(members, N, 2)`.
        runs: By the title of the column.
        path: Where to write.
    """
    figure, grid = plt.subplots(
        4, len(runs), figsize=(3.2 * len(runs), 11), layout="constrained", squeeze=False
    )
    for column, (title, run) in zip(grid.T, runs.items(), strict=True):
        column[0].set_title(title)
        _draw_path(column[0], run.weight[:, 0])
        column[1].plot(run.accuracy.numpy(), color=BLUE, linewidth=0.6)
        column[1].set(xlabel="step", ylabel="accuracy of the discriminator", ylim=(0, 1.02))
        column[1].axhline(0.5, color="0.6", linewidth=0.6)
        mean, covariance = run.distances(a)
        for values, name, colour in (
            (mean, "means (unit of the points)", BLUE),
            (covariance, "covariances (relative)", ORANGE),
        ):
            lines = column[2].plot(run.clouds_at, values.numpy(), color=colour, linewidth=0.8)
            lines[0].set_label(name)
        column[2].set(xlabel="step", ylabel="distance from A", yscale="log", ylim=(1e-6, 30))
        column[2].legend(fontsize=7, loc="lower left")
        for cloud, name, colour in ((a[0], "A", BLUE), (run.clouds[-1, 0], "B, moved", ORANGE)):
            column[3].scatter(*cloud.T.numpy(), s=9, color=colour, label=name, linewidths=0)
        column[3].set(xlabel="x", ylabel="y", aspect="equal")
        column[3].legend(fontsize=7)
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)


def _draw_path(axes: Axes, weight: Tensor) -> None:
    """The path of a weight, its length in decades above rounding, so that small turns show."""
    length = weight.norm(dim=-1, keepdim=True)
    shortest = VANISHED * length.max()
    spiral = weight / length.clamp(min=shortest) * (length / shortest).clamp(min=1).log10()
    axes.plot(*spiral.T.numpy(), color=BLUE, linewidth=0.6)
    axes.plot(0, 0, "+", color="0.4")
    limits = (-14, 14)
    axes.set(xlabel="w1 (decades of length)", ylabel="w2 (decades of length)")
    axes.set(xlim=limits, ylim=limits, aspect="equal")
