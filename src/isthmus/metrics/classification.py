"""How often labels agree, and which with which."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from isthmus.metrics.arrays import as_labels


class Rate(NamedTuple):
    """A share of independent trials.

    Attributes:
        value: Between 0 and 1.
        error: Binomial standard error sqrt(p (1 - p) / n); 0 at p = 0 and 1, where it says little.
    """

    value: float
    error: float


def accuracy(predicted: npt.ArrayLike, labels: npt.ArrayLike) -> Rate:
    """The share of predictions that are right.

    Args:
        predicted: Classes, integers `(n,)` from 0.
        labels: The true ones, likewise.

    Raises:
        InputError: They are not such integers, or their numbers differ.
    """
    truth = as_labels(labels, "labels")
    return _rate(as_labels(predicted, "predicted", count=len(truth)) == truth)


def kept(before: npt.ArrayLike, after: npt.ArrayLike) -> Rate:
    """The share of samples whose predicted class is the same after a change as before it.

    No true labels enter: what a classifier gets wrong in the same way twice is kept.

    Args:
        before: Predicted classes, integers `(n,)` from 0.
        after: Predicted classes of the same samples after the change.

    Raises:
        InputError: They are not such integers, or their numbers differ.
    """
    first = as_labels(before, "before")
    return _rate(first == as_labels(after, "after", count=len(first)))


def confusion(
    labels: npt.ArrayLike, predicted: npt.ArrayLike, classes: int
) -> npt.NDArray[np.int64]:
    """How often each class was taken for each: row = label, column = prediction.

    Args:
        labels: Classes, integers `(n,)` from 0 to `classes` - 1: true ones, or those before.
        predicted: Predicted ones, or those after.
        classes: Number of classes.

    Returns:
        Counts `(classes, classes)` that sum to n.

    Raises:
        InputError: They are not such integers, or their numbers differ.
    """
    rows = as_labels(labels, "labels", classes=classes)
    columns = as_labels(predicted, "predicted", count=len(rows), classes=classes)
    return np.bincount(rows * classes + columns, minlength=classes**2).reshape(classes, classes)


def _rate(hits: npt.NDArray[np.bool_]) -> Rate:
    share = float(hits.mean())
    return Rate(share, float(np.sqrt(share * (1 - share) / len(hits))))
