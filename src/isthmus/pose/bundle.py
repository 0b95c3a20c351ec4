"""Classical bundle adjustment of one frame as AniPose does it (Karashchuk et al. 2021).

A camera has eight numbers: rotation vector, shift (metres), focal length (pixels, the principal
point is known and taken away), first radial distortion. The error is the plain squared distance of
points in pixels; uncertainties are not used. Six rounds drop what lies beyond a falling threshold,
and a last one adjusts all that is within it. Solver: SciPy's trust region, finite differences by
the Jacobian's pattern, LSMR, at most 200 evaluations, tolerance 1e-4.
"""

from __future__ import annotations

from itertools import combinations
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import least_squares
from scipy.sparse import csr_matrix, lil_matrix
from scipy.spatial.transform import Rotation

from isthmus.data.cameras import Cameras

Array = npt.NDArray[np.float64]
Begin = Literal["truth", "random"]

ROUNDS, FIRST_THRESHOLD, LAST_THRESHOLD, ENOUGH = 6, 15.0, 1.0, 0.3
"""Rounds; thresholds of the first and last in pixels; median error in pixels that ends them."""
SHARED = 10
"""Joints that a pair of views must share more than, to have a say in the thresholds."""
EVALUATIONS, TOLERANCE = 200, 1e-4
EXTRINSICS, CAMERA = 6, 8
_NEAREST = 1e-3


class Adjusted(NamedTuple):
    """The outcome.

    Attributes:
        pose: In the coordinates of the first camera, `(J, 3)`, metres up to the scale of the start.
        cameras: Rotation vector, shift, focal length, distortion, `(C, 8)`.
        error: Median distance of the points from where they are seen, pixels.
    """

    pose: Array
    cameras: Array
    error: float


def start(truth: Cameras, frame: int, begin: Begin, rng: np.random.Generator) -> Array:
    """Cameras `(C, 8)` to begin with: true extrinsics, or N(0, 1) ones; the true mean focal length.

    Args:
        truth: True cameras.
        frame: Which frame of them.
        begin: Whether with the true extrinsics or with random ones.
        rng: Draws the random ones.
    """
    rotation, centre = truth.rotation[frame], truth.centre[frame] / 1000
    if begin == "truth":
        shift = -np.einsum("cij,cj->ci", rotation, centre)
        outer = np.concatenate([Rotation.from_matrix(rotation).as_rotvec(), shift], 1)
    else:
        outer = rng.standard_normal((len(rotation), EXTRINSICS))
    focal = truth.intrinsics[frame, :, :2].mean()
    inner = np.tile([focal, 0.0], (len(rotation), 1))
    return np.concatenate([outer, inner], 1)


def adjust(
    points: Array, begun: Array, *, free_intrinsics: bool = True, rounds: int = ROUNDS
) -> Adjusted:
    """Adjust cameras and joints to the points of one frame.

    Args:
        points: Pixels less the principal point, `(C, J, 2)`; NaN where not seen.
        begun: Cameras to begin with, `(C, 8)`.
        free_intrinsics: Whether focal length and distortion move, as in MetaPose's script, or stay,
            as in its text.
        rounds: How many rounds before the last one, 6 in AniPose. With none, all joints are
            adjusted at once, which is plain bundle adjustment.
    """
    cameras = begun
    for limit in np.geomspace(FIRST_THRESHOLD, LAST_THRESHOLD, rounds):
        errors = _errors(cameras, triangulate(cameras, points), points)
        low, high = _spread(errors)
        mean = _over_views(errors)
        if not np.isfinite(mean).any() or np.nanmedian(mean) < ENOUGH:
            break
        kept = mean < max(min(high, limit), low)
        cameras = _solved(cameras, points, kept, free_intrinsics)
    kept = np.ones(points.shape[1], bool)
    if rounds:
        errors = _errors(cameras, triangulate(cameras, points), points)
        kept = _over_views(errors) < max(*_spread(errors), LAST_THRESHOLD)
    cameras = _solved(cameras, points, kept, free_intrinsics)
    joints = triangulate(cameras, points)
    errors = _errors(cameras, joints, points)
    error = float(np.median(errors[np.isfinite(errors)])) if np.isfinite(errors).any() else np.nan
    first = Rotation.from_rotvec(cameras[0, :3]).as_matrix()
    return Adjusted(joints @ first.T + cameras[0, 3:6], cameras, error)


def project(cameras: Array, joints: Array) -> Array:
    """Pixels `(C, J, 2)` of joints `(J, 3)` in cameras `(C, 8)`."""
    turned = Rotation.from_rotvec(cameras[:, :3]).as_matrix()
    placed = joints @ np.swapaxes(turned, 1, 2) + cameras[:, None, 3:6]
    depth = placed[..., 2:]
    flat = placed[..., :2] / np.where(np.abs(depth) < _NEAREST, _NEAREST, depth)
    radial = 1 + cameras[:, None, 7:] * (flat**2).sum(-1, keepdims=True)
    return np.asarray(cameras[:, None, 6:7] * radial * flat)


def triangulate(cameras: Array, points: Array) -> Array:
    """Joints `(J, 3)` by the linear method from points `(C, J, 2)` (Hartley, Zisserman 12.2).

    The distortion is taken away by a few fixed-point steps. A joint that fewer than two views see
    is NaN.
    """
    flat = points / cameras[:, None, 6:7]
    plain = flat
    for _ in range(5):
        plain = flat / (1 + cameras[:, None, 7:] * (plain**2).sum(-1, keepdims=True))
    turned = Rotation.from_rotvec(cameras[:, :3]).as_matrix()
    matrix = np.concatenate([turned, cameras[:, 3:6, None]], 2)[:, None]
    rows = plain[..., None] * matrix[:, :, 2:] - matrix[:, :, :2]
    seen = np.isfinite(rows).all((-2, -1)).sum(0)
    stacked = np.nan_to_num(rows, nan=0.0, posinf=0.0, neginf=0.0).transpose(1, 0, 2, 3)
    last = np.linalg.svd(stacked.reshape(points.shape[1], -1, 4))[2][:, -1]
    joints = last[:, :3] / np.where(np.abs(last[:, 3:]) < 1e-12, 1e-12, last[:, 3:])
    return np.where(seen[:, None] > 1, joints, np.nan)


def _errors(cameras: Array, joints: Array, points: Array) -> Array:
    """Distance of every point from its joint's projection, `(C, J)`, pixels; NaN where unknown."""
    return np.asarray(np.linalg.norm(project(cameras, joints) - points, axis=-1))


def _over_views(errors: Array) -> Array:
    """Mean error of every joint over the views that see it, `(J,)`; NaN where fewer than two do."""
    seen = np.isfinite(errors)
    total = np.where(seen, errors, 0).sum(0)
    return np.where(seen.sum(0) > 1, total / np.maximum(seen.sum(0), 1), np.nan)


def _spread(errors: Array) -> tuple[float, float]:
    """The largest 15th and the largest 75th percentile of a pair of views' mean errors, pixels.

    As in AniPose's library, pairs that share ten joints or fewer do not count; in frames of so few
    joints those that share all of them do.
    """
    low = high = 0.0
    for a, b in combinations(range(len(errors)), 2):
        both = (errors[a] + errors[b]) / 2
        if np.isfinite(both).sum() > min(SHARED, len(both) - 1):
            low = max(low, float(np.nanpercentile(both, 15)))
            high = max(high, float(np.nanpercentile(both, 75)))
    return low, high


def _solved(
    cameras: Array, points: Array, kept: npt.NDArray[np.bool_], free_intrinsics: bool
) -> Array:
    """Cameras after one least-squares problem over cameras and the kept joints."""
    views, moving = len(cameras), CAMERA if free_intrinsics else EXTRINSICS
    if not kept.any():
        return cameras
    points = points[:, kept]
    joints = triangulate(cameras, points)
    known = np.isfinite(
        np.concatenate([points, np.broadcast_to(joints, (views, *joints.shape))], -1)
    ).all(-1)
    if not known.any():
        return cameras
    where = np.nan_to_num(joints)
    seen = points[known]
    split = views * moving

    def residuals(x: Array) -> Array:
        moved = np.concatenate([x[:split].reshape(views, moving), cameras[:, moving:]], 1)
        return np.asarray((project(moved, x[split:].reshape(-1, 3))[known] - seen).ravel())

    found = least_squares(
        residuals,
        np.concatenate([cameras[:, :moving].ravel(), where.ravel()]),
        jac_sparsity=_pattern(known, moving),
        x_scale="jac",
        tr_solver="lsmr",
        ftol=TOLERANCE,
        max_nfev=EVALUATIONS,
    )
    return np.concatenate([found.x[:split].reshape(views, moving), cameras[:, moving:]], 1)


def _pattern(known: npt.NDArray[np.bool_], moving: int) -> csr_matrix:
    """Which unknowns each residual depends on: its camera's and its joint's."""
    views, joints = np.nonzero(known)
    out = lil_matrix((2 * len(views), known.shape[0] * moving + 3 * known.shape[1]), dtype=int)
    for row, (view, joint) in enumerate(zip(views, joints, strict=True)):
        begin = known.shape[0] * moving + 3 * joint
        out[2 * row : 2 * row + 2, view * moving : (view + 1) * moving] = 1
        out[2 * row : 2 * row + 2, begin : begin + 3] = 1
    return out.tocsr()
