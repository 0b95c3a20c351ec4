"""Human3.6M from the user's own copy of the official folders, as `Views`.

The data set may not be passed on, so nothing is downloaded. The archives unpack into a folder a
subject, `S9/MyPoseFeatures/`, with for every action and take nine CDF files of 32 joints a frame:

- `D3_Positions/Directions 1.cdf`: world coordinates, mm;
- `D3_Positions_mono/Directions 1.54138969.cdf` and three more: coordinates of each camera, mm;
- `D2_Positions/Directions 1.54138969.cdf` and three more: pixels.

The cameras follow from these alone, `metadata.xml` is not needed.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from isthmus.data.cameras import Cameras
from isthmus.data.views import Views, mixtures_of_points, square_boxes
from isthmus.errors import InputError

Array = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

CAMERAS = ("54138969", "55011271", "58860488", "60457274")
EVERY = 16
"""MetaPose takes one frame in so many."""
STORED = 32
KEPT = (0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27)
"""The seventeen of the 32 stored joints that are `skeletons.JOINTS`, in that order."""
_INSIDE = "MyPoseFeatures"
_WORLD, _PLACED, _PIXELS = "D3_Positions", "D3_Positions_mono", "D2_Positions"
_RIGID, _REPROJECTED, _NEAR = 10.0, 2.0, 1.0
"""How far the fitted cameras may be off at any joint, mm and pixels, and how near a joint may be to
one, mm. Human3.6M's own tangential distortion is not quite Brown's, which costs some hundredths of
a pixel."""


def h36m(folders: Iterable[str | Path], *, every: int = EVERY) -> Views:
    """Frames of Human3.6M from the subjects' folders, see `h36m_arrays`.

    Args:
        folders: Such as `S9` and `S11`.
        every: Takes frames 0, `every`, 2 `every`, ... of each action.

    Raises:
        InputError: The package cdflib is not there, a folder is, or a file is no CDF, or as below.
    """
    return h36m_arrays({Path(folder): _Folder(Path(folder)) for folder in folders}, every=every)


def h36m_arrays(
    folders: Mapping[Path, Mapping[str, npt.ArrayLike]], *, every: int = EVERY
) -> Views:
    """Frames of Human3.6M; the true joints stand in for detections.

    Rotation and centre of a subject's cameras are what moves its joints from world to camera
    coordinates (Procrustes, no reflection, no scale), the lens is what makes pixels of them (least
    squares). Both use the frames that are taken: the files are computed from one another, so more
    frames would tell nothing more. The labels are the stored pixels, mixtures are drawn around
    them, and there are no monocular poses: a lifter has to make them.

    Args:
        folders: By subject's folder, its arrays `(..., frames, 32 * 3 or 32 * 2)` by file, such as
            `D3_Positions/Directions 1.cdf`.
        every: Takes frames 0, `every`, 2 `every`, ... of each action.

    Raises:
        InputError: Nothing is given, a folder is not named after a subject, a file is missing, the
            files of an action differ in length, numbers are too few, too many or not finite, or no
            camera makes the one file of the other.
    """
    if every < 1:
        raise InputError("every", f"is {every}", mend="take one frame in 1 or more")
    if not folders:
        raise InputError("folders", "there are none", mend="give the subjects', such as S9")
    subjects: dict[int, _Subject] = {}
    for folder, files in folders.items():
        number = _number(folder)
        if number in subjects:
            raise InputError(folder, f"subject {number} is there twice", mend="give it once")
        subjects[number] = _subject(folder, files, every)
    found = list(subjects.values())
    counts = [len(each.frames) for each in found]
    pixels = np.concatenate([each.pixels for each in found])
    boxes = square_boxes(pixels)
    points = (pixels - boxes[:, :, None, :2]) / boxes[:, :, None, 2:]
    truth = {
        name: np.concatenate(
            [np.repeat(vars(each.cameras)[name], len(each.frames), 0) for each in found]
        )
        for name in vars(found[0].cameras)
    }
    return Views(
        frames=np.array([name for each in found for name in each.frames]),
        cameras=CAMERAS,
        boxes=boxes,
        mixtures=mixtures_of_points(points, np.ones(points.shape[:-1])),
        seen=np.ones(points.shape[:-1], bool),
        labels=points,
        subjects=np.repeat(np.array(list(subjects), np.int64), counts),
        pose=np.concatenate([each.pose for each in found]),
        truth=Cameras(**truth),
    )


class _Subject(NamedTuple):
    frames: list[str]
    pose: Array
    """`(n, 17, 3)`."""
    pixels: Array
    """`(n, 4, 17, 2)`."""
    cameras: Cameras
    """Of one frame."""


def _subject(folder: Path, files: Mapping[str, npt.ArrayLike], every: int) -> _Subject:
    number = _number(folder)
    actions = sorted({name.split("/")[1].split(".")[0] for name in files})
    if not actions:
        raise InputError(folder / _INSIDE, "there are no .cdf files", mend=_unpack(_WORLD, number))
    frames: list[str] = []
    sources: list[str] = []
    world, placed, pixels = [], [], []
    for action in actions:
        names = [f"{_WORLD}/{action}.cdf"]
        names += [f"{part}/{action}.{c}.cdf" for part in (_PLACED, _PIXELS) for c in CAMERAS]
        length, clips = 0, []
        for name in names:
            clip = _stored(folder, files, name, number)
            length = length or len(clip)
            if len(clip) != length:
                raise InputError(
                    folder / _INSIDE / name,
                    f"{len(clip)} frames, but {length} in {names[0]}",
                    field="Pose",
                    mend="unpack both archives anew",
                )
            clips.append(_taken(folder / _INSIDE / name, clip, every))
        world.append(clips[0])
        placed.append(np.stack(clips[1:5], 1))
        pixels.append(np.stack(clips[5:], 1))
        frames += [f"s{number}_{action}_f{index}" for index in range(0, length, every)]
        sources += [action] * len(clips[0])
    pose, seen = np.concatenate(world), np.concatenate(pixels)
    in_camera = np.concatenate(placed)
    return _Subject(frames, pose, seen, _cameras(folder, sources, pose, in_camera, seen))


def _stored(
    folder: Path, files: Mapping[str, npt.ArrayLike], name: str, number: int
) -> npt.NDArray[Any]:
    """A file's numbers, `(frames, 32, 3 or 2)`."""
    part, path = name.split("/")[0], folder / _INSIDE / name
    try:
        given = files[name]
    except KeyError:
        mend = f"{_unpack(part, number)}, or take the other files of the action away"
        raise InputError(path, "the file is missing", mend=mend) from None
    values, size = np.asarray(given), 2 if part == _PIXELS else 3
    width = values.shape[-1] if values.ndim and values.dtype.kind in "fiu" else 0
    if width != STORED * size or not values.size:
        said = f"{width} numbers a frame" if values.size else "there are no frames"
        mend = f"give Human3.6M's own file, {STORED * size} numbers a frame"
        raise InputError(path, said, field="Pose", mend=mend)
    return values.reshape(-1, STORED, size)


def _taken(path: Path, clip: npt.NDArray[Any], every: int) -> Array:
    """The frames and joints of a file that are used."""
    kept = clip[::every][:, KEPT].astype(np.float64)
    bad = np.flatnonzero(~np.isfinite(kept).all((1, 2)))
    if len(bad):
        field = f"Pose, frame {bad[0] * every}"
        raise InputError(path, "not finite", field=field, mend="unpack the archive anew")
    return kept


def _cameras(
    folder: Path, actions: list[str], pose: Array, placed: Array, pixels: Array
) -> Cameras:
    """The cameras of a subject, from the same joints in world, camera and image."""

    def check(part: str, rows: Rows, off: Array, limit: float, said: str, mend: str) -> None:
        """Refuse the file of the worst view `(n, C)` if that is off by more."""
        off = np.where(np.isfinite(off), off, np.inf)
        frame, camera = np.unravel_index(int(np.argmax(off)), off.shape)
        if off[frame, camera] > limit:
            name = f"{actions[rows[frame]]}.{CAMERAS[camera]}.cdf"
            said = said.format(off[frame, camera])
            raise InputError(folder / _INSIDE / part / name, said, field="Pose", mend=mend)

    every = np.arange(len(actions))
    # Each action alone first, so that it is the wrong file that is named.
    groups = [every[np.array(actions) == action] for action in sorted(set(actions))] + [every]
    views, lens = range(len(CAMERAS)), (np.zeros((1, 4, 4)), np.zeros((1, 4, 5)))
    own = f"give Human3.6M's own {_PLACED}, not {_PLACED}_universal"
    check(_PLACED, every, -placed[..., 2].min(-1), -_NEAR, "a joint is behind the camera", own)
    for rows in groups:
        rotation, centre = zip(*(_stand(pose[rows], placed[rows, view]) for view in views))
        found = Cameras(np.stack(rotation)[None], np.stack(centre)[None], *lens)
        off = np.linalg.norm(found.place(pose[rows]) - placed[rows], axis=-1).max(-1)
        check(_PLACED, rows, off, _RIGID, f"{{:.3g}} mm from {_WORLD} as the camera sees it", own)
    own = f"give Human3.6M's own {_PIXELS} of this camera, in pixels"
    for rows in groups:
        lenses = zip(*(_lens(placed[rows, view], pixels[rows, view]) for view in views))
        found = Cameras(found.rotation, found.centre, *(np.stack(each)[None] for each in lenses))
        off = np.linalg.norm(found.project(pose[rows]) - pixels[rows], axis=-1).max(-1)
        said = f"{{:.3g}} pixels from {_PLACED} through any lens"
        check(_PIXELS, rows, off, _REPROJECTED, said, own)
    return found


def _stand(world: Array, placed: Array) -> tuple[Array, Array]:
    """Rotation and centre that take world to camera coordinates (Kabsch 1976)."""
    world, placed = world.reshape(-1, 3), placed.reshape(-1, 3)
    u, _, v = np.linalg.svd((placed - placed.mean(0)).T @ (world - world.mean(0)))
    rotation = (u * [1, 1, np.linalg.det(u @ v)]) @ v
    return rotation, world.mean(0) - placed.mean(0) @ rotation


def _lens(placed: Array, pixels: Array) -> tuple[Array, Array]:
    """Intrinsics and distortion that make pixels of points in camera coordinates.

    Brown's model is linear once divided by the focal lengths: u / fx - cx / fx = x + k1 x r^2 + ...
    and the same for v, in 1 / fx, cx / fx, 1 / fy, cy / fy and the five coefficients, which both
    equations share.
    """
    x, y = (placed[..., :2] / placed[..., 2:]).reshape(-1, 2).T
    u, v = pixels.reshape(-1, 2).T
    square, zero, one = x**2 + y**2, np.zeros_like(x), np.ones_like(x)
    radial = [square, square**2, square**3]
    along = [-2 * x * y, -square - 2 * x**2]
    across = [-square - 2 * y**2, -2 * x * y]
    first = [u, -one, zero, zero, -x * radial[0], -x * radial[1], *along, -x * radial[2]]
    second = [zero, zero, v, -one, -y * radial[0], -y * radial[1], *across, -y * radial[2]]
    left = np.concatenate([np.stack(first, 1), np.stack(second, 1)])
    size = np.maximum(np.linalg.norm(left, axis=0), 1e-9)
    answer = np.linalg.lstsq(left / size, np.concatenate([x, y]), rcond=None)[0] / size
    across_x, middle_x, across_y, middle_y = answer[:4]
    inverse = np.array([across_x, across_y])
    focal = 1 / np.where(inverse > 1e-9, inverse, np.nan)
    return np.concatenate([focal, focal * [middle_x, middle_y]]), answer[4:]


def _number(folder: Path) -> int:
    """The subject that a folder is named after."""
    found = re.fullmatch(r"S(\d+)", folder.resolve().name)
    if not found:
        mend = "give the subjects' own folders, such as S9"
        raise InputError(folder, "is not named after a subject", mend=mend)
    return int(found[1])


def _unpack(part: str, number: int) -> str:
    return f"unpack Poses_{part}_S{number}.tgz"


class _Folder(Mapping[str, npt.NDArray[Any]]):
    """The arrays of a subject's folder; a file is read when asked for, so one at a time."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise InputError(folder, "there is no such folder", mend="check the path")
        self._paths: dict[str, Path] = {}
        for part in (_WORLD, _PLACED, _PIXELS):
            inside, mend = folder / _INSIDE / part, _unpack(part, _number(folder))
            if not inside.is_dir():
                raise InputError(inside, "there is no such folder", mend=mend)
            for path in inside.glob("[!.]*.cdf"):
                self._paths[f"{part}/{path.name}"] = path

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        return _read(self._paths[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)


def _read(path: Path) -> npt.NDArray[Any]:
    try:
        cdflib = importlib.import_module("cdflib")
    except ImportError:
        mend = "install the extra h36m: pip install -e '.[h36m]'"
        raise InputError(path, "the package cdflib is needed to read it", mend=mend) from None
    try:
        return np.asarray(cdflib.CDF(path).varget("Pose"))
    except Exception as error:  # of a damaged file cdflib raises whatever comes
        mend = "unpack the archive anew"
        raise InputError(path, f"cannot be read ({error})", field="Pose", mend=mend) from None
