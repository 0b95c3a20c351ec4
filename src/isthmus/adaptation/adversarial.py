"""Adapters that play against a discriminator of the domains: DANN and ADDA."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from isthmus.adaptation.adapter import Adapter, Batch
from isthmus.adaptation.network import Network, frozen
from isthmus.alignment.adversarial import logistic_discriminator_loss, non_saturating_loss
from isthmus.networks.convolutional import SLOPE


class _Reversal(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, strength: float) -> Tensor:
        ctx.strength = strength
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, None]:
        return -ctx.strength * upstream, None


def reverse(x: Tensor, strength: float) -> Tensor:
    """`x` itself, whose gradient comes back times `-strength` (Ganin et al. 2016, equation 15)."""
    return _Reversal.apply(x, strength)


class Dann(Adapter):
    """DANN (Ganin et al. 2016): features ascend on the loss that a discriminator descends on.

    Args:
        network: The network.
        weight: Strength of the reversal at the end of its ramp.
    """

    def __init__(self, network: Network, *, weight: float) -> None:
        super().__init__(network)
        self.weight = weight
        self.discriminator = _discriminator(network.size)

    def loss(self, batch: Batch) -> Tensor:
        """-mean log p(label | image) - mean_A log D - mean_B log(1 - D), in nats.

        Differentiable in all; features take the second part's gradient times -weight ramp.
        """
        count = len(batch.source)
        features = self.network.features(torch.cat([batch.source, batch.target]))
        error = cross_entropy(self.network.classifier(features[:count]), batch.labels)
        scores = self.discriminator(reverse(features, self.weight * batch.ramp)).squeeze(1)
        return error + logistic_discriminator_loss(scores[:count], scores[count:])


class Adda(Adapter):
    """ADDA (Tzeng et al. 2017): a copy of the trained source features learns to pass for them.

    Args:
        network: The network; its features serve the source, the copy serves the target.
        rate: Step size of the copy, as a share of the others'.
        source_share: Share of the steps that train on the source alone, before the copy is made.
    """

    def __init__(self, network: Network, *, rate: float, source_share: float) -> None:
        super().__init__(network)
        self.rate = rate
        self.source_share = source_share
        self.discriminator = _discriminator(network.size)
        self.target = copy.deepcopy(network.features)
        self._copied = False

    def groups(self, learning_rate: float) -> list[dict[str, Any]]:
        """The copy moves more slowly than the rest."""
        rest = [*self.network.parameters(), *self.discriminator.parameters()]
        return [
            {"params": rest, "lr": learning_rate},
            {"params": list(self.target.parameters()), "lr": self.rate * learning_rate},
        ]

    def loss(self, batch: Batch) -> Tensor:
        """First that of the source; then both sides of the game, in nats.

        -mean_A log D - mean_B log(1 - D), differentiable in D, minus mean_B log D, differentiable in
        the target's features (equations 7 and 9).
        """
        if batch.done < self.source_share:
            return super().loss(batch)
        if not self._copied:
            self.target.load_state_dict(self.network.features.state_dict())
            self._copied = True
        with torch.no_grad():
            a = self.network.features(batch.source)
        b = self.target(batch.target)
        game = logistic_discriminator_loss(
            self.discriminator(a).squeeze(1), self.discriminator(b.detach()).squeeze(1)
        )
        return game + non_saturating_loss(frozen(self.discriminator, b).squeeze(1))

    def forward(self, images: Tensor) -> Tensor:
        """Logits by the target's features and the source's classifier."""
        return self.network.classifier(self.target(images))


def _discriminator(size: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(size, size),
        nn.LeakyReLU(SLOPE),
        nn.Linear(size, size),
        nn.LeakyReLU(SLOPE),
        nn.Linear(size, 1),
    )
