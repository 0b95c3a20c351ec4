"""Maximum likelihood by Adam, for any density."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from isthmus.densities.descent import Schedule, descend, minibatches, split
from isthmus.densities.samples import as_samples
from isthmus.densities.seeds import Seeds


@dataclass(frozen=True)
class FitResult:
    """How a maximum-likelihood fit went, in nats per sample.

    Attributes:
        curve: Negative log-likelihood of each mini-batch, of shape `(steps, *members)`.
        nll: Negative log-likelihood of the held-out samples, of shape `members`.
        error: Its standard error, of shape `members`.
        steps: Steps behind the final parameters, of shape `members`; fewer than asked for where
            a member was stopped because its loss or gradient was not finite.
    """

    curve: Tensor
    nll: Tensor
    error: Tensor
    steps: Tensor


def fit(
    density: nn.Module,
    x: Any,
    *,
    held_out: float | Any = 0.2,
    steps: int = 3000,
    batch_size: int = 128,
    learning_rate: float = 2e-3,
    schedule: Schedule = "cosine",
    clip: float = 10.0,
    seeds: int | Sequence[int] = 0,
    on_step: Callable[[int, Tensor], None] | None = None,
) -> FitResult:
    """Minimise -mean log p(x) over the parameters of a density, in place.

    Args:
        density: A module whose call returns a law with `log_prob`; zuko's flows are such modules.
        x: Samples `(N, D)`, or `(E, N, D)` to give each member of an ensemble its own.
        held_out: Samples to judge on, or the share of `x` to hold out for that.
        steps: Number of steps of Adam.
        batch_size: Samples in a step.
        learning_rate: Adam's step size at the start.
        schedule: "cosine" lowers the step size to zero, "constant" keeps it.
        clip: Largest gradient norm, of each member.
        seeds: An integer for a single model; one seed a member for an ensemble `(E,)`. They order
            the samples. The initial weights were drawn when the density was built.
        on_step: Called after each step with its number and the loss of each member.

    Raises:
        InputError: Samples cannot be used, or the density is not an ensemble of this size.
    """
    drawn = Seeds.of(seeds)
    drawn.check(density, "density")
    x = as_samples(x, "x", drawn.members)
    if isinstance(held_out, float):
        x, held_out = split(x, held_out, drawn)
    else:
        held_out = as_samples(held_out, "held_out", drawn.members)
    x, held_out = (points.to(next(density.parameters())) for points in (x, held_out))
    batches = minibatches(x, batch_size, drawn)
    descent = descend(
        lambda: -density().log_prob(next(batches)).mean(-1),
        density.parameters(),
        members=drawn.members,
        steps=steps,
        learning_rate=learning_rate,
        schedule=schedule,
        clip=clip,
        on_step=on_step,
    )
    with torch.no_grad():
        nll = -density().log_prob(held_out)
    error = nll.std(-1) / nll.shape[-1] ** 0.5
    return FitResult(descent.curve, nll.mean(-1), error, descent.steps)
