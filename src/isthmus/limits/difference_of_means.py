"""The simplest parametric distance cannot tell clouds apart that a classifier tells apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from isthmus.attributes.domain import audit
from isthmus.limits.clouds import circle_of_blobs
from isthmus.metrics.moments import covariance_distance, mean_distance
from isthmus.seeding import derive

BLOBS = 4


@dataclass(frozen=True)
class BlindSpot:
    """Two clouds of one mean and one covariance.

    Attributes:
        a: Points of A, `(N, 2)`.
        b: Points of B, `(N, 2)`.
        distance: |mean(A) - mean(B)|, in radii of the circle.
        covariance_distance: |C_A - C_B|_F / |C_B|_F, without unit: what CORAL sees.
        domain_accuracy: How often a classifier tells them apart on points it has not seen.
    """

    a: npt.NDArray[np.float64]
    b: npt.NDArray[np.float64]
    distance: float
    covariance_distance: float
    domain_accuracy: float


def blind_spot(*, samples: int, deviation: float, steps: int, seed: int) -> BlindSpot:
    """Four blobs on a circle against the same turned by 45 degrees: equal in their first moments.

    Args:
        samples: Points of each cloud, at least 2.
        deviation: Standard deviation of a blob, circle radius 1.
        steps: Training length of the classifier.
        seed: Of points and classifier.

    Raises:
        InputError: There are too few points.
    """
    a, b = (
        circle_of_blobs(samples, BLOBS, deviation=deviation, turn=turn, seed=derive(seed, name))[0]
        for name, turn in (("a", 0.0), ("b", 0.5))
    )
    return BlindSpot(
        a=a,
        b=b,
        distance=mean_distance(a, b),
        covariance_distance=covariance_distance(a, b),
        domain_accuracy=audit(a, b, steps=steps, seed=derive(seed, "audit")).value,
    )
