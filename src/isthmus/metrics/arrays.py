"""Points and labels as the measures take them: accepted, or refused with a reason."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from isthmus.errors import InputError


def as_points(
    points: npt.ArrayLike, name: str, *, width_of: tuple[str, npt.ArrayLike] | None = None
) -> npt.NDArray[np.float64]:
    """Checked points, float64 `(n, d)`.

    Args:
        points: Real numbers of shape `(n, d)`.
        name: The argument they came in, for the error.
        width_of: Name and points of an argument whose number of features they must have.

    Raises:
        InputError: They are not finite numbers of that shape, or there are none.
    """
    x = np.asarray(points)
    if x.dtype.kind not in "fiub":
        raise InputError(name, f"has dtype {x.dtype}", mend="give real numbers")
    if x.ndim != 2 or not x.size:
        raise InputError(name, f"has shape {x.shape}", mend="give one row a point, (n, d)")
    if width_of is not None and x.shape[1] != np.shape(width_of[1])[1]:
        raise InputError(
            name,
            f"has {x.shape[1]} features where {width_of[0]} has {np.shape(width_of[1])[1]}",
            mend="describe both sets by the same features, in the same order",
        )
    wrong = ~np.isfinite(x).all(1)
    if wrong.any():
        raise InputError(
            name,
            "is not finite",
            field=f"row {int(wrong.argmax())}",
            mend="drop the point, or mend what made it",
        )
    return x.astype(np.float64)


def as_labels(
    labels: npt.ArrayLike, name: str, *, count: int | None = None, classes: int | None = None
) -> npt.NDArray[np.int64]:
    """Checked class labels, int64 `(n,)`.

    Args:
        labels: Integers of shape `(n,)`, from 0.
        name: The argument they came in, for the error.
        count: How many there must be.
        classes: Number of classes, none of which need occur.

    Raises:
        InputError: They are not such integers, or there are none.
    """
    y = np.asarray(labels)
    if y.dtype.kind not in "iu":
        raise InputError(name, f"has dtype {y.dtype}", mend="give classes as integers from 0")
    if y.ndim != 1 or not y.size:
        raise InputError(name, f"has shape {y.shape}", mend="give one class a sample, (n,)")
    if count not in (None, len(y)):
        raise InputError(name, f"holds {len(y)} of {count} labels", mend="give one a sample")
    wrong = (y < 0) if classes is None else (y < 0) | (y >= classes)
    if wrong.any():
        row = int(wrong.argmax())
        allowed = "0 or more" if classes is None else f"from 0 to {classes - 1}"
        raise InputError(name, f"is {y[row]}", field=f"row {row}", mend=f"use labels {allowed}")
    return y.astype(np.int64)
