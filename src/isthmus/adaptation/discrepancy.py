"""MCD, maximum classifier discrepancy (Saito et al. 2018)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from isthmus.adaptation.adapter import Adapter, Batch
from isthmus.adaptation.adversarial import reverse
from isthmus.adaptation.network import Network, reset


def discrepancy(a: Tensor, b: Tensor) -> Tensor:
    """Mean absolute difference of two classifiers' probabilities (equation 9), from 0 to 2 / classes.

    Args:
        a: Logits `(n, classes)`.
        b: Those of the other.
    """
    return (a.softmax(1) - b.softmax(1)).abs().mean()


class Mcd(Adapter):
    """Two classifiers that differ on the target as much as they can, and features that forbid it.

    The three steps of the paper are one here, by reversing the gradient into the features.

    Args:
        network: The network; the second classifier is another draw of its own.
        weight: Weight of the discrepancy at the end of its ramp.
    """

    def __init__(self, network: Network, *, weight: float) -> None:
        super().__init__(network)
        self.weight = weight
        self.second = reset(network.classifier)

    def loss(self, batch: Batch) -> Tensor:
        """Cross-entropy of both on the source, minus weight ramp times the discrepancy on the target.

        Classifiers descend on it; the features descend on the first and ascend on the second part.
        """
        count = len(batch.source)
        features = self.network.features(torch.cat([batch.source, batch.target]))
        a, b = features[:count], reverse(features[count:], 1.0)
        pair = (self.network.classifier, self.second)
        error = torch.stack([cross_entropy(each(a), batch.labels) for each in pair]).sum()
        return error - self.weight * batch.ramp * discrepancy(*(each(b) for each in pair))

    def forward(self, images: Tensor) -> Tensor:
        """The log of the mean of both probabilities."""
        features = self.network.features(images)
        pair = (self.network.classifier, self.second)
        return torch.stack([each(features).softmax(1) for each in pair]).mean(0).log()
