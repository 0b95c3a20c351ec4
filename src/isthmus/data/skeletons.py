"""Procedural human motion on the seventeen joints of Human3.6M.

A subject is a set of bone lengths, a motion a law of joint angles over time. Bodies stand on a
plane with z up, x forward and y to the left of the body; lengths are in millimetres.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from isthmus.errors import InputError
from isthmus.seeding import derive

Array = npt.NDArray[np.float64]
Kind = Literal["everyday", "skiing"]

JOINTS = (
    *("pelvis", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle"),
    *("spine", "thorax", "neck", "head"),
    *("left_shoulder", "left_elbow", "left_wrist"),
    *("right_shoulder", "right_elbow", "right_wrist"),
)
"""The order of Human3.6M."""
PARENTS = (-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 9, 8, 11, 12, 8, 14, 15)
BONES = tuple((parent, child) for child, parent in enumerate(PARENTS) if parent >= 0)
"""The sixteen bones, each from parent to child, in the order of the children."""
MIRRORED = (0, 4, 5, 6, 1, 2, 3, 7, 8, 9, 10, 14, 15, 16, 11, 12, 13)
"""The joint on the other side of the body."""

_HIP, _THIGH, _SHIN, _SHOULDER, _ARM, _FOREARM = 132.9, 442.9, 454.2, 151.0, 278.9, 251.7
LENGTHS = np.array(
    [0, *(_HIP, _THIGH, _SHIN) * 2, 233.4, 257.1, 121.1, 115.0, *(_SHOULDER, _ARM, _FOREARM) * 2]
)
"""Mean bone lengths of Human3.6M in mm, by child."""

_DOWN, _UP, _LEFT, _RIGHT = (0, 0, -1), (0, 0, 1), (0, 1, 0), (0, -1, 0)
_REST = np.array(
    [
        *((0, 0, 0), _RIGHT, _DOWN, _DOWN, _LEFT, _DOWN, _DOWN),
        *(_UP, _UP, (1, 0, 2), _UP),
        *(_LEFT, _DOWN, _DOWN, _RIGHT, _DOWN, _DOWN),
    ],
    dtype=float,
)
_REST /= np.maximum(np.linalg.norm(_REST, axis=1, keepdims=True), 1)
_MOVERS = {"right_hip": 1, "right_knee": 2, "left_hip": 4, "left_knee": 5, "lumbar": 0, "spine": 7}
_MOVERS |= {"neck": 8, "left_shoulder": 11, "left_elbow": 12, "right_shoulder": 14}
_MOVERS |= {"right_elbow": 15}
"""The joint about which each part turns; `lumbar` turns the spine, `neck` the neck and head."""
_HINGE_LIMIT = (0.0, 150.0)
_LIMITS = {
    "hip": ((-30, 45), (-120, 20), (-30, 30)),
    "shoulder": ((-20, 150), (-170, 50), (-60, 60)),
    "lumbar": ((-15, 15), (-15, 15), (-15, 15)),
    "spine": ((-15, 15), (-15, 15), (-15, 15)),
    "neck": ((-45, 45), (-45, 45), (-45, 45)),
}
"""Range of the outward, sagittal and twisting angle in degrees; flexion forward is negative in the
limbs, positive in the trunk."""

PRIMITIVES = ("walk", "reach", "sit", "squat", "wave")
_FRAMES_OF_A_MOTION = 25


class Poses(NamedTuple):
    """Poses, one a row.

    Attributes:
        joints: Places of the joints in mm, `(n, 17, 3)`.
        subjects: Number of the subject, `(n,)`.
        motions: Number of the motion, `(n,)`.
    """

    joints: Array
    subjects: npt.NDArray[np.int64]
    motions: npt.NDArray[np.int64]


def bone_lengths(subject: int) -> Array:
    """Bone lengths of a subject in mm, `(17,)`, by child; both sides of a body are equal.

    The body as a whole is within 5 % of the mean of Human3.6M, every bone within 3 % of that.
    """
    rng = np.random.default_rng(derive(0, "subject", subject))
    own = rng.uniform(0.97, 1.03, len(JOINTS))
    return LENGTHS * rng.uniform(0.95, 1.05) * np.minimum(own, own[list(MIRRORED)])


def poses(count: int, subjects: range, kind: Kind = "everyday", *, seed: int) -> Poses:
    """Poses from the motions of subjects.

    Args:
        count: How many poses.
        subjects: Who moves.
        kind: Everyday motions (walk, reach, sit, squat, wave), or skiing.
        seed: Decides the motions. Another seed gives other ones.

    Raises:
        InputError: There is no subject, or no pose is asked for.
    """
    if count < 1 or not len(subjects):
        raise InputError(
            "poses", f"{count} of {len(subjects)} subjects", mend="ask for one or more"
        )
    motions = np.arange(count) // _FRAMES_OF_A_MOTION
    who = np.array(subjects)[motions % len(subjects)]
    parts = []
    for motion in np.unique(motions):
        size = int((motions == motion).sum())
        rng = np.random.default_rng(derive(seed, "motion", int(motion)))
        angles = _skiing(size, rng) if kind == "skiing" else _everyday(size, rng)
        length = bone_lengths(int(subjects[int(motion) % len(subjects)]))
        heading = np.deg2rad(rng.uniform(0, 360) + rng.uniform(-90, 90) * np.linspace(0, 1, size))
        place = rng.uniform(-800, 800, (1, 2)) * (kind == "everyday")
        parts.append(_placed(forward(angles, length), heading, place))
    return Poses(np.concatenate(parts), who.astype(np.int64), motions.astype(np.int64))


def forward(angles: dict[str, Array], lengths: Array) -> Array:
    """Places of the joints in mm, `(n, 17, 3)`, the pelvis at the origin (forward kinematics).

    Args:
        angles: By part, outward, sagittal and twisting angle in degrees, `(n, 3)`; parts left out
            are at rest.
        lengths: Bone lengths in mm by child, `(17,)`.
    """
    count = len(next(iter(angles.values())))
    local = {_MOVERS[part]: _turn(part, degrees) for part, degrees in angles.items()}
    still = np.broadcast_to(np.eye(3), (count, 3, 3))
    turned, places = [local.get(0, still)], [np.zeros((count, 3))]
    for child, parent in list(enumerate(PARENTS))[1:]:
        # The legs hang from the pelvis, which the lumbar joint does not turn.
        above = still if child in (1, 4) else turned[parent]
        places.append(places[parent] + lengths[child] * (above @ _REST[child]))
        turned.append(above @ local[child] if child in local else above)
    return np.stack(places, 1)


def limb_lengths(joints: Array) -> Array:
    """Lengths of the sixteen bones, `(n, 16)`, in the unit of the joints `(n, 17, 3)`."""
    parents, children = np.transpose(BONES)
    return np.asarray(np.linalg.norm(joints[:, children] - joints[:, parents], axis=-1))


def _turn(part: str, degrees: Array) -> Array:
    """Rotations `(n, 3, 3)`: outward about x, then sagittal about y, then twist about z."""
    outward = -1.0 if part.startswith("right") else 1.0
    x, y, z = np.deg2rad(degrees).T
    return _about(2, outward * z) @ _about(1, y) @ _about(0, outward * x)


def _about(axis: int, angle: Array) -> Array:
    """Rotations about a coordinate axis, `(n, 3, 3)`."""
    out = np.zeros((len(angle), 3, 3))
    i, j = (axis + 1) % 3, (axis + 2) % 3
    out[:, axis, axis] = 1
    out[:, i, i] = out[:, j, j] = np.cos(angle)
    out[:, j, i] = np.sin(angle)
    out[:, i, j] = -out[:, j, i]
    return out


def _placed(joints: Array, heading: Array, place: Array) -> Array:
    """Turned about the vertical, put down with the lower foot on the ground, moved in the plane."""
    joints = joints @ np.swapaxes(_about(2, heading), 1, 2)
    joints[..., 2] -= joints[..., 2].min(1, keepdims=True)
    joints[..., :2] += place[:, None]
    return joints


def _everyday(count: int, rng: np.random.Generator) -> dict[str, Array]:
    """Angles of one everyday motion: a primitive, and smooth random curves on top."""
    phase = 2 * np.pi * (rng.random() + rng.uniform(0.5, 2) * np.linspace(0, 1, count))
    swing, share = np.sin(phase), (1 - np.cos(phase)) / 2
    sagittal = {part: np.zeros(count) for part in _MOVERS}
    outward = {part: np.zeros(count) for part in _MOVERS}
    size = rng.uniform(0.6, 1.0)
    match rng.choice(PRIMITIVES):
        case "walk":
            for side, sign in (("left", 1), ("right", -1)):
                sagittal[f"{side}_hip"] = -10 - 30 * size * sign * swing
                sagittal[f"{side}_knee"] = 25 - 25 * size * np.cos(phase) * sign
                sagittal[f"{side}_shoulder"] = 35 * size * sign * swing
                sagittal[f"{side}_elbow"] += -30.0
        case "reach":
            for side in rng.choice(["left", "right"], rng.integers(1, 3), replace=False):
                sagittal[f"{side}_shoulder"] = -120 * size * share
                outward[f"{side}_shoulder"] = rng.uniform(-15, 60) * share
                sagittal[f"{side}_elbow"] = -60 * (1 - share)
        case "sit":
            for side in ("left", "right"):
                sagittal[f"{side}_hip"] += -90 * size
                sagittal[f"{side}_knee"] += 95 * size
                sagittal[f"{side}_elbow"] += -rng.uniform(10, 90)
        case "squat":
            sagittal["spine"] = 15 * share
            for side in ("left", "right"):
                sagittal[f"{side}_hip"] = -105 * size * share
                sagittal[f"{side}_knee"] = 125 * size * share
                sagittal[f"{side}_shoulder"] = -80 * size * share
        case "wave":
            side = rng.choice(["left", "right"])
            outward[f"{side}_shoulder"] += 110 * size
            sagittal[f"{side}_elbow"] = -60 - 50 * swing
    return _limited(
        {p: np.stack([outward[p], sagittal[p], np.zeros(count)], 1) for p in _MOVERS}, rng
    )


def _skiing(count: int, rng: np.random.Generator) -> dict[str, Array]:
    """Angles of a turn on skis: knees bent, trunk leaning forward, arms before the body."""
    lean, bend = rng.uniform(20, 60), rng.uniform(40, 100)
    swing = np.sin(2 * np.pi * (rng.random() + np.linspace(0, 1, count)))
    angles = {part: np.zeros((count, 3)) for part in _MOVERS}
    for part in ("lumbar", "spine"):
        angles[part][:, 1] = lean / 2
        angles[part][:, 0] = 12 * swing
    for side, sign in (("left", 1), ("right", -1)):
        angles[f"{side}_hip"][:, 1] = -bend * 0.6
        angles[f"{side}_hip"][:, 0] = 12 * sign * swing
        angles[f"{side}_knee"][:, 1] = np.clip(bend + 20 * sign * swing, *_HINGE_LIMIT)
        angles[f"{side}_shoulder"][:, 1] = -rng.uniform(20, 70) - lean / 2
        angles[f"{side}_shoulder"][:, 0] = rng.uniform(0, 40)
        angles[f"{side}_elbow"][:, 1] = -rng.uniform(20, 90)
    return {part: a + _smooth(count, rng) * _AMPLITUDE[part] for part, a in angles.items()}


_AMPLITUDE = {part: 5.0 if part in ("lumbar", "spine") else 12.0 for part in _MOVERS}
"""Deviation of the smooth random curves in degrees."""
_HINGES = ("knee", "elbow")


def _limited(angles: dict[str, Array], rng: np.random.Generator) -> dict[str, Array]:
    """Angles with smooth random curves on top, kept within what a body can do."""
    out = {}
    for part, degrees in angles.items():
        joint = part.split("_")[-1]
        moved = degrees + _smooth(len(degrees), rng) * _AMPLITUDE[part]
        if joint in _HINGES:
            sign = 1 if joint == "knee" else -1
            moved = np.stack(
                [
                    0 * moved[:, 0],
                    sign * np.clip(sign * moved[:, 1], *_HINGE_LIMIT),
                    0 * moved[:, 2],
                ],
                1,
            )
        else:
            low, high = np.transpose(_LIMITS[joint])
            moved = np.clip(moved, low, high)
        out[part] = moved
    return out


def _smooth(count: int, rng: np.random.Generator) -> Array:
    """Three random curves of unit deviation, `(count, 3)`: an offset and two slow waves."""
    time = np.linspace(0, 1, count)[:, None, None]
    rate, phase = rng.uniform(0.3, 1.5, (2, 3)), rng.uniform(0, 2 * np.pi, (2, 3))
    waves = np.sin(2 * np.pi * time * rate + phase).sum(1)
    return np.asarray((rng.standard_normal(3) + waves) / np.sqrt(2))
