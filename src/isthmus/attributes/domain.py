"""The domain classifier: an audit of an alignment by somebody who tries to tell the domains apart.

A classifier two-sample test (Lopez-Paz, Oquab 2017): trained afresh on one half of the points,
judged on the other. It has no part in the alignment and sees no class labels.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from isthmus.attributes.training import minimise_cross_entropy
from isthmus.errors import InputError
from isthmus.metrics.arrays import as_points
from isthmus.metrics.classification import Rate, accuracy
from isthmus.networks.mlp import mlp
from isthmus.networks.randomness import seeded
from isthmus.seeding import derive


def audit(
    aligned: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    hidden: int = 32,
    steps: int = 300,
    batch_size: int = 128,
    learning_rate: float = 0.005,
    seed: int,
) -> Rate:
    """How often a fresh classifier tells T(A) from B on points it has not seen.

    Both sets are cut to the size of the smaller one and halved at random, so that chance is 0.5.

    Args:
        aligned: Points of T(A), `(n, d)`.
        target: Points of B, `(m, d)`.
        hidden: Width of the two hidden layers.
        steps: Number of training steps.
        batch_size: Points in a step.
        learning_rate: Step size at the start.
        seed: Of the halves, the weights and the batches.

    Returns:
        The accuracy, 0.5 in expectation where both sets are from one law, 1 where they can be told
        apart, and its binomial standard error.

    Raises:
        InputError: The points cannot be used, or a set has fewer than two.
    """
    a, b = as_points(aligned, "aligned"), as_points(target, "target", width_of=("aligned", aligned))
    count = min(len(a), len(b))
    if count < 2:
        raise InputError("aligned, target", "one has a single point", mend="give at least two each")
    order = np.random.default_rng(derive(seed, "halves"))
    a, b = order.permutation(a)[:count], order.permutation(b)[:count]
    half = count // 2
    seen, unseen = np.concatenate([a[:half], b[:half]]), np.concatenate([a[half:], b[half:]])
    scale = seen.std(0)
    scale[scale == 0] = 1
    x, x_unseen = (
        torch.from_numpy((points - seen.mean(0)) / scale).float() for points in (seen, unseen)
    )
    with seeded(derive(seed, "weights")):
        network = mlp(x.shape[1], hidden, hidden, 2)
    minimise_cross_entropy(
        network,
        x,
        torch.arange(2).repeat_interleave(half),
        steps=steps,
        batch_size=batch_size,
        learning_rate=learning_rate,
        seed=seed,
    )
    with torch.no_grad():
        guesses = network(x_unseen).argmax(1).numpy()
    return accuracy(guesses, np.arange(2).repeat(count - half))
