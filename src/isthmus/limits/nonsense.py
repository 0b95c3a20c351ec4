"""A map that a statistical distance cannot fault, and that means nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from isthmus.alignment.emd import emd
from isthmus.alignment.mmd import median_width, squared_mmd
from isthmus.errors import InputError
from isthmus.seeding import derive


@dataclass(frozen=True)
class Nonsense:
    """A map without meaning.

    Attributes:
        mapped: F(A), of shape `(N, D)`.
        emd: Exact EMD of F(A) and B, squared unit of the features.
        mmd: Squared MMD of F(A) and B with the median rule, without unit.
        agreement: Share of the points whose class F keeps.
        chance: Agreement of a random permutation in expectation.
    """

    mapped: npt.NDArray[np.float64]
    emd: float
    mmd: float
    agreement: float
    chance: float


def shuffle(
    points: npt.NDArray[np.float64], classes: npt.NDArray[np.int64], *, seed: int
) -> Nonsense:
    """Map an A that already is B onto B by a random permutation of its points.

    F(A) is B as a set, so every distance of laws is 0; which point went where is arbitrary.

    Args:
        points: A and B alike, of shape `(N, D)`, N at least 2.
        classes: Class of each point, of shape `(N,)`.
        seed: Of the permutation.

    Raises:
        InputError: There is not one class a point, or the points are too few or the same.
    """
    if len(classes) != len(points) or len(points) < 2:
        raise InputError(
            "classes",
            f"are {len(classes)} for {len(points)} points",
            mend="give at least two points and one class a point",
        )
    order = np.random.default_rng(derive(seed, "permutation")).permutation(len(points))
    b, mapped = torch.from_numpy(points), torch.from_numpy(points[order])
    pairs_of_one_class = float((np.bincount(classes).astype(float) ** 2).sum())
    return Nonsense(
        mapped=points[order],
        emd=float(emd(mapped, b)),
        mmd=float(squared_mmd(mapped, b, width=median_width(mapped, b))),
        agreement=float((classes[order] == classes).mean()),
        chance=pairs_of_one_class / len(points) ** 2,
    )
