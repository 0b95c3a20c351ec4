"""The noise floor of MMD and EMD: what they give for two samples of one law."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from isthmus.alignment.emd import emd
from isthmus.alignment.mmd import median_width, squared_mmd
from isthmus.networks.randomness import generator


@dataclass(frozen=True)
class Floor:
    """A distance on one draw.

    Attributes:
        within: Between two samples of N(0, I).
        between: Between a sample of N(0, I) and one of N(shift e_1, I).
    """

    within: float
    between: float


def mmd(a: Tensor, b: Tensor) -> float:
    """MMD with one Gaussian kernel of median width, the root of the biased estimate; no unit."""
    return math.sqrt(max(0.0, float(squared_mmd(a, b, width=median_width(a, b)))))


def floors(dimension: int, samples: int, *, shift: float, seed: int) -> dict[str, Floor]:
    """MMD and EMD of two samples of one law, against those of two laws that differ in one feature.

    Both laws are normal with unit variance; their means are `shift` apart along the first feature,
    so that the best classifier tells them apart with accuracy Phi(shift / 2) in every dimension.
    The samples of the two laws are the same but for the shift, so EMD between the laws is EMD within
    one plus shift^2 - 2 shift (mean(a_1) - mean(b_1)): all it adds to the noise is a difference of
    means.

    Args:
        dimension: Number of features.
        samples: Points in each sample.
        shift: Distance of the means, in standard deviations.
        seed: Of the samples.

    Returns:
        By distance: "mmd" (without unit) and "emd" (squared standard deviations).
    """
    source = generator(seed, "samples")
    a, b = torch.randn(2, samples, dimension, dtype=torch.float64, generator=source)
    moved = b.clone()
    moved[:, 0] += shift
    return {
        "mmd": Floor(mmd(a, b), mmd(a, moved)),
        "emd": Floor(float(emd(a, b)), float(emd(a, moved))),
    }
