"""Scores of VisDA-2017 and Syn2Real: mean accuracy over classes, closed set and open set.

Peng, Usman et al., "VisDA: The Visual Domain Adaptation Challenge" (arXiv 1710.06924) and "Syn2Real"
(arXiv 1806.09755). All figures are in percent, computed exactly and rounded once.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy.typing as npt

from isthmus.metrics.arrays import as_labels
from isthmus.metrics.classification import confusion


@dataclass(frozen=True)
class ClosedSetScore:
    """The score of VisDA-2017.

    Attributes:
        accuracy: Unweighted mean of the accuracies of the classes.
        by_class: The share of the images of each class that are right; 0 where there is none.
    """

    accuracy: float
    by_class: tuple[float, ...]


@dataclass(frozen=True)
class OpenSetScore:
    """The scores of the open set of Syn2Real, whose last class is "unknown".

    Attributes:
        os: Unweighted mean of the accuracies of all classes, "unknown" among them: the official one.
        os_star: Mean of the accuracies of the known classes.
        unk: Accuracy of "unknown".
        hos: Harmonic mean 2 OS* UNK / (OS* + UNK), 0 where both are (Bucci et al. 2020).
        by_class: The accuracy of each class, "unknown" last; 0 where there is no image of it.
    """

    os: float
    os_star: float
    unk: float
    hos: float
    by_class: tuple[float, ...]


def closed_set_score(
    truth: npt.ArrayLike, predicted: npt.ArrayLike, *, classes: int = 12
) -> ClosedSetScore:
    """Mean over classes of the share of their images that are right, as the official script has it.

    A class that does not occur in the truth counts as 0, so a part of a set cannot reach 100.

    Args:
        truth: Classes, integers `(n,)` from 0 to `classes` - 1.
        predicted: The predicted ones, likewise.
        classes: Number of classes.

    Raises:
        InputError: They are not such integers, or their numbers differ.
    """
    shares = _accuracies(truth, predicted, classes)
    return ClosedSetScore(_percent(_mean(shares)), tuple(map(_percent, shares)))


def open_set_score(
    truth: npt.ArrayLike, predicted: npt.ArrayLike, *, known: int = 12
) -> OpenSetScore:
    """OS, OS*, UNK and HOS, where class `known` means "unknown".

    Args:
        truth: Classes, integers `(n,)` from 0 to `known`.
        predicted: The predicted ones, likewise.
        known: Number of known classes.

    Raises:
        InputError: As `closed_set_score`.
    """
    shares = _accuracies(truth, predicted, known + 1)
    os_star, unk = _mean(shares[:-1]), shares[-1]
    hos = 2 * os_star * unk / (os_star + unk) if os_star + unk else Fraction(0)
    return OpenSetScore(
        _percent(_mean(shares)),
        _percent(os_star),
        _percent(unk),
        _percent(hos),
        tuple(map(_percent, shares)),
    )


def _accuracies(truth: npt.ArrayLike, predicted: npt.ArrayLike, classes: int) -> list[Fraction]:
    labels = as_labels(truth, "truth", classes=classes)
    found = as_labels(predicted, "predicted", count=len(labels), classes=classes)
    counts = confusion(labels, found, classes)
    return [
        Fraction(int(row[index]), int(row.sum())) if row.sum() else Fraction(0)
        for index, row in enumerate(counts)
    ]


def _mean(shares: list[Fraction]) -> Fraction:
    return sum(shares, Fraction(0)) / len(shares)


def _percent(share: Fraction) -> float:
    return float(100 * share)
