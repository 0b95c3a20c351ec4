"""Self-ensembling (French, Mackiewicz, Fisher 2018): a student agrees with its own average."""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from isthmus.adaptation.adapter import Adapter, Batch
from isthmus.adaptation.network import Network


def consistency(student: Tensor, teacher: Tensor, threshold: float) -> Tensor:
    """Squared difference of probabilities where the teacher is sure.

        mean_i [max_k t_ik > threshold] mean_k (s_ik - t_ik)^2

    Args:
        student: Logits `(n, classes)`; differentiable.
        teacher: Logits `(n, classes)`; a constant.
        threshold: Probability from which the teacher counts as sure.
    """
    wanted = teacher.detach().softmax(1)
    sure = wanted.amax(1) > threshold
    return ((student.softmax(1) - wanted).square().mean(1) * sure).mean()


def imbalance(logits: Tensor) -> Tensor:
    """Cross-entropy of the mean prediction against equal classes, less its least value, log K.

    From 0 where classes are predicted equally often on average; in nats; differentiable.
    """
    mean = logits.softmax(1).mean(0).clamp(min=1e-8)
    return -mean.log().mean() - torch.tensor(float(len(mean))).log()


class SelfEnsembling(Adapter):
    """A mean teacher on the target.

    Args:
        network: The student; the average of its weights is the teacher, which predicts.
        weight: Weight of `consistency`.
        balance: Weight of `imbalance`, as a share of that.
        threshold: Probability from which the teacher counts as sure.
        decay: Of the average, a step.
    """

    def __init__(
        self, network: Network, *, weight: float, balance: float, threshold: float, decay: float
    ) -> None:
        super().__init__(network)
        self.weight = weight
        self.balance = balance
        self.threshold = threshold
        self.decay = decay
        self.teacher = copy.deepcopy(network).requires_grad_(False)

    def loss(self, batch: Batch) -> Tensor:
        """Cross-entropy on the source, plus weight ramp (consistency + balance imbalance)."""
        error = super().loss(batch)
        student = self.network(batch.target)
        with torch.no_grad():
            teacher = self.teacher(batch.again)
        agreement = consistency(student, teacher, self.threshold)
        return error + self.weight * batch.ramp * (agreement + self.balance * imbalance(student))

    @torch.no_grad()
    def after_step(self) -> None:
        """Move the teacher towards the student."""
        pairs = zip(self.teacher.parameters(), self.network.parameters(), strict=True)
        for average, current in pairs:
            average.lerp_(current, 1 - self.decay)

    def forward(self, images: Tensor) -> Tensor:
        """The teacher's logits."""
        return self.teacher(images)
