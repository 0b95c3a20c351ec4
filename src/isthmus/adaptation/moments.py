"""Adapters that bring two sets of features together by a distance in closed form."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from math import log

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from isthmus.adaptation.adapter import Adapter, Batch
from isthmus.adaptation.network import Network
from isthmus.alignment.coral import coral_distance
from isthmus.alignment.distances import gaussian_lr_distance
from isthmus.alignment.dual import dual_distance
from isthmus.alignment.mmd import median_width, squared_mmd

FACTORS = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Multiples of the median distance that the five kernels of DAN take for widths."""

RIDGE = 1e-3
"""Added to the variances of features before their determinants are compared."""


class MomentAdapter(Adapter):
    """Cross-entropy on the source, plus `weight` times a distance of what the layers say.

    Args:
        network: The network.
        weight: Weight of the distance at the end of its ramp.
    """

    def __init__(self, network: Network, *, weight: float) -> None:
        super().__init__(network)
        self.weight = weight

    def loss(self, batch: Batch) -> Tensor:
        """-mean log p(label | image) + weight ramp d(A, B), in nats; differentiable in both parts."""
        count, features = len(batch.source), self.network.features
        both = features(torch.cat([batch.source, batch.target]))
        logits = self.network.classifier(both)
        distance = self.distance([both[:count], logits[:count]], [both[count:], logits[count:]])
        error = cross_entropy(logits[:count], batch.labels)
        return error + self.weight * batch.ramp * distance

    @abstractmethod
    def distance(self, a: Sequence[Tensor], b: Sequence[Tensor]) -> Tensor:
        """How far source and target are apart.

        Args:
            a: Features and logits of the source, `(n, size)` and `(n, classes)`.
            b: Those of the target.
        """


class Coral(MomentAdapter):
    """Deep CORAL (Sun, Saenko 2016): covariances of the logits, as published."""

    def distance(self, a: Sequence[Tensor], b: Sequence[Tensor]) -> Tensor:
        """`coral_distance` of the logits."""
        return coral_distance(a[1], b[1])


class Dan(MomentAdapter):
    """DAN (Long et al. 2015): multi-kernel MMD of the last two layers, five Gaussian kernels."""

    def distance(self, a: Sequence[Tensor], b: Sequence[Tensor]) -> Tensor:
        """The sum over layers of the biased squared MMD; between 0 and 2 a kernel and layer."""
        each = [squared_mmd(x, y, width=_widths(x, y)) for x, y in zip(a, b, strict=True)]
        return torch.stack(each).sum()


class Jan(MomentAdapter):
    """JAN (Long et al. 2017): joint MMD of features and predicted probabilities."""

    def distance(self, a: Sequence[Tensor], b: Sequence[Tensor]) -> Tensor:
        """`joint_mmd` of features and probabilities."""
        return joint_mmd((a[0], a[1].softmax(1)), (b[0], b[1].softmax(1)))


class Dual(MomentAdapter):
    """The kernel dual of a logistic discriminator (Usman, Saenko, Kulis 2018) on the logits."""

    def distance(self, a: Sequence[Tensor], b: Sequence[Tensor]) -> Tensor:
        """Log 2 + `dual_distance` / 2n, from 0 (indistinguishable) to log 2 (separable), in nats."""
        count = len(a[1]) + len(b[1])
        found = dual_distance(a[1], b[1], regulariser=1.0, width="median")
        return log(2) + found.value.to(a[1]) / count


class Lrmf(MomentAdapter):
    """The likelihood-ratio distance of LRMF for Gaussians (Usman et al. 2020) on the logits.

    It is the same in all affine frames, so shrinking the logits does not lower it.
    """

    def distance(self, a: Sequence[Tensor], b: Sequence[Tensor]) -> Tensor:
        """`gaussian_lr_distance` of the logits' moments, in nats, from 0."""
        return gaussian_lr_distance(*_moments(a[1]), *_moments(b[1]))


def joint_mmd(a: Sequence[Tensor], b: Sequence[Tensor]) -> Tensor:
    """Squared joint MMD, the biased estimator, whose kernel is the product of the layers' kernels.

        J = E k(a, a') + E k(b, b') - 2 E k(a, b),   k(x, y) = prod_l exp(-|x_l - y_l|^2 / (2 w_l^2))

    (Long et al. 2017, equation 9), w_l the median distance in layer l, a constant.

    Args:
        a: By layer the source `(n, D_l)`.
        b: By layer the target `(m, D_l)`.

    Returns:
        A scalar from 0 to 2, differentiable in all layers; with one layer, `squared_mmd`.
    """
    exponent = torch.zeros(())
    for x, y in zip(a, b, strict=True):
        points = torch.cat([x, y])
        exponent = exponent - _squared_distances(points) / (2 * median_width(x, y) ** 2)
    kernel, count = exponent.exp(), len(a[0])
    within = kernel[:count, :count].mean() + kernel[count:, count:].mean()
    return within - 2 * kernel[:count, count:].mean()


def _squared_distances(points: Tensor) -> Tensor:
    norms = points.square().sum(1)
    return (norms.unsqueeze(1) + norms - 2 * points @ points.mT).clamp(min=0)


def _widths(a: Tensor, b: Tensor) -> list[float]:
    median = median_width(a, b)
    return [factor * median for factor in FACTORS]


def _moments(x: Tensor) -> tuple[Tensor, Tensor]:
    return x.mean(0), x.mT.cov() + RIDGE * torch.eye(x.shape[1])
