"""Multilayer perceptrons of an ensemble: one batched product a layer for all members."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from isthmus.densities.seeds import Seeds

SLOPE = 0.2


class EnsembleMLP(nn.Module):
    """Independent multilayer perceptrons with LeakyReLU between the layers.

    Args:
        widths: Features of the input, of each hidden layer and of the output.
        seeds: An integer for a single network, one seed a member for an ensemble `(E,)`.
        spectral: Whether every weight matrix is divided by its largest singular value, estimated by
            one power iteration a training step (Miyato et al. 2018, algorithm 1).
    """

    def __init__(
        self, widths: Sequence[int], seeds: int | Sequence[int], *, spectral: bool = False
    ) -> None:
        super().__init__()
        drawn = Seeds.of(seeds)
        self.batch_shape = drawn.members
        self.spectral = spectral
        generators = drawn.generators("weights")
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        for index, (inputs, outputs) in enumerate(pairwise(widths)):
            bound = 1 / math.sqrt(inputs)
            rows = [
                bound * (2 * torch.rand(inputs + 1, outputs, generator=g) - 1) for g in generators
            ]
            weight, bias = torch.stack(rows).split([inputs, 1], 1)
            self.weights.append(nn.Parameter(weight.contiguous()))
            self.biases.append(nn.Parameter(bias.contiguous()))
            start = torch.stack([torch.randn(outputs, 1, generator=g) for g in generators])
            self.register_buffer(f"direction{index}", start)

    def forward(self, x: Tensor) -> Tensor:
        """From `(*members, N, inputs)` to `(*members, N, outputs)`; `(N, inputs)` is shared."""
        shape = x.shape if x.dim() > 2 or not self.batch_shape else (*self.batch_shape, *x.shape)
        hidden = x.expand(shape).reshape(len(self.weights[0]), *x.shape[-2:])
        last = len(self.weights) - 1
        for index, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            if self.spectral:
                weight = weight / self._norm(index)
            hidden = torch.baddbmm(bias, hidden, weight)
            if index < last:
                hidden = nn.functional.leaky_relu(hidden, SLOPE)
        return hidden.view(*self.batch_shape, *hidden.shape[-2:])

    def _norm(self, index: int) -> Tensor:
        """Largest singular value of each member's weight, of shape `(E, 1, 1)`."""
        weight, v = self.weights[index], self.get_buffer(f"direction{index}")
        with torch.no_grad():
            u = nn.functional.normalize(weight @ v, dim=1)
            v = nn.functional.normalize(weight.mT @ u, dim=1)
            if self.training:
                self.get_buffer(f"direction{index}").copy_(v)
        return u.mT @ weight @ v
