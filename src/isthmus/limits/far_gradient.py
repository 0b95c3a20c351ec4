"""What is left of a distance's gradient when A and B are far apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import torch
from torch import Tensor

from isthmus.alignment.coral import coral_distance
from isthmus.alignment.distances import gaussian_lr_distance
from isthmus.alignment.dual import dual_distance
from isthmus.alignment.emd import emd
from isthmus.alignment.mmd import squared_mmd
from isthmus.densities.gaussian import moments
from isthmus.stability.instance_noise import gradient as jensen_shannon_gradient

Distance = Callable[[Tensor, Tensor], Tensor]


def gaussian_lr(a: Tensor, b: Tensor) -> Tensor:
    """LRMF's distance within the family of Gaussians, by its closed form."""
    return gaussian_lr_distance(*moments(a), *moments(b))


DISTANCES: Mapping[str, Distance] = {
    "mmd": partial(squared_mmd, width=1.0),
    "emd": emd,
    "coral": coral_distance,
    "dual-linear": lambda a, b: dual_distance(a, b).value / len(a),
    "dual-kernel": lambda a, b: dual_distance(a, b, width=1.0).value / len(a),
    "lrmf-gaussian": gaussian_lr,
}
"""The distances whose gradient samples give; kernels have the width of the laws."""


def gradients(shifts: Sequence[float], samples: int, seed: int) -> dict[str, list[float]]:
    """|d distance(A + shift, B) / d shift| for A and B of one law N(0, 1) on a line.

    For a GAN with the best discriminator the distance is the Jensen-Shannon divergence of the two
    laws, which quadrature gives; for the others that of two samples.

    Args:
        shifts: Distances of the means, in standard deviations.
        samples: Points of A and of B.
        seed: Of the samples.

    Returns:
        By method, one gradient a shift; without common unit, so compare them along the shifts.
    """
    generator = torch.Generator().manual_seed(seed)
    a, b = torch.randn(2, samples, 1, dtype=torch.float64, generator=generator)
    found = {name: [_slope(d, a, b, shift) for shift in shifts] for name, d in DISTANCES.items()}
    gaps = torch.tensor(shifts, dtype=torch.float64)
    return found | {"gan": jensen_shannon_gradient(gaps, 1.0).abs().tolist()}


def _slope(distance: Distance, a: Tensor, b: Tensor, shift: float) -> float:
    by = torch.tensor(shift, dtype=a.dtype, requires_grad=True)
    (slope,) = torch.autograd.grad(distance(a + by, b), by)
    return abs(float(slope))
