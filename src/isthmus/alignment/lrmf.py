"""LRMF, log-likelihood ratio minimising flows (Usman, Sud, Dufour, Saenko, NeurIPS 2020)."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from isthmus.alignment.certificate import Certificate, certify
from isthmus.alignment.distances import gaussian_lr_distance, shared_moments
from isthmus.densities import Affine, Gaussian, GaussianMixture, RealNVP, RealNVPDensity, fit
from isthmus.densities.descent import Descent, Schedule, descend, minibatches, split
from isthmus.densities.gaussian import moments
from isthmus.densities.interface import per_member
from isthmus.densities.samples import as_points, as_samples, same_width
from isthmus.densities.seeds import Seeds

EXACT_ROUNDS = 40
"""Calls of L-BFGS, of up to 20 iterations each, in the exact solution; converged ones are free."""


def lrmf_loss(
    flow: nn.Module, shared: nn.Module, a: Tensor, b: Tensor, c: Tensor | float
) -> Tensor:
    """The LRMF objective, theorem 2.3 of Usman et al. 2020, with T from A to B.

        L = - mean_A log |det dT(a)/da| - mean_A log S(T(a)) - mean_B log S(b) + c

    Minimised jointly over T and S; no inner maximum. With exact private densities in c,
    L = KL(A | pullback of S by T) + KL(B | S): never negative, and 0 when T(A) = B in law. If S can
    be any law, its minimum over S is 2 JSD(T(A), B), at most 2 log 2 = 1.3863. Differentiable in
    the parameters of T and S and in the samples.

    Args:
        flow: T, a module whose call returns a map with `call_and_ladj`.
        shared: S, a module whose call returns a law with `log_prob`.
        a: Samples of A, of shape `(*members, N_A, D)`, or `(N_A, D)` shared by all members.
        b: Samples of B, likewise.
        c: `lr_constant`; it only sets the zero.

    Returns:
        L in nats, of shape `members`.
    """
    moved, ladj = flow().call_and_ladj(a)
    together = torch.cat([moved, b.expand(*moved.shape[:-2], *b.shape[-2:])], -2)
    log_shared = shared().log_prob(together)
    count = a.shape[-2]
    return c - ladj.mean(-1) - log_shared[..., :count].mean(-1) - log_shared[..., count:].mean(-1)


def lr_constant(private_a: nn.Module, private_b: nn.Module, a: Tensor, b: Tensor) -> Tensor:
    """The constant c = mean_A log P_A(a) + mean_B log P_B(b) of the LRMF objective, in nats.

    Args:
        private_a: The best density of A within the family of S.
        private_b: The best density of B within the family of S.
        a: Samples of A, of shape `(*members, N_A, D)`, or `(N_A, D)` shared by all members.
        b: Samples of B, likewise.

    Returns:
        c, of shape `members`.
    """
    return private_a().log_prob(a).mean(-1) + private_b().log_prob(b).mean(-1)


@dataclass(frozen=True)
class LRMFResult:
    """How an alignment went.

    Attributes:
        certificates: One for each member of the ensemble, on held-out samples.
        curve: L in nats on the mini-batch of each step, of shape `(steps, *members)`.
        constant: c in nats, of shape `members`.
        steps: Steps behind the final parameters, of shape `members`; fewer than asked for where
            a member was stopped because its loss or gradient was not finite.
    """

    certificates: tuple[Certificate, ...]
    curve: Tensor
    constant: Tensor
    steps: Tensor

    @property
    def certificate(self) -> Certificate:
        """The certificate of the member farthest from zero: if it is aligned, all are."""
        return max(self.certificates, key=lambda each: abs(each.value))

    @property
    def value(self) -> float:
        """L in nats of that certificate."""
        return self.certificate.value


class LRMF(BaseEstimator):
    """Aligns A to B by a flow T that minimises the LRMF loss, and certifies the result.

    Give A and B in a unit in which B has about unit scale (standardise both by B's mean and
    standard deviation): T starts at the identity and S near N(0, I), and which of its many
    minimisers the descent finds depends on where it starts.

    A Gaussian density with an affine flow is solved exactly: S is eliminated in closed form and
    the remaining distance of moments is minimised over T by L-BFGS in float64. Everything else is
    one Adam over T and S together.

    Args:
        density: The family: a density before training, copied for S and for both private
            densities. By default a `RealNVPDensity`.
        flow: T before training, at the identity; copied. By default a `RealNVP`.
        steps: Number of steps of Adam.
        batch_size: Samples of each set in a step.
        learning_rate: Adam's step size at the start.
        schedule: "cosine" lowers the step size to zero, "constant" keeps it.
        clip: Largest gradient norm, of each member.
        tolerance: Largest |L| in nats that the certificate counts as zero.
        seeds: An integer for a single model; one seed a member for an ensemble `(E,)`, whose
            members train at once and independently.

    Attributes:
        flow_: T after `fit`.
        shared_: S after `fit`.
        private_: The private densities of A and B after `fit`.
        result_: `LRMFResult` of `fit`.
    """

    def __init__(
        self,
        density: nn.Module | None = None,
        flow: nn.Module | None = None,
        *,
        steps: int = 3000,
        batch_size: int = 128,
        learning_rate: float = 2e-3,
        schedule: Schedule = "cosine",
        clip: float = 10.0,
        tolerance: float = 0.1,
        seeds: int | Sequence[int] = 0,
    ) -> None:
        self.density = density
        self.flow = flow
        self.steps = steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.schedule: Schedule = schedule
        self.clip = clip
        self.tolerance = tolerance
        self.seeds = seeds

    def fit(
        self,
        a: Any,
        b: Any,
        *,
        held_out: float | tuple[Any, Any] = 0.2,
        private: tuple[nn.Module, nn.Module] | None = None,
        on_step: Callable[[int, Tensor], None] | None = None,
    ) -> Self:
        """Find T, and certify it on held-out samples.

        Args:
            a: Samples of A, of shape `(N_A, D)`, or `(E, N_A, D)` for an ensemble.
            b: Samples of B, likewise.
            held_out: Samples of A and B to certify on, or the share of both to hold out for that.
            private: Fitted private densities of A and B, where there are any; fitted here if not.
            on_step: Called after each step of Adam with its number and the loss of each member.

        Raises:
            InputError: Samples cannot be used, or a model is not an ensemble of this size.
        """
        seeds = Seeds.of(self.seeds)
        a, b = as_samples(a, "a", seeds.members), as_samples(b, "b", seeds.members)
        width = same_width(a, b)
        if isinstance(held_out, float):
            (a, test_a), (b, test_b) = split(a, held_out, seeds), split(b, held_out, seeds)
        else:
            test_a = as_samples(held_out[0], "held_out a", seeds.members)
            test_b = as_samples(held_out[1], "held_out b", seeds.members)
            same_width(a, test_a, "held_out a")
            same_width(a, test_b, "held_out b")
        options: dict[str, Any] = {"batch_shape": seeds.members, "seeds": seeds.values}
        density = RealNVPDensity(width, **options) if self.density is None else self.density
        flow = RealNVP(width, **options) if self.flow is None else self.flow
        seeds.check(density, "density")
        seeds.check(flow, "flow")
        self.shared_, self.flow_ = copy.deepcopy(density), copy.deepcopy(flow)
        if isinstance(self.shared_, Gaussian) and isinstance(self.flow_, Affine):
            self.shared_.double()
            self.flow_.double()
        a, b, test_a, test_b = (self._cast(x) for x in (a, b, test_a, test_b))
        if private is None:
            self.private_ = (
                self._private(a, test_a, on_step),
                self._private(b, test_b, on_step),
            )
        else:
            for each in private:
                seeds.check(each, "private")
            first, second = (copy.deepcopy(each).to(a.dtype) for each in private)
            self.private_ = first, second
        with torch.no_grad():
            constant = lr_constant(*self.private_, a, b)
        if isinstance(self.shared_, Gaussian) and isinstance(self.flow_, Affine):
            descent = _align_gaussians(self.flow_, self.shared_, a, b)
        else:
            descent = self._descend(a, b, constant, seeds, on_step)
        certificates = certify(
            self.flow_, self.shared_, self.private_, test_a, test_b, tolerance=self.tolerance
        )
        self.result_ = LRMFResult(certificates, descent.curve, constant, descent.steps)
        return self

    @torch.no_grad()
    def transform(self, a: Any) -> Tensor:
        """T(a).

        Args:
            a: Points of shape `(N, D)`, or `(E, N, D)` for an ensemble.

        Returns:
            Their images, of shape `(*members, N, D)`.
        """
        check_is_fitted(self)
        return self.flow_()(self._points(a, "a"))

    @torch.no_grad()
    def inverse_transform(self, b: Any) -> Tensor:
        """The points that T sends to b, of shape `(*members, N, D)`.

        Args:
            b: Points of shape `(N, D)`, or `(E, N, D)` for an ensemble.
        """
        check_is_fitted(self)
        return self.flow_().inv(self._points(b, "b"))

    @torch.no_grad()
    def score(self, a: Any, b: Any) -> Tensor:
        """Minus the LRMF loss on these samples, in nats: 0 is aligned, lower is worse.

        Args:
            a: Samples of the law of A, of shape `(N_A, D)`, or `(E, N_A, D)` for an ensemble.
            b: Samples of the law of B, likewise.

        Returns:
            The score of each member.
        """
        check_is_fitted(self)
        a, b = self._points(a, "a"), self._points(b, "b")
        return -lrmf_loss(self.flow_, self.shared_, a, b, lr_constant(*self.private_, a, b))

    def _points(self, x: Any, name: str) -> Tensor:
        return self._cast(as_points(x, name, Seeds.of(self.seeds).members))

    def _cast(self, x: Tensor) -> Tensor:
        return x.to(next(self.flow_.parameters()))

    def _training(self) -> dict[str, Any]:
        return {
            "steps": self.steps,
            "learning_rate": self.learning_rate,
            "schedule": self.schedule,
            "clip": self.clip,
        }

    def _private(
        self, x: Tensor, held_out: Tensor, on_step: Callable[[int, Tensor], None] | None
    ) -> nn.Module:
        """A private density of the family, fitted to `x`."""
        density = copy.deepcopy(self.shared_)
        if isinstance(density, Gaussian | GaussianMixture):
            return density.fit(x)
        options = self._training() | {"batch_size": self.batch_size, "seeds": self.seeds}
        fit(density, x, held_out=held_out, on_step=on_step, **options)
        return density

    def _descend(
        self,
        a: Tensor,
        b: Tensor,
        constant: Tensor,
        seeds: Seeds,
        on_step: Callable[[int, Tensor], None] | None,
    ) -> Descent:
        """Adam over T and S together."""
        if isinstance(self.shared_, Gaussian | GaussianMixture):
            self.shared_.fit(torch.cat([per_member(x, seeds.members) for x in (a, b)], -2))
        batches_a = minibatches(a, self.batch_size, seeds, "a")
        batches_b = minibatches(b, self.batch_size, seeds, "b")
        return descend(
            lambda: lrmf_loss(self.flow_, self.shared_, next(batches_a), next(batches_b), constant),
            [*self.flow_.parameters(), *self.shared_.parameters()],
            members=seeds.members,
            on_step=on_step,
            **self._training(),
        )


def _align_gaussians(flow: Affine, shared: Gaussian, a: Tensor, b: Tensor) -> Descent:
    """The exact solution for a Gaussian S and an affine T, in float64, in place.

    For given T the best S has the moments of the equal mixture of T(A) and B. That leaves L as the
    Gaussian likelihood-ratio distance of moments, a smooth function of M and t alone, which
    L-BFGS takes to working precision; one member at a time, so that members stay independent.
    """
    members = flow.translation.shape[:-1]
    (mean_a, cov_a), (mean_b, cov_b) = (moments(per_member(x, members)) for x in (a, b))
    curves = []
    for index in np.ndindex(members):
        solution = [p.detach()[index].clone().requires_grad_() for p in flow.parameters()]
        curves.append(_lbfgs(solution, mean_a[index], cov_a[index], mean_b[index], cov_b[index]))
        with torch.no_grad():
            for parameter, solved in zip(flow.parameters(), solution, strict=True):
                parameter[index] = solved
    with torch.no_grad():
        image_mean, image_cov = moments(flow()(per_member(a, members)))
        shared.set_moments(*shared_moments(image_mean, image_cov, mean_b, cov_b))
    curve = torch.stack(curves, -1).view(-1, *members)
    return Descent(curve, torch.full(members, len(curve)))


def _lbfgs(
    solution: list[Tensor], mean_a: Tensor, cov_a: Tensor, mean_b: Tensor, cov_b: Tensor
) -> Tensor:
    """Minimise the distance over `solution`, the pair (M, t), in place; the loss of each round."""
    optimiser = torch.optim.LBFGS(
        solution,
        history_size=20,
        tolerance_grad=1e-10,
        tolerance_change=0,
        line_search_fn="strong_wolfe",
    )

    def loss() -> Tensor:
        optimiser.zero_grad()
        matrix, translation = solution
        value = gaussian_lr_distance(
            matrix @ mean_a + translation, matrix @ cov_a @ matrix.mT, mean_b, cov_b
        )
        value.backward()
        return value

    return torch.stack([optimiser.step(loss).detach() for _ in range(EXACT_ROUNDS)])
