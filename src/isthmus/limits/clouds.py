"""Round blobs on a circle: clouds whose first two moments do not depend on how they are turned."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from isthmus.seeding import derive


def circle_of_blobs(
    count: int, blobs: int, *, deviation: float, turn: float = 0.0, seed: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Points of equally likely normal blobs, centred evenly on the unit circle.

    With three blobs or more the law has mean 0 and covariance (1/2 + deviation^2) I for any turn.

    Args:
        count: Number of points.
        blobs: Number of blobs.
        deviation: Standard deviation of a blob along each axis, circle radius 1.
        turn: Counter-clockwise turn of the circle, in shares of the angle between two blobs.
        seed: Of the points.

    Returns:
        Points `(count, 2)` and the blob of each, from 0 to `blobs` - 1, of shape `(count,)`.
    """
    source = np.random.default_rng(derive(seed, "blobs"))
    blob = source.integers(blobs, size=count)
    angle = 2 * math.pi * (blob + turn) / blobs
    centres = np.stack([np.cos(angle), np.sin(angle)], 1)
    return centres + deviation * source.standard_normal((count, 2)), blob
