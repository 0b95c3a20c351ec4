"""How well a translator manipulates each factor: the accuracy ACC and the discrepancy RD.

A translation has a source and a guide. A factor that both domains share should come from the
source, one that is specific to the target domain from the guide. So for every factor one of the two
values is *wanted* and the *other* one is not; only pairs in which the two differ tell them apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from isthmus.errors import InputError
from isthmus.metrics.arrays import as_points
from isthmus.metrics.classification import accuracy


class Accuracy(NamedTuple):
    """A share of the pairs that count, or a mean of such shares.

    Attributes:
        value: Between 0 and 1; nan where no pair counts.
        error: Standard error, binomial for a share; nan where no pair counts.
        pairs: Number of pairs counted.
    """

    value: float
    error: float
    pairs: int


class Discrepancy(NamedTuple):
    """A relative discrepancy.

    Attributes:
        value: In percent, from 0 (each factor as accurate in either role) to 100.
        error: Standard error in percent.
    """

    value: float
    error: float


def share(hits: npt.ArrayLike, counted: npt.ArrayLike) -> Accuracy:
    """The share of hits among the pairs that count.

    Args:
        hits: Whether each pair is right, booleans `(n,)`.
        counted: Whether each pair counts, booleans `(n,)`.
    """
    chosen = np.asarray(hits)[np.asarray(counted)]
    if not chosen.size:
        return Accuracy(float("nan"), float("nan"), 0)
    return Accuracy(*accuracy(chosen.astype(np.int64), np.ones(len(chosen), np.int64)), len(chosen))


def categorical(translated: npt.ArrayLike, wanted: npt.ArrayLike, other: npt.ArrayLike) -> Accuracy:
    """ACC of a categorical factor, p(translated = wanted | wanted != other).

    This is the talk's formula with f_k(F(a, b)) for `translated`, y*_k for `wanted` and the value
    of the other of the two images for `other`.

    Args:
        translated: The factor in the translations, integers `(n,)`.
        wanted: Its value in the source if the factor is shared, in the guide if it is specific.
        other: Its value in the other one of the two.

    Raises:
        InputError: They are not integers, or not of one length.
    """
    t, right, wrong = (
        as_integers(values, name, ndim=1)
        for values, name in ((translated, "translated"), (wanted, "wanted"), (other, "other"))
    )
    same_shape(t, wanted=right, other=wrong)
    return share(t == right, right != wrong)


def real_valued(translated: npt.ArrayLike, wanted: npt.ArrayLike, other: npt.ArrayLike) -> Accuracy:
    """ACC of a real-valued factor, p(|translated - wanted| <= |translated - other|).

    Distances are L1 over the coordinates of the factor. Pairs with wanted = other, which any output
    would satisfy, do not count. Chance is 1/2; a factor whose fixed value lies at the end of its
    range is flattered, since then nearly every output is nearer to the guide.

    Args:
        translated: The factor in the translations, real numbers `(n,)` or `(n, d)`.
        wanted: Its value in the source if the factor is shared, in the guide if it is specific.
        other: Its value in the other one of the two.

    Raises:
        InputError: They are not finite real numbers, or not of one shape.
    """
    t, right, wrong = (
        as_points(np.reshape(values, (-1, 1)) if np.ndim(values) == 1 else values, name)
        for values, name in ((translated, "translated"), (wanted, "wanted"), (other, "other"))
    )
    same_shape(t, wanted=right, other=wrong)
    nearer = np.abs(t - right).sum(1) <= np.abs(t - wrong).sum(1)
    return share(nearer, (right != wrong).any(1))


def mean(accuracies: Sequence[Accuracy]) -> Accuracy:
    """The plain mean of independent accuracies, each of the same weight.

    Args:
        accuracies: Such as one a factor, or one a split. Those without pairs are left out.

    Returns:
        The mean, its standard error, and the total number of pairs.
    """
    measured = [each for each in accuracies if each.pairs]
    if not measured:
        return Accuracy(float("nan"), float("nan"), 0)
    return Accuracy(
        float(np.mean([each.value for each in measured])),
        float(np.linalg.norm([each.error for each in measured]) / len(measured)),
        sum(each.pairs for each in measured),
    )


def relative_discrepancy(specific: Sequence[Accuracy], common: Sequence[Accuracy]) -> Discrepancy:
    """RD = 100 sum_k |S_k - C_k| / sum_k (S_k + C_k), the talk's formula.

    It needs splits in which every factor takes both roles, as 3D-Shapes A, B and C. The standard
    error is that of the first-order expansion. Near S = C, where |S - C| has a kink, RD is biased
    upward: from sampling noise alone it is positive even at chance.

    Args:
        specific: S, for each factor its accuracy where it is domain-specific; the `mean` of several
            splits, if it is so in several.
        common: C, for each factor, in the same order, its accuracy where it is shared.

    Raises:
        InputError: The numbers of factors differ, a factor was not measured in one of the roles, or
            all accuracies are 0.
    """
    if len(specific) != len(common):
        problem = f"holds {len(common)} factors where specific holds {len(specific)}"
        raise InputError("common", problem, mend="give both roles of every factor")
    for name, role in (("specific", specific), ("common", common)):
        for k, each in enumerate(role):
            if not each.pairs:
                mend = "give pairs in which source and guide differ in it"
                raise InputError(name, "was not measured", field=f"factor {k}", mend=mend)
    s, c = (np.array([each.value for each in role]) for role in (specific, common))
    total = float((s + c).sum())
    if not total:
        raise InputError("specific, common", "are all 0", mend="RD needs one accuracy above 0")
    gap = float(np.abs(s - c).sum()) / total
    slopes = np.concatenate([np.sign(s - c) - gap, np.sign(c - s) - gap]) / total
    errors = np.array([each.error for role in (specific, common) for each in role])
    return Discrepancy(100 * gap, 100 * float(np.linalg.norm(slopes * errors)))


def as_integers(values: npt.ArrayLike, name: str, *, ndim: int) -> npt.NDArray[np.int64]:
    """Checked integers of any sign, int64, with `ndim` axes.

    Raises:
        InputError: They are not integers, or not of that many axes.
    """
    array = np.asarray(values)
    if array.dtype.kind not in "iu":
        raise InputError(name, f"has dtype {array.dtype}", mend="give integers")
    if array.ndim != ndim:
        shape = "(n,)" if ndim == 1 else "(n, k)"
        raise InputError(name, f"has shape {array.shape}", mend=f"give an array {shape}")
    return array.astype(np.int64)


def same_shape(first: npt.NDArray[np.generic], **others: npt.NDArray[np.generic]) -> None:
    """Refuse named arrays whose shape differs from that of the first.

    Raises:
        InputError: One of them does.
    """
    for name, array in others.items():
        if array.shape != first.shape:
            problem = f"has shape {array.shape} where the translations have {first.shape}"
            raise InputError(name, problem, mend="give one row a translation")
