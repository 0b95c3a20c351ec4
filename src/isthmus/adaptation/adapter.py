"""Adapters, and the one loop that trains them all."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from isthmus.adaptation.network import Network
from isthmus.attributes.digits import jitter
from isthmus.errors import InputError
from isthmus.networks.randomness import batches, generator, seeded

CHUNK = 512
"""Images classified at a time."""

STEEPNESS = 10.0
"""Of the ramp of every weight, as in Ganin et al. 2016, section 5.2.2."""


class Batch(NamedTuple):
    """What an adapter sees in a step. No target label is among it.

    Attributes:
        source: Images of the source `(n, channels, side, side)`.
        labels: Their classes `(n,)`.
        target: Images of the target.
        again: The same images of the target, moved otherwise.
        done: Share of the training that is done, from 0 to 1.
    """

    source: Tensor
    labels: Tensor
    target: Tensor
    again: Tensor
    done: float

    @property
    def ramp(self) -> float:
        """2 / (1 + exp(-10 done)) - 1: from 0 to 1, for weights that should wait for features."""
        return 2 / (1 + math.exp(-STEEPNESS * self.done)) - 1


class Adapter(nn.Module):
    """A network and how it learns; this one, "source only", does not look at the target.

    A subclass overrides `loss`, and `forward`, `groups` or `after_step` where it has to.

    Args:
        network: The network, trained in place.

    Attributes:
        more_classes: Logits it wants beyond the known classes.
    """

    more_classes: ClassVar[int] = 0

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def loss(self, batch: Batch) -> Tensor:
        """The scalar to descend on, in nats: here -mean log p(label | image) on the source."""
        return cross_entropy(self.network(batch.source), batch.labels)

    def after_step(self) -> None:
        """What follows a step of the optimiser."""

    def forward(self, images: Tensor) -> Tensor:
        """Logits of the adapted model `(n, classes)`."""
        return self.network(images)

    def groups(self, learning_rate: float) -> list[dict[str, Any]]:
        """What is trained, with its step size, as torch's optimisers take it."""
        return [{"params": [p for p in self.parameters() if p.requires_grad], "lr": learning_rate}]

    @torch.no_grad()
    def logits(self, images: Tensor) -> Tensor:
        """Logits of any number of images `(n, classes)`, without dropout."""
        self.eval()
        return torch.cat([self(chunk) for chunk in images.split(CHUNK)])


def train(
    build: Callable[[], Adapter],
    source: Tensor,
    labels: Tensor,
    target: Tensor,
    *,
    steps: int,
    batch_size: int,
    learning_rate: float,
    seed: int,
) -> Adapter:
    """Train an adapter by Adam, its step size lowered to zero along half a cosine.

    All images are moved a little at random (`jitter`), the target's twice; batches and movements
    are the same for all adapters.

    Args:
        build: Makes the adapter.
        source: Images `(N_A, channels, side, side)` in [0, 1].
        labels: Their classes `(N_A,)`.
        target: Images `(N_B, channels, side, side)`.
        steps: Number of steps.
        batch_size: Images of each domain in a step.
        learning_rate: Adam's step size at the start.
        seed: Of batches, movements and what is random in the adapter.

    Raises:
        InputError: The training diverged.
    """
    moves = generator(seed, "moves")
    rows_a, rows_b = (
        batches(len(x), batch_size, generator(seed, f"batches of {name}"))
        for x, name in ((source, "source"), (target, "target"))
    )
    with seeded(seed):
        adapter = build().train()
        adam = torch.optim.Adam(adapter.groups(learning_rate), fused=True)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(adam, steps)
        for step in range(steps):
            chosen, seen = next(rows_a), target[next(rows_b)]
            a, b, again = (jitter(x, moves) for x in (source[chosen], seen, seen))
            loss = adapter.loss(Batch(a, labels[chosen], b, again, step / steps))
            if not math.isfinite(loss.item()):
                raise InputError(
                    "adapter", f"the training diverged at step {step}", mend="lower learning_rate"
                )
            adam.zero_grad()
            loss.backward()
            adam.step()
            schedule.step()
            adapter.after_step()
    return adapter
