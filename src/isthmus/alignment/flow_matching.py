"""OT-CFM: flow matching along the pairs of a mini-batch transport plan (Tong et al. 2024)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

import torch
from scipy.optimize import linear_sum_assignment
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from isthmus.densities.descent import Descent, descend, minibatches
from isthmus.densities.interface import per_member
from isthmus.densities.samples import as_points, as_samples, same_width
from isthmus.densities.seeds import Seeds
from isthmus.networks.ensemble import EnsembleMLP


def paired(a: Tensor, b: Tensor) -> Tensor:
    """B in the order of the transport plan: row i is what a_i is sent to.

    The plan is the permutation of least mean |a_i - b_j|^2.

    Args:
        a: Samples of A, of shape `(*members, N, D)`.
        b: As many samples of B, likewise.

    Returns:
        B, of shape `(*members, N, D)`; not differentiated.
    """
    x, y = (points.detach().reshape(-1, *points.shape[-2:]) for points in (a, b))
    costs = torch.cdist(x, y).square().numpy()
    order = torch.stack([torch.from_numpy(linear_sum_assignment(cost)[1]) for cost in costs])
    return y.take_along_dim(order.unsqueeze(-1), 1).view(b.shape)


def flow_matching_loss(
    velocity: Callable[[Tensor, Tensor], Tensor], a: Tensor, b: Tensor, time: Tensor
) -> Tensor:
    """Mean |v((1 - t) a + t b, t) - (b - a)|^2 (Lipman et al. 2023; Tong et al. 2024, equation 14).

    Args:
        velocity: v, from points `(*members, N, D)` and times `(*members, N, 1)` to velocities.
        a: Samples of A, of shape `(*members, N, D)`.
        b: The samples of B they are paired with, likewise.
        time: t in [0, 1], of shape `(*members, N, 1)`.

    Returns:
        The loss, of shape `members`. Differentiable in the parameters of v.
    """
    return (velocity(torch.lerp(a, b, time), time) - (b - a)).square().sum(-1).mean(-1)


class FlowMatching(BaseEstimator):
    """A velocity field that carries A to B in unit time, straight along a transport plan.

    Args:
        steps: Steps of Adam.
        batch_size: Samples of each set in a step, paired within the step.
        learning_rate: Adam's step size at the start; it falls to zero along half a cosine.
        hidden: Widths of the hidden layers of the velocity field.
        resolution: Steps of the Runge-Kutta method of order four that integrates the field.
        seeds: An integer for a single model; one seed a member for an ensemble `(E,)`.

    Attributes:
        flow_: The velocity field after `fit`.
        result_: `Descent` of `fit`.
    """

    def __init__(
        self,
        *,
        steps: int = 3000,
        batch_size: int = 128,
        learning_rate: float = 2e-3,
        hidden: Sequence[int] = (64, 64),
        resolution: int = 50,
        seeds: int | Sequence[int] = 0,
    ) -> None:
        self.steps = steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.hidden = hidden
        self.resolution = resolution
        self.seeds = seeds

    def fit(self, a: Any, b: Any, *, on_step: Callable[[int, Tensor], None] | None = None) -> Self:
        """Train the velocity field.

        Args:
            a: Samples of A, of shape `(N_A, D)`, in a unit in which B has about unit scale.
            b: Samples of B, likewise.
            on_step: Called after each step with its number and the loss of each member.

        Raises:
            InputError: Samples cannot be used.
        """
        seeds = Seeds.of(self.seeds)
        a, b = as_samples(a, "a", seeds.members), as_samples(b, "b", seeds.members)
        width = same_width(a, b)
        size = min(self.batch_size, a.shape[-2], b.shape[-2])
        batches_a = minibatches(a.float(), size, seeds, "a")
        batches_b = minibatches(b.float(), size, seeds, "b")
        self.flow_: nn.Module = EnsembleMLP((width + 1, *self.hidden, width), self.seeds)
        generators = seeds.generators("time")

        def loss() -> Tensor:
            x, y = next(batches_a), next(batches_b)
            drawn = torch.stack([torch.rand(size, 1, generator=g) for g in generators])
            time = drawn.view(*seeds.members, size, 1)
            return flow_matching_loss(self._velocity, x, paired(x, y), time)

        self.result_: Descent = descend(
            loss,
            self.flow_.parameters(),
            members=seeds.members,
            steps=self.steps,
            learning_rate=self.learning_rate,
            on_step=on_step,
        )
        return self

    @torch.no_grad()
    def transform(self, a: Any) -> Tensor:
        """T(a), of shape `(*members, N, D)`, for points of shape `(N, D)`."""
        check_is_fitted(self)
        members = Seeds.of(self.seeds).members
        x, step = per_member(as_points(a, "a", members).float(), members), 1 / self.resolution
        for index in range(self.resolution):
            start = x.new_full((*x.shape[:-1], 1), index * step)
            k1 = self._velocity(x, start)
            k2 = self._velocity(x + step / 2 * k1, start + step / 2)
            k3 = self._velocity(x + step / 2 * k2, start + step / 2)
            k4 = self._velocity(x + step * k3, start + step)
            x = x + step / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        return x

    def _velocity(self, x: Tensor, time: Tensor) -> Tensor:
        return self.flow_(torch.cat([x, time], -1))
