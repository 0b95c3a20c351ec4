"""Captured human motion from the clips that the package pybullet brings, on Human3.6M's joints.

The clips drive the humanoid of DeepMimic (Peng et al. 2018): JSON files whose `Frames` hold 44
numbers each, the duration, the root's place (x forward, y up, z to the right, metres), then by part
a unit quaternion (w first) or, of knees and elbows, an angle in radians about z.

The humanoid has fourteen of the seventeen joints. Human3.6M's spine and thorax are its chest and
neck; neck and head sit on its head as they do on a procedural body at rest (`skeletons`).
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from isthmus.data.skeletons import LENGTHS, Poses
from isthmus.errors import InputError

Array = npt.NDArray[np.float64]

SUBJECT = 100
"""The number of the humanoid, which no procedural subject has."""
EVERY = 3
_PATTERNS = ("humanoid3d_*.txt", "walker/*.txt")
_INSIDE = ("data", "motions")
_METRES = 1000.0
_UNIT = 0.5
"""How far the norm of a quaternion may be from 1. Some of the clips were interpolated without
normalising them and are up to 0.42 off; pybullet normalises them, and so does this."""


class _Part(NamedTuple):
    """A part of the humanoid; offset of its joint in that of the part above, metres.

    The offsets are those of pybullet's `humanoid.urdf`, which is drawn four times as large.
    """

    above: int
    offset: tuple[float, float, float]
    numbers: int
    joint: int
    """Which of the seventeen it is."""


_PARTS = (
    _Part(-1, (0, 0, 0), 4, 0),
    _Part(0, (0, 0.236151, 0), 4, 7),
    _Part(1, (0, 0.223894, 0), 4, 8),
    _Part(0, (0, 0, 0.084887), 4, 1),
    _Part(3, (0, -0.421546, 0), 1, 2),
    _Part(4, (0, -0.40987, 0), 4, 3),
    _Part(1, (-0.02405, 0.2435, 0.18311), 4, 14),
    _Part(6, (0, -0.274788, 0), 1, 15),
    _Part(0, (0, 0, -0.084887), 4, 4),
    _Part(8, (0, -0.421546, 0), 1, 5),
    _Part(9, (0, -0.40987, 0), 4, 6),
    _Part(1, (-0.02405, 0.2435, -0.18311), 4, 11),
    _Part(11, (0, -0.274788, 0), 1, 12),
)
"""In the order of a frame: root, chest, neck, right hip, knee, ankle, shoulder, elbow, the left."""
_NECK, _RIGHT_ELBOW, _LEFT_ELBOW = 2, 7, 12
_FOREARM = (0, -0.258947, 0)
_NOSE = LENGTHS[9] / _METRES / 5**0.5 * np.array([1, 2, 0])
_ENDS = (
    (_NECK, _NOSE, 9),
    (_NECK, _NOSE + LENGTHS[10] / _METRES * np.array([0, 1, 0]), 10),
    (_RIGHT_ELBOW, np.array(_FOREARM), 16),
    (_LEFT_ELBOW, np.array(_FOREARM), 13),
)
"""Joints that no part turns about: on which part, where, metres, and which of the seventeen."""
_NUMBERS = 4 + sum(part.numbers for part in _PARTS)


class Clips(NamedTuple):
    """Frames of clips.

    Attributes:
        poses: Joints in mm, z up; each clip is moved so that its pelvis is at the origin of the
            plane in the mean.
        names: Of the frames, clip and number, `(n,)`.
    """

    poses: Poses
    names: npt.NDArray[np.str_]


def load(folder: str | Path | None = None, *, every: int = EVERY) -> Clips:
    """Frames of all clips of a folder, by name.

    Args:
        folder: Where the clips are; by default those of the installed pybullet.
        every: Takes frames 0, `every`, 2 `every`, ... of each clip.

    Raises:
        InputError: pybullet is not there, the folder holds no clip, or a file is no clip.
    """
    if every < 1:
        raise InputError("every", f"is {every}", mend="take one frame in 1 or more")
    home = _packaged() if folder is None else Path(folder)
    paths = sorted(path for pattern in _PATTERNS for path in home.glob(pattern))
    if not paths:
        mend = f"give a folder with {_PATTERNS[0]}, or none for those of pybullet"
        raise InputError(home, "there are no clips", mend=mend)
    parts, names, motions = [], [], []
    for motion, path in enumerate(paths):
        joints = joints_of(_frames(path)[::every])
        joints[..., :2] -= joints[:, :1, :2].mean(0)
        parts.append(joints)
        clip = path.stem.removeprefix("humanoid3d_")
        names += [f"{clip}_{index * every:04d}" for index in range(len(joints))]
        motions += [motion] * len(joints)
    subjects = np.full(len(names), SUBJECT, np.int64)
    poses = Poses(np.concatenate(parts), subjects, np.array(motions, np.int64))
    return Clips(poses, np.array(names))


def joints_of(frames: Array) -> Array:
    """Places of the joints in mm, z up, x forward, y to the left (forward kinematics).

    Args:
        frames: `(n, 44)`, as in a clip.

    Returns:
        `(n, 17, 3)`.
    """
    turned: list[Array] = []
    places: list[Array] = []
    found = np.empty((len(frames), len(LENGTHS), 3))
    start = 4
    for part in _PARTS:
        own = _turn(frames[:, start : start + part.numbers])
        start += part.numbers
        if part.above < 0:
            turned.append(own)
            places.append(frames[:, 1:4])
        else:
            turned.append(turned[part.above] @ own)
            places.append(places[part.above] + turned[part.above] @ np.array(part.offset))
        found[:, part.joint] = places[-1]
    for on, where, joint in _ENDS:
        found[:, joint] = places[on] + turned[on] @ where
    x, up, right = np.moveaxis(found, -1, 0)
    return _METRES * np.stack([x, -right, up], -1)


def _turn(numbers: Array) -> Array:
    """Rotations `(n, 3, 3)` of quaternions `(n, 4)`, w first, or of angles about z `(n, 1)`."""
    if numbers.shape[1] == 1:
        half = numbers / 2
        zero = np.zeros_like(half)
        numbers = np.concatenate([np.cos(half), zero, zero, np.sin(half)], 1)
    w, x, y, z = (numbers / np.linalg.norm(numbers, axis=1, keepdims=True)).T
    rows = (
        (1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        (2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    )
    return np.stack([np.stack(row, -1) for row in rows], -2)


def _frames(path: Path) -> Array:
    """The frames of a clip, `(n, 44)`."""
    try:
        frames = json.loads(path.read_text(encoding="utf-8"))["Frames"]
    except (OSError, ValueError, LookupError, TypeError) as error:
        mend = "give clips of pybullet's humanoid"
        raise InputError(path, f"is no clip ({error})", field="Frames", mend=mend) from None
    lengths = [len(frame) if isinstance(frame, Sequence) else 0 for frame in frames]
    wrong = next((i for i, length in enumerate(lengths) if length != _NUMBERS), None)
    if not lengths or wrong is not None:
        problem = "there are no frames" if wrong is None else f"{lengths[wrong]} numbers"
        field = "Frames" if wrong is None else f"Frames, frame {wrong}"
        mend = f"give clips of pybullet's humanoid, {_NUMBERS} numbers a frame"
        raise InputError(path, problem, field=field, mend=mend)
    try:
        found = np.array(frames, np.float64)
    except (TypeError, ValueError):
        raise InputError(path, "not numbers", field="Frames", mend="mend the file") from None
    start, off = 4, ~np.isfinite(found).all(1)
    for part in _PARTS:
        if part.numbers > 1:
            norms = np.linalg.norm(found[:, start : start + part.numbers], axis=1)
            off |= ~(np.abs(norms - 1) <= _UNIT)
        start += part.numbers
    if off.any():
        problem = "not finite, or a quaternion whose norm is far from 1"
        field = f"Frames, frame {int(np.flatnonzero(off)[0])}"
        raise InputError(path, problem, field=field, mend="mend or remove the file")
    return found


def _packaged() -> Path:
    """The folder of the clips in the installed package, which is not imported."""
    spec = importlib.util.find_spec("pybullet_data")
    if spec is None or not spec.submodule_search_locations:
        mend = "install the extra motion: pip install -e '.[motion]', or name a folder of clips"
        raise InputError("motion clips", "the package pybullet is not installed", mend=mend)
    return Path(next(iter(spec.submodule_search_locations)), *_INSIDE)
