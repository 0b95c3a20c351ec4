"""Errors of 3-D poses up to a similarity: PMPJPE, NMPJPE, PCK.

Poses are `(n, J, 3)`; errors have the unit of the truth, mm throughout. Rows are points, so a
rotation acts from the right: `p R`.

**Mirror rule.** PMPJPE fits any orthogonal matrix, a reflection included. NMPJPE fits none: the
prediction stands in a camera's coordinates, and the better of it and of itself with the sign of
depth flipped counts, as weak perspective cannot tell the two. Both rules are MetaPose's.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
PCK_THRESHOLD = 150.0
"""mm."""


def centred(poses: Array) -> Array:
    """Poses with the mean of their joints at the origin."""
    return np.asarray(poses - poses.mean(-2, keepdims=True))


def size(poses: Array) -> Array:
    """Frobenius norm of every pose about its mean, `(..., 1, 1)`."""
    return np.asarray(np.linalg.norm(centred(poses), axis=(-2, -1), keepdims=True))


def orthogonal(moved: Array, still: Array) -> Array:
    """The orthogonal `R` with the least `|moved R - still|` about the means (Schönemann 1966).

    Args:
        moved: `(..., J, 3)`.
        still: As many.

    Returns:
        `(..., 3, 3)`, reflections included.
    """
    u, _, v = np.linalg.svd(np.swapaxes(centred(moved), -1, -2) @ centred(still))
    return np.asarray(u @ v)


def pmpjpe(predicted: Array, truth: Array) -> Array:
    """Mean joint error of every pose after the best rotation or reflection, `(n,)`.

    The scale is the ratio of the norms about the means, not the best one, as in MetaPose.
    """
    fitted = centred(predicted) @ orthogonal(predicted, truth)
    return _mean_error(_scaled(fitted, truth), centred(truth))


def nmpjpe(predicted: Array, truth: Array, *, mirror: bool = True) -> Array:
    """Mean joint error of every pose after shift and scale alone, `(n,)`.

    Args:
        predicted: In the coordinates of the first camera.
        truth: In the coordinates of the same camera.
        mirror: Whether the prediction with the sign of its depth flipped may count instead.
    """
    return np.asarray(_joint_errors(predicted, truth, mirror).mean(-1))


def pck(predicted: Array, truth: Array, *, mirror: bool = True) -> Array:
    """Share of joints within 150 mm, aligned as for NMPJPE, `(n,)`, from 0 to 1."""
    return np.asarray((_joint_errors(predicted, truth, mirror) <= PCK_THRESHOLD).mean(-1))


def _joint_errors(predicted: Array, truth: Array, mirror: bool) -> Array:
    """Error of every joint of the better of the pose and its mirror image, `(n, J)`."""
    scaled, still = _scaled(centred(predicted), truth), centred(truth)
    errors = np.linalg.norm(scaled - still, axis=-1)
    if not mirror:
        return np.asarray(errors)
    flipped = np.linalg.norm(scaled * (1, 1, -1) - still, axis=-1)
    better = flipped.mean(-1, keepdims=True) < errors.mean(-1, keepdims=True)
    return np.where(better, flipped, errors)


def _scaled(poses: Array, truth: Array) -> Array:
    """Centred poses of the size of the truth; one of no size stays a point."""
    return np.asarray(poses * size(truth) / np.maximum(size(poses), np.finfo(float).tiny))


def _mean_error(predicted: Array, truth: Array) -> Array:
    return np.asarray(np.linalg.norm(predicted - truth, axis=-1).mean(-1))
