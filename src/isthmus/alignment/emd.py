"""The earth mover's distance of two samples, exact."""

from __future__ import annotations

import numpy as np
import ot
import torch
from torch import Tensor

from isthmus.densities.samples import same_width


def emd(a: Tensor, b: Tensor) -> Tensor:
    """Exact earth mover's distance of two samples under the squared Euclidean cost.

        EMD = min over plans P of sum_ij P_ij |a_i - b_j|^2,   P 1 = 1 / N_A,   P^T 1 = 1 / N_B,

    the squared 2-Wasserstein distance of the empirical laws, by the network simplex of POT. The
    gradient is that of the sum at the best plan, which is kept fixed (Danskin).

    Args:
        a: Samples of A, of shape `(*members, N_A, D)`.
        b: Samples of B, of shape `(*members, N_B, D)`, or `(N_B, D)` shared by all members.

    Returns:
        The distance, of shape `members`, in squared units of the features: 0 where both samples
        are the same. Differentiable in the samples.

    Raises:
        InputError: The samples differ in width.
    """
    same_width(a, b)
    b = b.expand(*a.shape[:-2], *b.shape[-2:])
    distances = [_emd(a[index], b[index]) for index in np.ndindex(a.shape[:-2])]
    return torch.stack(distances).view(a.shape[:-2])


def _emd(a: Tensor, b: Tensor) -> Tensor:
    x, y = (points.detach().double().numpy() for points in (a, b))
    plan = ot.emd(ot.unif(len(x)), ot.unif(len(y)), ot.dist(x, y))
    rows, columns = plan.nonzero()  # at most N_A + N_B - 1
    mass = torch.from_numpy(plan[rows, columns]).to(a)
    return mass @ (a[rows] - b[columns]).square().sum(-1)
