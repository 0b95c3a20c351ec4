"""The networks of S2: what one stage of the learned optimiser sees, and the update it answers.

A view is described by the pose, its camera, its heat-maps, its projections, and the loss with the
number of the stage. The features are standardised by fixed numbers (ours; the variances of heat-maps
would be lost among the rest).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from isthmus.networks.randomness import seeded
from isthmus.pose.likelihood import negative_log_likelihood
from isthmus.pose.state import CAMERA, State

Input = Literal["pose", "cameras", "heatmaps", "projections", "loss"]
INPUTS: tuple[Input, ...] = ("pose", "cameras", "heatmaps", "projections", "loss")
DECODER = (256, 128)
"""Hidden widths of the part that turns the mean embedding into a pose."""
_SMALL = 1e-6


class Views(NamedTuple):
    """What is known of frames: heat-maps `(n, C, J, K, 4)` and, where given, limb ratios `(n, 16)`."""

    mixtures: Tensor
    ratios: Tensor | None = None

    def take(self, rows: Tensor | slice) -> Views:
        """These frames."""
        return Views(self.mixtures[rows], None if self.ratios is None else self.ratios[rows])


def features(state: State, seen: Views, stage: int, without: Sequence[str] = ()) -> Tensor:
    """The description of every view, `(n, C, F)`; F = 369 for J = 17 and K = 4.

    Args:
        state: The solution so far.
        seen: What is known.
        stage: Number of the stage.
        without: Inputs left out (ablations), of `INPUTS`.
    """
    views = state.cameras.shape[1]
    projections = state.project()
    loss = negative_log_likelihood(projections, seen.mixtures)
    number = torch.full_like(loss, stage)
    parts = {
        "pose": state.pose.flatten(1)[:, None].expand(-1, views, -1),
        "cameras": state.cameras,
        "heatmaps": seen.mixtures.flatten(2),
        "projections": projections.flatten(2),
        "loss": torch.stack([loss, number], -1)[:, None].expand(-1, views, -1),
    }
    kept = [part for name, part in parts.items() if name not in without]
    if seen.ratios is not None:
        kept.append(seen.ratios[:, None].expand(-1, views, -1))
    return torch.cat(kept, -1)


class Standardiser(nn.Module):
    """Takes the training features' mean from each feature and divides by their deviation."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("deviation", torch.ones(size))

    def fit(self, values: Tensor) -> None:
        """Take mean and deviation over all but the last dimension; a constant is left as it is."""
        flat = values.flatten(0, -2)
        self.mean.copy_(flat.mean(0))
        deviation = flat.std(0)
        self.deviation.copy_(torch.where(deviation > _SMALL, deviation, 1.0))

    def forward(self, values: Tensor) -> Tensor:
        """Values `(..., F)` standardised."""
        return (values - self.mean) / self.deviation


class Beside(nn.Module):
    """Puts mean and deviation over the views beside every view's features ("ccat"), 3 times as wide.

    The deviation is the biased one with an epsilon, so that its gradient is finite where two views
    agree.
    """

    def forward(self, values: Tensor) -> Tensor:
        """`(n, C, W)` to `(n, C, 3 W)`."""
        mean = values.mean(1, keepdim=True)
        variance = (values - mean).square().mean(1, keepdim=True)
        both = torch.cat([mean, (variance + _SMALL).sqrt()], -1)
        return torch.cat([values, both.expand(-1, values.shape[1], -1)], -1)


class Equivariant(nn.Module):
    """The network of one stage: permuting views permutes their updates and leaves the pose's.

    Attributes:
        config: The arguments that rebuild it.
    """

    def __init__(self, size: int, joints: int, width: int, blocks: int, *, seed: int = 0) -> None:
        """Make it.

        Args:
            size: Features of a view.
            joints: J.
            width: Of every layer (512 as published).
            blocks: Pairs of layers, each followed by the views' mean and deviation (published: 2
                for Human3.6M, 4 for SkiPose).
            seed: Decides the first weights.
        """
        super().__init__()
        self.config = {"size": size, "joints": joints, "width": width, "blocks": blocks}
        self.standard = Standardiser(size)
        with seeded(seed):
            layers: list[nn.Module] = [_dense(size, width), nn.SELU()]
            inputs = width
            for _ in range(blocks):
                layers += [_dense(inputs, width), nn.SELU(), _dense(width, width), nn.SELU()]
                layers.append(Beside())
                inputs = 3 * width
            self.body = nn.Sequential(*layers, _dense(inputs, width), nn.SELU())
            self.embed, self.turn = _dense(width, width), _still(width, CAMERA)
            first, second = DECODER
            self.decode = nn.Sequential(
                *(nn.SELU(), _dense(width, first), nn.SELU(), _dense(first, second), nn.SELU()),
                _still(second, 3 * joints),
            )

    def forward(self, described: Tensor) -> tuple[Tensor, Tensor]:
        """Updates of the pose `(n, J, 3)` and of the cameras `(n, C, 10)` from `(n, C, F)`."""
        values = self.body(self.standard(described))
        pose = self.decode(self.embed(values).mean(1))
        return pose.unflatten(-1, (-1, 3)), self.turn(values)


class Flat(nn.Module):
    """The ablation: one perceptron over all views in their order, 512-512-512-128 as published."""

    def __init__(self, size: int, joints: int, width: int, views: int, *, seed: int = 0) -> None:
        super().__init__()
        self.config = {"size": size, "joints": joints, "width": width, "views": views}
        self.standard = Standardiser(size)
        with seeded(seed):
            widths = (views * size, width, width, width, max(width // 4, 1))
            hidden = [layer for a, b in pairwise(widths) for layer in (_dense(a, b), nn.SELU())]
            self.body = nn.Sequential(*hidden, _still(widths[-1], 3 * joints + CAMERA * views))

    def forward(self, described: Tensor) -> tuple[Tensor, Tensor]:
        """As `Equivariant.forward`."""
        views, joints = self.config["views"], self.config["joints"]
        out = self.body(self.standard(described).flatten(1))
        pose, cameras = out.split([3 * joints, CAMERA * views], -1)
        return pose.unflatten(-1, (joints, 3)), cameras.unflatten(-1, (views, CAMERA))


def _dense(inputs: int, outputs: int) -> nn.Linear:
    """A layer started as SELU wants it (Klambauer et al. 2017)."""
    layer = nn.Linear(inputs, outputs)
    nn.init.kaiming_normal_(layer.weight, nonlinearity="linear")
    nn.init.zeros_(layer.bias)
    return layer


def _still(inputs: int, outputs: int) -> nn.Linear:
    """A last layer whose first answer is no update."""
    layer = nn.Linear(inputs, outputs)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer
