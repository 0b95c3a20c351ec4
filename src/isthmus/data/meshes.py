"""A figure of ten ellipsoids under one triangle mesh, posed by the angles of its joints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.spatial import ConvexHull
from scipy.spatial.transform import Rotation

from isthmus.errors import InputError

Array = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
Vector = tuple[float, float, float]
Pose = Mapping[str, Vector]


class Part(NamedTuple):
    """A part of the body at rest: an ellipsoid that hangs on a joint.

    Lengths are in metres; x points to the body's left, y to its front, z up.
    """

    parent: str
    """The part that carries it; empty for the torso."""
    joint: Vector
    """Where it hangs, from the joint of its parent."""
    centre: Vector
    """Its centre, from its joint."""
    radii: Vector
    """Its half-axes."""


def _limbs(side: str, sign: float) -> dict[str, Part]:
    return {
        f"{side} upper arm": Part(
            "torso", (0.20 * sign, 0, 0.50), (0, 0, -0.15), (0.05,) * 2 + (0.18,)
        ),
        f"{side} forearm": Part(
            f"{side} upper arm", (0, 0, -0.30), (0, 0, -0.15), (0.04, 0.04, 0.17)
        ),
        f"{side} thigh": Part("torso", (0.10 * sign, 0, 0), (0, 0, -0.21), (0.08, 0.08, 0.24)),
        f"{side} shin": Part(f"{side} thigh", (0, 0, -0.42), (0, 0, -0.21), (0.055, 0.055, 0.24)),
    }


PARTS: dict[str, Part] = {
    "torso": Part("", (0, 0, 0), (0, 0, 0.28), (0.17, 0.11, 0.33)),
    "head": Part("torso", (0, 0, 0.62), (0, 0, 0.14), (0.09, 0.10, 0.14)),
    **_limbs("left", 1),
    **_limbs("right", -1),
}
"""The parts, each after the one that carries it."""

STANDING: Pose = {
    "left upper arm": (0, -25, 0),
    "right upper arm": (0, 25, 0),
    "left thigh": (0, -6, 0),
    "right thigh": (0, 6, 0),
}
"""Pose A: upright, arms a little off the body."""

STRIDING: Pose = {
    "left upper arm": (0, -100, 0),
    "left forearm": (0, -40, 0),
    "right upper arm": (-35, 15, 0),
    "right forearm": (40, 0, 0),
    "left thigh": (35, -4, 0),
    "left shin": (-30, 0, 0),
    "right thigh": (-15, 4, 0),
    "right shin": (-15, 0, 0),
}
"""Pose B: a step forward, one arm raised."""


@dataclass(frozen=True)
class Mesh:
    """A triangle mesh of closed parts.

    Attributes:
        vertices: Metres, of shape `(V, 3)`.
        triangles: Vertex numbers, of shape `(F, 3)`, counter-clockwise seen from outside.
        parts: The body part of each vertex, a position in `PARTS`, of shape `(V,)`.
    """

    vertices: Array
    triangles: Indices
    parts: Indices

    @property
    def edges(self) -> Indices:
        """Each pair of vertices that share a triangle, once and sorted, of shape `(E, 2)`."""
        sides = self.triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2)
        return np.unique(np.sort(sides, axis=1), axis=0)


def body(pose: Pose, *, vertices: int = 1500) -> Mesh:
    """The figure in a pose. Vertices, triangles and parts of two poses correspond by number.

    Each part is a spherical Fibonacci lattice stretched to an ellipsoid, and has a share of the
    vertices close to its share of the surface. A pose moves every part rigidly.

    Args:
        pose: By part the rotation about its joint, relative to its parent: an axis times an angle
            in degrees. Parts left out do not turn.
        vertices: Number of vertices, about: shares are rounded.

    Raises:
        InputError: A part is unknown, an angle is not finite, or there are too few vertices.
    """
    for name, turn in pose.items():
        if name not in PARTS:
            raise InputError("pose", f"{name!r} is no part", mend=f"use one of {', '.join(PARTS)}")
        if not np.isfinite(turn).all():
            raise InputError("pose", f"is {turn}", field=name, mend="use finite degrees")
    if vertices < 200:
        raise InputError("vertices", f"is {vertices}", mend="use at least 200")
    areas = {name: _area(part.radii) for name, part in PARTS.items()}
    points, triangles, labels = [], [], []
    first = 0
    for label, (name, (turn, origin)) in enumerate(_frames(pose).items()):
        part = PARTS[name]
        sphere = _sphere(round(vertices * areas[name] / sum(areas.values())))
        points.append(turn.apply(sphere * part.radii + part.centre) + origin)
        triangles.append(_hull(sphere) + first)
        labels.append(np.full(len(sphere), label))
        first += len(sphere)
    return Mesh(np.concatenate(points), np.concatenate(triangles), np.concatenate(labels))


def _frames(pose: Pose) -> dict[str, tuple[Rotation, Array]]:
    """By part its rotation and the place of its joint."""
    frames: dict[str, tuple[Rotation, Array]] = {"": (Rotation.identity(), np.zeros(3))}
    for name, part in PARTS.items():
        turn, origin = frames[part.parent]
        own = Rotation.from_rotvec(pose.get(name, (0, 0, 0)), degrees=True)
        frames[name] = turn * own, origin + turn.apply(part.joint)
    del frames[""]
    return frames


def _sphere(count: int) -> Array:
    """A Fibonacci lattice on the unit sphere, of shape `(count, 3)`."""
    height = 1 - (2 * np.arange(count) + 1) / count
    angle = np.pi * (3 - np.sqrt(5)) * np.arange(count)
    ring = np.sqrt(1 - height**2)
    return np.stack([ring * np.cos(angle), ring * np.sin(angle), height], axis=1)


def _hull(sphere: Array) -> Indices:
    """The Delaunay triangles of points on the unit sphere, each turned outwards."""
    triangles = ConvexHull(sphere).simplices.astype(np.int64)
    inward = np.linalg.det(sphere[triangles]) < 0
    triangles[inward] = triangles[inward][:, ::-1]
    return triangles


def _area(radii: Vector) -> float:
    """Surface of an ellipsoid to within 1.1 % (Thomsen's formula), in square metres."""
    a, b, c = np.power(radii, 1.6075)
    return float(4 * np.pi * ((a * b + a * c + b * c) / 3) ** (1 / 1.6075))
