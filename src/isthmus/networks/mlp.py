"""The multilayer perceptron."""

from __future__ import annotations

from itertools import pairwise

from torch import nn

from isthmus.networks.convolutional import SLOPE


def mlp(*widths: int) -> nn.Sequential:
    """Fully connected layers from `(n, widths[0])` to `(n, widths[-1])`, LeakyReLU between them."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [nn.Linear(inputs, outputs), nn.LeakyReLU(SLOPE)]
    return nn.Sequential(*layers[:-1])
