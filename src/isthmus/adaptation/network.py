"""The network that all adapters share: convolutions, features, a classifier."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from isthmus.networks.convolutional import GROUPS, SLOPE, down, features
from isthmus.networks.randomness import seeded

DROPOUT = 0.5


class Network(nn.Module):
    """Images to features, features to logits.

    A 3 x 3 convolution at full resolution, `down`, one affine layer and LeakyReLU give the features;
    two affine layers with dropout before each give the logits. Every normalisation is within one
    image, so a domain never changes what the network says of the other.

    Args:
        shape: Height, width and channels of the images, as `Table.shape`.
        classes: Number of logits.
        width: Channels of the first convolution, a multiple of 4.
        size: Number of features.
        seed: Of the initial weights.

    Attributes:
        features: Images `(n, channels, side, side)` in [0, 1] to features `(n, size)`.
        classifier: Features to logits `(n, classes)`.
    """

    def __init__(
        self, shape: tuple[int, ...], classes: int, *, width: int, size: int, seed: int
    ) -> None:
        super().__init__()
        side, _, channels = shape
        self.size, self.classes = size, classes
        with seeded(seed):
            self.features = nn.Sequential(
                nn.Conv2d(channels, width, 3, padding=1),
                nn.GroupNorm(GROUPS, width),
                nn.LeakyReLU(SLOPE),
                down(side, width, channels=width),
                nn.Linear(features(side, width), size),
                nn.LeakyReLU(SLOPE),
            )
            self.classifier = nn.Sequential(
                nn.Dropout(DROPOUT),
                nn.Linear(size, size),
                nn.LeakyReLU(SLOPE),
                nn.Dropout(DROPOUT),
                nn.Linear(size, classes),
            )

    def forward(self, images: Tensor) -> Tensor:
        """Logits `(n, classes)`."""
        return self.classifier(self.features(images))


def reset(module: nn.Module) -> nn.Module:
    """A copy with new initial weights, drawn from torch's global generator."""
    fresh = copy.deepcopy(module)
    for each in fresh.modules():
        if isinstance(each, nn.Linear | nn.Conv2d):
            each.reset_parameters()
    return fresh


def frozen(module: nn.Module, x: Tensor) -> Tensor:
    """What a module says of `x`, differentiable in `x` and not in the module's weights."""
    weights = {name: value.detach() for name, value in module.named_parameters()}
    return torch.func.functional_call(module, weights, (x,))
