"""Small factors: how much of an image a factor fills, and whether accuracy follows from it.

The talk's first remaining challenge is that attributes which fill few pixels suffer in
reconstruction losses.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import spearmanr

from isthmus.errors import InputError
from isthmus.metrics.arrays import as_points


class Change(NamedTuple):
    """How much of the images changes, in percent.

    Attributes:
        share: That of pixels in which any channel changes, however little.
        amount: The mean absolute change of a byte as a share of 255: what an L1 loss sees.
    """

    share: float
    amount: float


def change(before: npt.NDArray[np.uint8], after: npt.NDArray[np.uint8]) -> Change:
    """Compare images, uint8 `(n, channels, height, width)`, row by row; the mean over them.

    Raises:
        InputError: They are not such images, or not as many of one size.
    """
    for name, images in (("before", before), ("after", after)):
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape != before.shape:
            problem = f"has dtype {images.dtype} and shape {images.shape}"
            raise InputError(name, problem, mend="give two equal batches of bytes (n, c, h, w)")
    distance = np.abs(before.astype(np.int16) - after)
    return Change(
        100 * float((distance > 0).any(axis=1).mean()), 100 * float(distance.mean()) / 255
    )


def trend(cells: npt.ArrayLike) -> dict[str, float]:
    """How accuracy goes with the size of factors.

    Args:
        cells: `(n, 2)`: of every factor how much of the image it fills, and its accuracy, both in
            percent.

    Returns:
        `slope`, that of the least-squares line, in points of accuracy a point of size, unless the
        size is the same for all; and `rank_correlation`, Spearman's, unless either is.

    Raises:
        InputError: They are not finite numbers of that shape.
    """
    size, accuracy = as_points(cells, "cells", width_of=("size and accuracy", [[0, 0]])).T
    found = {}
    if np.ptp(size):
        found["slope"] = float(np.polyfit(size, accuracy, 1)[0])
        if np.ptp(accuracy):
            found["rank_correlation"] = float(spearmanr(size, accuracy).statistic)
    return found
