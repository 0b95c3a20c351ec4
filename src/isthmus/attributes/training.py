"""Training of a classifier by cross-entropy."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from isthmus.errors import InputError
from isthmus.networks.randomness import batches, generator

WEIGHT_DECAY = 0.01


def minimise_cross_entropy(
    network: nn.Module,
    inputs: Tensor,
    labels: Tensor,
    *,
    steps: int,
    batch_size: int,
    learning_rate: float,
    seed: int,
    augment: Callable[[Tensor, torch.Generator], Tensor] | None = None,
) -> list[float]:
    """Minimise -mean log p(label | input) over a network's weights, in place, by AdamW.

    The learning rate is lowered to zero along half a cosine.

    Args:
        network: Turns inputs into logits `(n, classes)`, or `(n, classes, k)` for k labels.
        inputs: Of shape `(n, ...)`.
        labels: Classes, int64 `(n,)` or `(n, k)`.
        steps: Number of steps.
        batch_size: Samples in a step.
        learning_rate: Step size at the start.
        seed: Of the batches and the augmentation.
        augment: Changes a batch of inputs at random, labels kept.

    Returns:
        The loss of each step, in nats.

    Raises:
        InputError: The training diverged.
    """
    draws = batches(len(inputs), batch_size, generator(seed, "batches"))
    changes = generator(seed, "augment")
    adam = torch.optim.AdamW(
        network.parameters(), lr=learning_rate, weight_decay=WEIGHT_DECAY, fused=True
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(adam, steps)
    curve: list[float] = []
    for step in range(steps):
        rows = next(draws)
        chosen = inputs[rows] if augment is None else augment(inputs[rows], changes)
        loss = cross_entropy(network(chosen), labels[rows])
        curve.append(loss.item())
        if not math.isfinite(curve[-1]):
            raise InputError(
                "classifier", f"the training diverged at step {step}", mend="lower learning_rate"
            )
        adam.zero_grad()
        loss.backward()
        adam.step()
        schedule.step()
    return curve
