"""The open set: targets with classes that the source does not have, and OSBP, which expects them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, logsigmoid

from isthmus.adaptation.adapter import Adapter, Batch
from isthmus.adaptation.adversarial import reverse
from isthmus.adaptation.network import Network
from isthmus.data.table import Table
from isthmus.data.visda import FACTOR, UNKNOWN
from isthmus.errors import InputError

BOUNDARY = 0.5
"""Probability of "unknown" that OSBP's classifier aims at on the target (Saito et al. 2018)."""


class Osbp(Adapter):
    """OSBP (Saito et al. 2018): one more class, "unknown", as the opponent of the features.

    The classifier calls every image of the target unknown with probability 1/2; the features move
    each away from that boundary, to the known classes or to the unknown one.

    Args:
        network: The network, with one logit more than there are known classes.
        weight: Strength of the reversal at the end of its ramp.
    """

    more_classes = 1

    def __init__(self, network: Network, *, weight: float) -> None:
        super().__init__(network)
        self.weight = weight

    def loss(self, batch: Batch) -> Tensor:
        """-mean_A log p(label | image) - mean_B (t log q + (1 - t) log(1 - q)), t = 1/2, in nats.

        q is the probability of "unknown". Features take the second part's gradient times
        -weight ramp (equations 2 to 5).
        """
        count = len(batch.source)
        features = self.network.features(torch.cat([batch.source, batch.target]))
        error = cross_entropy(self.network.classifier(features[:count]), batch.labels)
        away = reverse(features[count:], self.weight * batch.ramp)
        return error + boundary(self.network.classifier(away))


def boundary(logits: Tensor) -> Tensor:
    """Binary cross-entropy of the last class against probability 1/2: at least log 2, in nats.

    Args:
        logits: Of shape `(n, classes)`, "unknown" last; differentiable.
    """
    unknown = logits[:, -1] - logits[:, :-1].logsumexp(1)
    return -(BOUNDARY * logsigmoid(unknown) + (1 - BOUNDARY) * logsigmoid(-unknown)).mean()


def reject(logits: Tensor, threshold: float) -> Tensor:
    """Predicted classes `(n,)`, "unknown" (the class after the last) where none is sure.

    Args:
        logits: Of the known classes, `(n, known)`.
        threshold: Probability that the likeliest class must have.
    """
    best, classes = logits.softmax(1).max(1)
    return classes.where(best >= threshold, logits.shape[1])


def known_only(table: Table, known: int) -> Table:
    """The rows of the first `known` classes."""
    rows = table.factors[FACTOR] < known
    return replace(table.take(rows), levels={FACTOR: table.levels[FACTOR][:known]})


def open_target(table: Table, known: int, *, unknown_share: float, seed: int) -> Table:
    """A target in which all classes from `known` on are one, "unknown", with a given share.

    Rows are left out at random, of the known or of the unknown classes, as few as can be.

    Args:
        table: The target, with the factor `class`.
        known: Number of known classes.
        unknown_share: Share of the rows that are to be unknown, above 0 and below 1.
        seed: Decides which rows are left out.

    Returns:
        A table whose classes are the known ones and "unknown", in random order.

    Raises:
        InputError: Known or unknown classes would be left with no row.
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(table))
    unknown = table.factors[FACTOR][order] >= known
    counts = np.array([(~unknown).sum(), unknown.sum()])
    shares = np.array([1 - unknown_share, unknown_share])
    kept = np.floor((counts / shares).min() * shares + 1e-9).astype(int)
    if kept.min() < 1:
        raise InputError(
            "open set",
            f"keeps {kept[0]} known and {kept[1]} unknown images",
            mend="give more images, other known classes, or a share nearer to 1/2",
        )
    rows = [order[unknown == side][: kept[int(side)]] for side in (False, True)]
    chosen = table.take(rng.permutation(np.concatenate(rows)))
    codes = np.minimum(chosen.factors[FACTOR], known)
    levels = (*table.levels[FACTOR][:known], UNKNOWN)
    return replace(chosen, factors={FACTOR: codes}, levels={FACTOR: levels})
