"""How far apart the first two moments of two clouds are: what a simple parametric distance sees."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from isthmus.errors import InputError
from isthmus.metrics.arrays import as_points


def mean_distance(a: npt.ArrayLike, b: npt.ArrayLike) -> float:
    """|mean(A) - mean(B)|_2, in the unit of the features.

    Args:
        a: Points `(n, d)`.
        b: Points `(m, d)`.

    Raises:
        InputError: The points cannot be used.
    """
    x, y = as_points(a, "a"), as_points(b, "b", width_of=("a", a))
    return float(np.linalg.norm(x.mean(0) - y.mean(0)))


def covariance_distance(a: npt.ArrayLike, b: npt.ArrayLike) -> float:
    """|C_A - C_B|_F / |C_B|_F, covariances over n - 1; no unit, 0 where they agree.

    Args:
        a: Points `(n, d)`, n at least 2.
        b: Points `(m, d)`, m at least 2, not all the same.

    Raises:
        InputError: The points cannot be used, or B has no spread.
    """
    x, y = as_points(a, "a"), as_points(b, "b", width_of=("a", a))
    for name, points in (("a", x), ("b", y)):
        if len(points) < 2:
            raise InputError(name, "is a single point", mend="give at least two")
    target = np.cov(y, rowvar=False)
    norm = np.linalg.norm(target)
    if norm == 0:
        raise InputError("b", "has no spread to compare with", mend="give points that differ")
    return float(np.linalg.norm(np.cov(x, rowvar=False) - target) / norm)
