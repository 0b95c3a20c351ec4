"""Adversarial alignment: a flow T against a discriminator that tells T(A) from B."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn
from torch.nn.functional import softplus

from isthmus.densities import RealNVP
from isthmus.densities.descent import minibatches
from isthmus.densities.samples import as_points, as_samples, same_width
from isthmus.densities.seeds import Seeds
from isthmus.errors import InputError
from isthmus.networks.ensemble import EnsembleMLP

Critic = Callable[[Tensor], Tensor]


def logistic_discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """Of the discriminator's logits: -mean log s(real) - mean log(1 - s(fake)).

    Goodfellow et al. 2014, equation 1, negated. Its minimum is 2 log 2 - 2 JSD; at logits zero it
    is 2 log 2.

    Args:
        real: Logits on B, of shape `(*members, N)`.
        fake: Logits on T(A), of shape `(*members, N)`.

    Returns:
        The loss in nats, of shape `members`. Differentiable in the logits.
    """
    return softplus(-real).mean(-1) + softplus(fake).mean(-1)


def non_saturating_loss(fake: Tensor) -> Tensor:
    """Of the generator: -mean log s(fake), whose gradient does not vanish where s(fake) is near 0.

    Goodfellow et al. 2014, section 3. Differentiable in the logits `(*members, N)`; in nats.
    """
    return softplus(-fake).mean(-1)


def critic_loss(real: Tensor, fake: Tensor) -> Tensor:
    """Of the Wasserstein critic: mean fake - mean real (Arjovsky et al. 2017, equation 2, negated).

    Differentiable in the critic's values `(*members, N)`; in units of the features.
    """
    return fake.mean(-1) - real.mean(-1)


def gradient_penalty(critic: Critic, real: Tensor, fake: Tensor, mix: Tensor) -> Tensor:
    """Mean (|grad critic(x)| - 1)^2 at x = mix real + (1 - mix) fake (Gulrajani et al. 2017).

    Args:
        critic: From points `(*members, N, D)` to values `(*members, N)`.
        real: Samples of B, of shape `(*members, N, D)`.
        fake: Samples of T(A), likewise.
        mix: Shares in [0, 1], of shape `(*members, N, 1)`.

    Returns:
        The penalty, of shape `members`. Differentiable in the critic's parameters.
    """
    x = torch.lerp(fake.detach(), real, mix).requires_grad_()
    (gradient,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return (torch.linalg.vector_norm(gradient, dim=-1) - 1).square().mean(-1)


@dataclass(frozen=True)
class AdversarialResult:
    """How a game went. Its losses certify nothing: no value of them means "aligned".

    Attributes:
        discriminator_curve: Loss of the discriminator at each step, of shape `(steps, *members)`.
        generator_curve: Loss of the generator, likewise.
        steps: Steps of the generator taken; fewer than asked for where a loss was not finite.
    """

    discriminator_curve: Tensor
    generator_curve: Tensor
    steps: int


class Adversarial(BaseEstimator, ABC):
    """A game between a flow T and a discriminator, seeds of an ensemble at once.

    A subclass says what both minimise (`_discriminator_loss`, `_generator_loss`) and how the
    discriminator is built. T starts at the identity, as LRMF's does.

    Args:
        flow: T before training, at the identity; copied. By default a `RealNVP`.
        steps: Steps of the generator.
        discriminator_steps: Steps of the discriminator before each.
        batch_size: Samples of each set in a step.
        learning_rate: Adam's step size, for both sides.
        betas: Adam's decay rates, for both sides.
        hidden: Widths of the discriminator's hidden layers.
        seeds: An integer for a single model; one seed a member for an ensemble `(E,)`.

    Attributes:
        flow_: T after `fit`.
        discriminator_: The discriminator after `fit`.
        result_: `AdversarialResult` of `fit`.
    """

    spectral = False

    def __init__(
        self,
        flow: nn.Module | None = None,
        *,
        steps: int = 3000,
        discriminator_steps: int = 5,
        batch_size: int = 128,
        learning_rate: float = 2e-4,
        betas: tuple[float, float] = (0.0, 0.9),
        hidden: Sequence[int] = (64, 64),
        seeds: int | Sequence[int] = 0,
    ) -> None:
        self.flow = flow
        self.steps = steps
        self.discriminator_steps = discriminator_steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.betas = betas
        self.hidden = hidden
        self.seeds = seeds

    def fit(self, a: Any, b: Any, *, on_step: Callable[[int, Tensor], None] | None = None) -> Self:
        """Play the game.

        Args:
            a: Samples of A, of shape `(N_A, D)`, in a unit in which B has about unit scale.
            b: Samples of B, likewise.
            on_step: Called after each step of the generator with its number and its loss.

        Raises:
            InputError: Samples cannot be used, or the flow is not an ensemble of this size.
        """
        seeds = Seeds.of(self.seeds)
        a, b = as_samples(a, "a", seeds.members), as_samples(b, "b", seeds.members)
        width = same_width(a, b)
        options: dict[str, Any] = {"batch_shape": seeds.members, "seeds": seeds.values}
        self.flow_ = RealNVP(width, **options) if self.flow is None else self.flow
        seeds.check(self.flow_, "flow")
        like = next(self.flow_.parameters())
        size = min(self.batch_size, a.shape[-2], b.shape[-2])
        batches_a = minibatches(a.to(like), size, seeds, "a")
        batches_b = minibatches(b.to(like), size, seeds, "b")
        self.discriminator_ = EnsembleMLP(
            (width, *self.hidden, 1), self.seeds, spectral=self.spectral
        )
        mixing = seeds.generators("mix")
        adams = [
            torch.optim.Adam(side.parameters(), lr=self.learning_rate, betas=self.betas, fused=True)
            for side in (self.discriminator_, self.flow_)
        ]
        curves: tuple[list[Tensor], list[Tensor]] = ([], [])
        for step in range(self.steps):
            for _ in range(self.discriminator_steps):
                real = next(batches_b)
                with torch.no_grad():
                    fake = self.flow_()(next(batches_a))
                drawn = torch.stack([torch.rand(size, 1, generator=g) for g in mixing])
                mix = drawn.view(*seeds.members, size, 1)
                loss_d = self._step(adams[0], self._discriminator_loss(real, fake, mix))
            fake = self.flow_()(next(batches_a))
            loss_g = self._step(adams[1], self._generator_loss(fake))
            if not (loss_d + loss_g).isfinite().all():
                break
            curves[0].append(loss_d)
            curves[1].append(loss_g)
            if on_step is not None:
                on_step(step, loss_g)
        if not curves[0]:
            raise InputError("a, b", "give no finite loss", mend="standardise both by B")
        self.flow_.requires_grad_(False)
        self.result_ = AdversarialResult(
            torch.stack(curves[0]), torch.stack(curves[1]), len(curves[0])
        )
        return self

    @torch.no_grad()
    def transform(self, a: Any) -> Tensor:
        """T(a), of shape `(*members, N, D)`, for points of shape `(N, D)`."""
        check_is_fitted(self)
        return self.flow_()(as_points(a, "a", Seeds.of(self.seeds).members).float())

    @torch.no_grad()
    def score(self, a: Any, b: Any) -> Tensor:
        """Minus the share, above one half, that the trained discriminator tells apart.

        0 where it cannot tell T(a) from b, -1/2 where it always can. It is a score of this
        discriminator, not a certificate: a better one may tell more.

        Args:
            a: Samples of the law of A, of shape `(N_A, D)`.
            b: Samples of the law of B, of shape `(N_B, D)`.

        Returns:
            The score of each member.
        """
        members = Seeds.of(self.seeds).members
        real = self._values(as_points(b, "b", members).float())
        fake = self._values(self.transform(a))
        pooled = torch.cat([real, fake], -1).median(-1, keepdim=True).values
        told = ((real > pooled).double().mean(-1) + (fake <= pooled).double().mean(-1)) / 2
        return -(told - 0.5).clamp(min=0)

    def _values(self, x: Tensor) -> Tensor:
        return self.discriminator_(x).squeeze(-1)

    def _step(self, adam: torch.optim.Optimizer, loss: Tensor) -> Tensor:
        """One step of a side; the loss of each member."""
        adam.zero_grad()
        parameters = [p for group in adam.param_groups for p in group["params"]]
        gradients = torch.autograd.grad(loss.sum(), parameters)
        if loss.isfinite().all():
            for parameter, gradient in zip(parameters, gradients, strict=True):
                parameter.grad = gradient
            adam.step()
        return loss.detach()

    @abstractmethod
    def _discriminator_loss(self, real: Tensor, fake: Tensor, mix: Tensor) -> Tensor:
        """What the discriminator minimises, of shape `members`; `mix` as of `gradient_penalty`."""

    @abstractmethod
    def _generator_loss(self, fake: Tensor) -> Tensor:
        """What T minimises, of shape `members`."""


class SNGAN(Adversarial):
    """The GAN with spectral normalisation (Miyato et al. 2018), non-saturating generator loss.

    The published settings of that paper's row C: Adam 2e-4, betas 0 and 0.9, five discriminator
    steps.
    """

    spectral = True

    def _discriminator_loss(self, real: Tensor, fake: Tensor, mix: Tensor) -> Tensor:
        return logistic_discriminator_loss(self._values(real), self._values(fake))

    def _generator_loss(self, fake: Tensor) -> Tensor:
        return non_saturating_loss(self._values(fake))


class WGANGP(Adversarial):
    """The Wasserstein GAN with gradient penalty 10 (Gulrajani et al. 2017)."""

    penalty = 10.0

    def _discriminator_loss(self, real: Tensor, fake: Tensor, mix: Tensor) -> Tensor:
        penalty = gradient_penalty(self._values, real, fake, mix)
        return critic_loss(self._values(real), self._values(fake)) + self.penalty * penalty

    def _generator_loss(self, fake: Tensor) -> Tensor:
        return -self._values(fake).mean(-1)
