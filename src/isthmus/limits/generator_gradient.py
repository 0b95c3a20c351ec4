"""How a generator's gradient fares while its discriminator trains (Arjovsky, Bottou 2017)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap
from torch.nn.functional import logsigmoid, softplus

from isthmus.densities.descent import descend
from isthmus.networks.mlp import mlp
from isthmus.networks.randomness import generator, seeded
from isthmus.seeding import derive

MARKS = 60
"""Most steps at which the gradient is measured."""


@dataclass(frozen=True)
class GradientNorms:
    """Norm of the gradient of a generator's cost in its shift, in nats per deviation of a cloud.

    Attributes:
        steps: Steps of the discriminator before each measurement, from 0 on, of shape `(M,)`.
        saturated: Of mean log(1 - D), of shape `(M, seeds)`.
        log_d: Of -mean log D, likewise.
        loss: Of the discriminator at its last step, nats, of shape `(seeds,)`.
    """

    steps: npt.NDArray[np.int64]
    saturated: npt.NDArray[np.float64]
    log_d: npt.NDArray[np.float64]
    loss: npt.NDArray[np.float64]


def gradient_norms(
    *,
    distance: float,
    samples: int,
    hidden: int,
    steps: int,
    learning_rate: float,
    seeds: Sequence[int],
) -> GradientNorms:
    """Train discriminators on two clouds, and measure on the way the gradient a generator gets.

    Real points are N(0, I) in the plane, fake ones the same `distance` away. The generator may
    shift the fake points but stands still; the discriminator D = sigmoid(l) minimises
    -mean log D(real) - mean log(1 - D(fake)). As it comes to separate the clouds, D(fake) goes to
    0, and with it the gradient of the saturated cost, mean D grad l; that of -log D, mean
    (1 - D) grad l, grows with l.

    Args:
        distance: Between the centres, in standard deviations of a cloud.
        samples: Points of each cloud.
        hidden: Width of the two hidden layers of a discriminator.
        steps: Training length.
        learning_rate: Adam's step size, constant.
        seeds: Of points and weights, one a discriminator.
    """
    clouds = [torch.randn(2, samples, 2, generator=generator(s, "clouds")) for s in seeds]
    real, fake = torch.stack(clouds, 1)
    fake[..., 0] += distance
    networks = [_discriminator(hidden, seed) for seed in seeds]
    weights, _ = stack_module_state(networks)
    shift = torch.zeros(len(seeds), 1, 2, requires_grad=True)

    def logits(points: Tensor) -> Tensor:
        return vmap(lambda own, x: functional_call(networks[0], own, (x,)))(weights, points)

    def norms() -> tuple[Tensor, Tensor]:
        scores = logits(fake + shift).squeeze(-1)
        costs = -softplus(scores).mean(-1), -logsigmoid(scores).mean(-1)
        pulls = (torch.autograd.grad(c.sum(), shift, retain_graph=True)[0] for c in costs)
        saturated, log_d = (pull.norm(dim=(1, 2)) for pull in pulls)
        return saturated, log_d

    def loss() -> Tensor:
        scores = logits(torch.cat([real, fake], 1)).squeeze(-1)
        scored_real, scored_fake = scores.split(samples, 1)
        return softplus(-scored_real).mean(1) + softplus(scored_fake).mean(1)

    marks = np.unique(np.geomspace(1, steps, MARKS).astype(int))
    measured = [norms()]
    descent = descend(
        loss,
        weights.values(),
        members=torch.Size([len(seeds)]),
        steps=steps,
        learning_rate=learning_rate,
        schedule="constant",
        on_step=lambda step, _: measured.append(norms()) if step + 1 in marks else None,
    )
    saturated, log_d = (torch.stack(norm).double().numpy() for norm in zip(*measured, strict=True))
    return GradientNorms(np.append(0, marks), saturated, log_d, descent.curve[-1].double().numpy())


def _discriminator(hidden: int, seed: int) -> nn.Module:
    with seeded(derive(seed, "discriminator")):
        return mlp(2, hidden, hidden, 1)
