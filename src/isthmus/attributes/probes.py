"""Honesty probes: what a small network, trained for it, can still read from translations.

What should have been dropped and is read nevertheless was hidden there. The published code trains
such networks for up to 300 epochs and stops after 30 without progress on held-out images.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from isthmus.attributes.factors import FactorClassifier, as_bytes, as_targets
from isthmus.errors import InputError
from isthmus.metrics.classification import accuracy
from isthmus.networks.randomness import generator

VALIDATION = 6
"""One training image in so many is held back to say when to stop."""


@dataclass(frozen=True)
class Samples:
    """Translations and what is to be read from them.

    Attributes:
        images: uint8 `(n, channels, side, side)`.
        codes: By name what each was made from, integers `(n,)` from 0.
    """

    images: npt.NDArray[np.uint8]
    codes: Mapping[str, npt.NDArray[np.int64]]


@dataclass(frozen=True)
class Reading:
    """How well one factor is read from translations that the probe has not seen.

    Attributes:
        accuracy: The share that is read correctly.
        error: Its binomial standard error.
        chance: The share that is correct if the answer is always the most frequent value.
        bits: Mean log2 of the value's probability over its frequency, not below 0: in expectation
            at most the mutual information of the factor and the translation.
    """

    accuracy: float
    error: float
    chance: float
    bits: float


def above_chance(accuracy: float, chance: float) -> float:
    """What is right beyond chance: 0 at chance, 1 where all is right; 0 where chance is always right."""
    return (accuracy - chance) / (1 - chance) if chance < 1 else 0.0


def probe(
    seen: Samples,
    unseen: Samples,
    levels: Mapping[str, int],
    *,
    epochs: int,
    patience: int,
    batch_size: int = 64,
    learning_rate: float = 0.002,
    seed: int,
) -> dict[str, Reading]:
    """Train a probe on translations and read those it has not seen.

    One network reads all factors. Each is read with the weights of the epoch in which its own
    cross-entropy on the validation part was lowest: what cannot be read is overfitted long before
    what can.

    Args:
        seen: Translations to train with, at least 6; a sixth of them is for validation.
        unseen: Translations to read.
        levels: By name of the codes their number of values.
        epochs: Passes over the training part, at most.
        patience: Passes without a lower cross-entropy of any factor after which it is over.
        batch_size: Translations in a step.
        learning_rate: Adam's step size.
        seed: Of weights, batches and the validation part.

    Raises:
        InputError: Images or codes cannot be used, or the training diverged.
    """
    x, x_unseen = as_bytes(seen.images, "seen"), as_bytes(unseen.images, "unseen")
    if len(x) < VALIDATION:
        raise InputError("seen", f"holds {len(x)} images", mend=f"give {VALIDATION} or more")
    network = FactorClassifier(x.shape[-1], x.shape[1], seed=seed, **levels)
    y = as_targets(seen.codes, network.levels, len(x))
    y_unseen = as_targets(unseen.codes, network.levels, len(x_unseen))
    source = generator(seed, "batches")
    validation, training = torch.randperm(len(x), generator=source).tensor_split(
        [len(x) // VALIDATION]
    )
    adam = torch.optim.Adam(network.parameters(), lr=learning_rate, fused=True)
    lowest = torch.full((len(levels),), math.inf)
    read = torch.empty(0)
    stale = 0
    for epoch in range(epochs):
        for rows in training[torch.randperm(len(training), generator=source)].split(batch_size):
            loss = cross_entropy(network(x[rows]), y[rows])
            adam.zero_grad()
            loss.backward()
            adam.step()
        losses = _cross_entropies(network.log_probabilities(x[validation]), y[validation])
        if not losses.isfinite().all():
            raise InputError(
                "probe", f"the training diverged in epoch {epoch}", mend="lower learning_rate"
            )
        lower = losses < lowest
        now = network.log_probabilities(x_unseen)
        read = torch.where(lower, now, read) if epoch else now
        lowest = lowest.minimum(losses)
        stale = 0 if lower.any() else stale + 1
        if stale == patience:
            break
    return {
        name: _reading(read[:, :number, column], y_unseen[:, column], y[:, column])
        for column, (name, number) in enumerate(network.levels.items())
    }


def _cross_entropies(log_probabilities: Tensor, targets: Tensor) -> Tensor:
    """Of each factor, in nats."""
    return -log_probabilities.gather(1, targets[:, None])[:, 0].mean(0)


def _reading(log_probabilities: Tensor, truth: Tensor, known: Tensor) -> Reading:
    """Of one factor, `(n, values)`; how frequent a value is comes from the known ones."""
    rate = accuracy(log_probabilities.argmax(1).numpy(), truth.numpy())
    counts = known.bincount(minlength=log_probabilities.shape[1]) + 1
    frequent = (counts / counts.sum()).log()
    own = log_probabilities.gather(1, truth[:, None])[:, 0]
    return Reading(
        accuracy=rate.value,
        error=rate.error,
        chance=(truth == frequent.argmax()).float().mean().item(),
        bits=max(0.0, (own - frequent[truth]).mean().item() / math.log(2)),
    )
