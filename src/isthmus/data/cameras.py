"""Perspective cameras with distortion, and the two rigs: four fixed ones, six that follow a skier.

World coordinates are millimetres with z up. A camera sees `x_c = R (x - centre)` with x to the
right, y down and z into the scene, all in the convention of Human3.6M.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

H36M_CENTRES = 1000.0 * np.array(
    [(2.0, 4.9, 1.55), (2.0, -5.1, 1.6), (-1.7, 5.2, 1.5), (-1.7, -3.85, 1.56)]
)
_LOOKED_AT = 900.0
"""Height of the point that a camera looks at, mm."""


@dataclass(frozen=True)
class Cameras:
    """Cameras of n frames, C views each.

    Attributes:
        rotation: World to camera, `(n, C, 3, 3)`.
        centre: In mm, `(n, C, 3)`.
        intrinsics: fx, fy, cx, cy in pixels, `(n, C, 4)`.
        distortion: k1, k2, p1, p2, k3, `(n, C, 5)`.
    """

    rotation: Array
    centre: Array
    intrinsics: Array
    distortion: Array

    def place(self, points: Array) -> Array:
        """Points `(n, J, 3)` in the coordinates of every camera, `(n, C, J, 3)`, mm."""
        moved = points[:, None] - self.centre[:, :, None]
        return np.asarray(np.einsum("ncjk,nclk->ncjl", moved, self.rotation))

    def project(self, points: Array) -> Array:
        """Pixels `(n, C, J, 2)` of points `(n, J, 3)`; distortion is Brown's (1971)."""
        x, y, z = np.moveaxis(self.place(points), -1, 0)
        x, y = x / z, y / z
        k1, k2, p1, p2, k3 = np.moveaxis(self.distortion, -1, 0)[..., None]
        square = x**2 + y**2
        radial = 1 + square * (k1 + square * (k2 + square * k3))
        u = x * radial + 2 * p1 * x * y + p2 * (square + 2 * x**2)
        v = y * radial + p1 * (square + 2 * y**2) + 2 * p2 * x * y
        focal, principal = self.intrinsics[..., None, :2], self.intrinsics[..., None, 2:]
        return np.asarray(np.stack([u, v], -1) * focal + principal)


def looking(centre: Array, target: Array, roll: Array | float = 0.0) -> Array:
    """World-to-camera rotations `(..., 3, 3)` of upright cameras that look at a point.

    Args:
        centre: `(..., 3)`.
        target: `(..., 3)`, not straight above or below.
        roll: Turn about the line of sight, radians.
    """
    ahead = target - centre
    ahead = ahead / np.linalg.norm(ahead, axis=-1, keepdims=True)
    right = np.cross(ahead, [0.0, 0.0, 1.0])
    right = right / np.linalg.norm(right, axis=-1, keepdims=True)
    down = np.cross(ahead, right)
    cos, sin = np.cos(roll)[..., None], np.sin(roll)[..., None]
    return np.stack([cos * right + sin * down, cos * down - sin * right, ahead], -2)


def fixed_four(subjects: npt.NDArray[np.int64], seed: int) -> Cameras:
    """Four cameras placed like those of Human3.6M; every subject finds them a little moved.

    Args:
        subjects: Who is seen, `(n,)`.
        seed: Decides where the cameras of a subject stand.
    """
    count, views = len(subjects), len(H36M_CENTRES)
    rotation, centre = np.empty((count, views, 3, 3)), np.empty((count, views, 3))
    intrinsics, distortion = np.empty((count, views, 4)), np.empty((count, views, 5))
    own = np.random.default_rng(seed)
    focal = own.uniform(1145, 1150, (views, 1)) * np.ones(2)
    principal = np.stack([own.uniform(509, 520, views), own.uniform(501, 515, views)], 1)
    lens = own.normal((-0.2, 0.24, 0, 0, 0), (0.01, 0.01, 1e-3, 1e-3, 0), (views, 5))
    for subject in np.unique(subjects):
        mine, rng = subjects == subject, np.random.default_rng([seed, subject])
        centre[mine] = H36M_CENTRES + rng.normal(0, 115, (views, 3))
        target = rng.normal((0, 0, _LOOKED_AT), 100, (views, 3))
        rotation[mine] = looking(centre[mine], target, rng.normal(0, 0.01, views))
    intrinsics[:] = np.concatenate([focal, principal], 1)
    distortion[:] = lens
    return Cameras(rotation, centre, intrinsics, distortion)


def following_six(middle: Array, seed: int) -> Cameras:
    """Six cameras on a ring that pan, tilt and zoom after a skier, anew in every frame.

    Args:
        middle: Where the skier is, mm, `(n, 3)`.
        seed: Decides places and how well each follows.
    """
    count, views = len(middle), 6
    rng = np.random.default_rng(seed)
    azimuth = np.arange(views) * 2 * np.pi / views + rng.normal(0, 0.15, (count, views))
    radius = rng.uniform(10e3, 30e3, (1, views)) + rng.normal(0, 500, (count, views))
    height = rng.uniform(2e3, 5e3, (1, views)) + rng.normal(0, 200, (count, views))
    centre = np.stack([radius * np.cos(azimuth), radius * np.sin(azimuth), height], -1)
    target = middle[:, None] + rng.normal(0, 150, (count, views, 3))
    rotation = looking(centre, target, rng.normal(0, 0.02, (count, views)))
    focal = np.clip(radius / 1800 * rng.uniform(350, 500, (count, views)), 1000, 6000)
    intrinsics = np.stack([focal, focal, *np.full((2, count, views), 500.0)], -1)
    return Cameras(rotation, centre, intrinsics, np.zeros((count, views, 5)))
