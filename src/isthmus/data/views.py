"""Frames that several cameras saw at once: in memory, and as one Parquet table, a row a view.

Columns of the table: `frame` and `camera` (text or whole numbers) and `keypoints` (2 J numbers a
row: x, y in pixels by joint; NaN where a joint was not seen). All others are optional: `confidence`
(J numbers from 0 to 1), `box` (left, top, side, pixels), `mixture` (J * K * 4), `monocular` (3 J),
`label` (2 J), `subject`, and the truth: `pose` (3 J), `rotation` (9), `centre` (3), `intrinsics`
(4), `distortion` (5). `Views` says what they are. Rows may stand in any order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from os import PathLike
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from isthmus.data.cameras import Cameras
from isthmus.data.files import write_atomically
from isthmus.errors import InputError

Array = npt.NDArray[np.float64]

COMPONENTS = 4
MARGIN = 1.2
"""A box is the joints' bounding box, made square by its longer side, times this."""
VARIANCE = 3e-4
"""Of a component where only a point is known, in squared box units; as MetaPose's own stand-in."""
UNSEEN = 1.0
"""Variance of a joint that was not seen: as wide as the box, so that it says nothing."""


@dataclass(frozen=True, eq=False)
class Views:
    """n frames of C views of J joints.

    Box units are (pixels - left or top of the box) / its side.

    Attributes:
        frames: Names of the frames, `(n,)`.
        cameras: Names of the cameras, C of them.
        boxes: Left, top and side of the square around the body in pixels, `(n, C, 3)`.
        mixtures: Heat-maps as K round Gaussians, `(n, C, J, K, 4)`: weight, mean x, mean y,
            variance, in box units.
        seen: Whether a joint was seen, `(n, C, J)`.
        monocular: Poses from each view alone, `(n, C, J, 3)`, z into the scene, box units.
        labels: True 2-D joints in box units, `(n, C, J, 2)`: the only labels that training sees.
        subjects: Number of the subject, `(n,)`.
        pose: True pose in world coordinates, mm, `(n, J, 3)`; only to judge.
        truth: True cameras; only to judge, and as the start of rivals that need them.
    """

    frames: npt.NDArray[Any]
    cameras: tuple[str, ...]
    boxes: Array
    mixtures: Array
    seen: npt.NDArray[np.bool_]
    monocular: Array | None = None
    labels: Array | None = None
    subjects: npt.NDArray[np.int64] | None = None
    pose: Array | None = None
    truth: Cameras | None = None

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def points(self) -> Array:
        """Means of the mixtures, the point estimate of every joint, box units, `(n, C, J, 2)`."""
        weights = self.mixtures[..., :1] / self.mixtures[..., :1].sum(-2, keepdims=True)
        return np.asarray((weights * self.mixtures[..., 1:3]).sum(-2))

    @property
    def pixels(self) -> Array:
        """The same in pixels."""
        return self.to_pixels(self.points)

    def to_pixels(self, points: Array) -> Array:
        """Points `(n, C, J, 2)` in box units as pixels."""
        return np.asarray(points * self.boxes[:, :, None, 2:] + self.boxes[:, :, None, :2])

    def take(self, rows: npt.ArrayLike) -> Self:
        """These frames, by index, mask or slice."""
        return self._chosen(lambda array: array[rows], ())

    def choose(self, cameras: list[int]) -> Self:
        """These cameras, by index, in this order."""
        chosen = self.reordered(lambda array: array[:, cameras])
        return replace(chosen, cameras=tuple(self.cameras[index] for index in cameras))

    def with_monocular(self, poses: Array) -> Self:
        """With these poses of each view alone, `(n, C, J, 3)`."""
        return replace(self, monocular=poses)

    def reordered(self, pick: Callable[[Any], Any]) -> Self:
        """With `pick` applied to every array `(n, C, ...)`; the names of the cameras stay."""
        return self._chosen(pick, ("frames", "subjects", "pose"))

    def _chosen(self, pick: Callable[[Any], Any], without: tuple[str, ...]) -> Self:
        changes: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in (*without, "cameras") or value is None:
                continue
            if isinstance(value, Cameras):
                changes[field.name] = Cameras(**{k: pick(v) for k, v in vars(value).items()})
            else:
                changes[field.name] = pick(value)
        return replace(self, **changes)


def square_boxes(points: Array) -> Array:
    """Left, top and side of the squares around points `(n, C, J, 2)` in pixels, NaN left out."""
    low, high = np.nanmin(points, 2), np.nanmax(points, 2)
    side = MARGIN * (high - low).max(-1, keepdims=True)
    return np.concatenate([(low + high - side) / 2, side], -1)


def mixtures_of_points(points: Array, confidence: Array) -> Array:
    """Four equal components at each point, `(..., J, 4, 4)`: the stand-in for a heat-map.

    Args:
        points: In box units, `(..., J, 2)`; finite.
        confidence: From 0 (not seen) to 1, `(..., J)`; the deviation is divided by it.
    """
    variance = np.minimum(VARIANCE / np.maximum(confidence, 1e-9) ** 2, UNSEEN)
    weight = np.full_like(variance, 1 / COMPONENTS)
    single = np.concatenate([weight[..., None], points, variance[..., None]], -1)
    return np.repeat(single[..., None, :], COMPONENTS, -2)


_SIZES = {"box": 3, "rotation": 9, "centre": 3, "intrinsics": 4, "distortion": 5}
_PER_JOINT = {"keypoints": 2, "confidence": 1, "mixture": None, "monocular": 3, "label": 2}
_PER_JOINT |= {"pose": 3}
_TRUTH = ("rotation", "centre", "intrinsics", "distortion")
_ORTHONORMAL = 1e-3
"""How far `R R^T` may be from the identity, number by number."""
_TOO_NEAR, _TOO_SMALL = 50.0, 2.0
"""Cameras that are all within so many mm were given in metres, keypoints within so many pixels as
shares of the image."""
_BOX = "give left, top, side in pixels"
_FOCAL = "give fx, fy, cx, cy in pixels"


def write_views(views: Views, path: str | PathLike[str]) -> None:
    """Write frames as Parquet, atomically; equal frames give equal bytes."""
    count, many = len(views), len(views.cameras)
    columns: dict[str, Any] = {
        "frame": np.repeat(views.frames.astype(str), many),
        "camera": np.tile(views.cameras, count),
        "keypoints": np.where(views.seen[..., None], views.pixels, np.nan),
        "box": views.boxes,
        "mixture": views.mixtures,
        "monocular": views.monocular,
        "label": views.labels,
        "subject": None if views.subjects is None else np.repeat(views.subjects, many),
        "pose": None if views.pose is None else np.repeat(views.pose, many, 0),
    }
    if views.truth is not None:
        columns |= vars(views.truth)
    arrays = {}
    for name, values in columns.items():
        if values is None:
            continue
        if values.ndim > 1:
            rows = np.ascontiguousarray(values, dtype=np.float64).reshape(count * many, -1)
            arrays[name] = pa.FixedSizeListArray.from_arrays(rows.reshape(-1), rows.shape[1])
        else:
            arrays[name] = pa.array(values)
    with write_atomically(path) as file:
        pq.write_table(
            pa.table(arrays), file, compression="zstd", use_dictionary=["frame", "camera"]
        )


def read_views(path: str | PathLike[str]) -> Views:
    """Read frames, or refuse them.

    A joint is not seen where its keypoint is NaN or its confidence 0; its heat-map says nothing
    then, whatever `mixture` says. A view that a frame lacks counts as one in which nothing was
    seen.

    Raises:
        InputError: The file is absent or no Parquet, a column is missing or of another kind or
            size, or a value is not possible; the message names the column and the row.
    """
    path = Path(path)
    table = _stored(path)
    keypoints = _lists(path, table, "keypoints", None)
    joints = keypoints.shape[1] // 2
    if keypoints.shape[1] % 2 or joints < 3:
        raise InputError(
            path, f"{keypoints.shape[1]} numbers a row", field="keypoints", mend="give x, y a joint"
        )
    frames, row_frame = _names(path, table, "frame")
    cameras, row_camera = _names(path, table, "camera")
    place = row_frame * len(cameras) + row_camera
    order, first = np.unique(place, return_index=True)
    if len(order) < len(place):
        twice = int(np.setdiff1d(np.arange(len(place)), first)[0])
        raise InputError(
            path,
            f"camera {cameras[row_camera[twice]]} is there twice in frame {frames[row_frame[twice]]}",
            field=f"row {twice}",
            mend="keep one row a view",
        )
    shape = (len(frames), len(cameras))

    def spread(values: Array, fill: float = np.nan) -> Array:
        out = np.full((shape[0] * shape[1], values.shape[1]), fill)
        out[place] = values
        return out.reshape(*shape, -1)

    def column(name: str, size: int | None) -> Array | None:
        if name not in table.column_names:
            return None
        return spread(_lists(path, table, name, size))

    points = spread(keypoints).reshape(*shape, joints, 2)
    confidence = column("confidence", joints)
    if confidence is None:
        confidence = np.ones((*shape, joints))
    if ((confidence < 0) | (confidence > 1)).any():
        raise InputError(
            path, "a value outside 0 to 1", field="confidence", mend="scale it to 0 to 1"
        )
    known = np.isfinite(np.concatenate([points, confidence[..., None]], -1)).all(-1)
    seen = known & (confidence > 0)
    points = np.where(seen[..., None], points, np.nan)
    boxes = column("box", 3)
    if boxes is not None:
        boxes = np.where(seen.any(-1, keepdims=True), boxes, [0.0, 0.0, 1.0])
        _check(path, "box", _known(boxes), place, "not known", _BOX)
        _check(path, "box", boxes[..., 2] > 0, place, "a side that is not positive", _BOX)
    else:
        some = np.where(np.asarray(seen.any(-1))[..., None, None], points, [0.0, 0.0])
        boxes = square_boxes(some)
        boxes[..., 2] = np.where(boxes[..., 2] > 0, boxes[..., 2], 1.0)
    middle = boxes[:, :, None, :2] + boxes[:, :, None, 2:] / 2
    relative = (np.where(seen[..., None], points, middle) - boxes[:, :, None, :2]) / boxes[
        :, :, None, 2:
    ]
    mixtures = column("mixture", None)
    if mixtures is None:
        mixtures = mixtures_of_points(relative, np.where(seen, confidence, 0))
    else:
        mixtures = _mixtures(path, mixtures, seen, place)
    monocular, labels = column("monocular", 3 * joints), column("label", 2 * joints)
    pose = column("pose", 3 * joints)
    absent = [name for name in _TRUTH if name not in table.column_names]
    truth = None
    if not absent:
        found = {name: column(name, _SIZES[name]) for name in _TRUTH}
        truth = Cameras(
            found["rotation"].reshape(*shape, 3, 3),  # type: ignore[union-attr]
            *(found[name] for name in _TRUTH[1:]),  # type: ignore[arg-type]
        )
        _check_cameras(path, truth, points, place)
    elif len(absent) < len(_TRUTH):
        raise InputError(
            path,
            "cameras are known in part only",
            field=", ".join(absent),
            mend="add what is missing, or leave out all of " + ", ".join(_TRUTH),
        )
    subjects = None
    if "subject" in table.column_names:
        _, numbers = _names(path, table, "subject")
        if pa.types.is_integer(table["subject"].type):
            numbers = table["subject"].to_numpy()
        subjects = np.zeros(len(frames), np.int64)
        subjects[row_frame] = numbers
    return Views(
        frames=np.array(frames),
        cameras=tuple(cameras),
        boxes=boxes,
        mixtures=mixtures,
        seen=seen,
        monocular=None if monocular is None else monocular.reshape(*shape, joints, 3),
        labels=None if labels is None else labels.reshape(*shape, joints, 2),
        subjects=subjects,
        pose=None if pose is None else _first_known(pose.reshape(*shape, joints, 3)),
        truth=truth,
    )


def _first_known(poses: Array) -> Array:
    """Of every frame the first row's pose that is known, of `(n, C, J, 3)`; NaN where none is."""
    first = np.isfinite(poses).all((2, 3)).argmax(1)
    return np.asarray(poses[np.arange(len(poses)), first])


def _stored(path: Path) -> pa.Table:
    if not path.is_file():
        raise InputError(path, "the file is missing", mend="check the path")
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise InputError(path, f"not parquet ({error})", mend="write the file anew") from None
    for name in ("frame", "camera", "keypoints"):
        if name not in table.column_names:
            raise InputError(
                path,
                f"there is no such column (there are: {', '.join(table.column_names)})",
                field=name,
                mend="give one row a view with frame, camera and keypoints",
            )
    if not len(table):
        raise InputError(path, "there are no rows", mend="give one row a view")
    return table


def _names(path: Path, table: pa.Table, name: str) -> tuple[list[str], npt.NDArray[np.int64]]:
    """The names in a column, sorted, and the place of each row's among them."""
    column = table[name]
    if column.null_count or not (
        pa.types.is_integer(column.type)
        or pa.types.is_string(column.type)
        or pa.types.is_large_string(column.type)
        or pa.types.is_dictionary(column.type)
    ):
        raise InputError(
            path, f"is {column.type} with {column.null_count} nulls", field=name, mend="give names"
        )
    names, places = np.unique(np.array(column.to_pylist()), return_inverse=True)
    return [str(each) for each in names], places.reshape(-1).astype(np.int64)


def _lists(path: Path, table: pa.Table, name: str, size: int | None) -> Array:
    """A column of lists as `(rows, size)`."""
    rows = table[name].to_pylist() if not pa.types.is_fixed_size_list(table[name].type) else None
    try:
        if rows is None:
            width = table[name].type.list_size
            chunks = [
                chunk.flatten().to_numpy(zero_copy_only=False) for chunk in table[name].chunks
            ]
            values = np.concatenate(chunks).astype(np.float64).reshape(-1, width)
        else:
            values = np.array(
                [np.array(row, dtype=np.float64).reshape(-1) for row in rows], dtype=np.float64
            )
    except (ValueError, TypeError) as error:
        raise InputError(
            path,
            f"the rows are not lists of equally many numbers ({error})",
            field=name,
            mend="give every row as many numbers",
        ) from None
    if values.ndim != 2 or len(values) != len(table) or (size and values.shape[1] != size):
        found = values.shape[1] if values.ndim == 2 else 0
        raise InputError(
            path, f"{found} numbers a row", field=name, mend=f"give {size or 'as many as joints'}"
        )
    if np.isinf(values).any():
        row = int(np.isinf(values).any(1).argmax())
        raise InputError(path, f"infinite in row {row}", field=name, mend="use NaN where unknown")
    return values


def _mixtures(
    path: Path, values: Array, seen: npt.NDArray[np.bool_], place: npt.NDArray[np.int64]
) -> Array:
    """Heat-maps `(n, C, J, K, 4)`, checked where a joint was seen, wide where it was not."""
    try:
        mixtures = values.reshape(*seen.shape, -1, 4)
    except ValueError:
        raise InputError(
            path, f"{values.shape[-1]} numbers a row", field="mixture", mend="give joints * K * 4"
        ) from None
    unseen = [1 / mixtures.shape[-2], 0.5, 0.5, UNSEEN]
    mixtures = np.where(seen[..., None, None], mixtures, unseen)
    weight, variance = mixtures[..., 0], mixtures[..., 3]
    for good, said, mend in (
        (_known(mixtures), "not known where a joint is seen", "give it, or no keypoint"),
        (variance > 0, "a variance that is not positive", "give variances in squared box units"),
        (weight >= 0, "a negative weight", "let the weights of a joint sum to 1"),
        (weight.sum(-1) > 0, "weights that are all zero", "let the weights of a joint sum to 1"),
    ):
        _check(path, "mixture", good.reshape(*seen.shape[:2], -1).all(-1), place, said, mend)
    return mixtures


def _check_cameras(path: Path, truth: Cameras, points: Array, place: npt.NDArray[np.int64]) -> None:
    """Refuse cameras that cannot be, of views that see anything, and units that do not agree."""
    blind = np.asarray(~np.isfinite(points).any((-2, -1)))
    for name in _TRUTH:
        good = blind | _known(getattr(truth, name))
        _check(path, name, good, place, "not known", "give it for every view that sees a joint")
    rotation = np.where(blind[..., None, None], np.eye(3), truth.rotation)
    off = np.abs(rotation @ np.swapaxes(rotation, -1, -2) - np.eye(3)).max((-2, -1))
    turns = (off < _ORTHONORMAL) & (np.linalg.det(rotation) > 0)
    _check(path, "rotation", turns, place, "no rotation", "give world to camera, row by row")
    focal = blind | (truth.intrinsics[..., :2] > 0).all(-1)
    _check(path, "intrinsics", focal, place, "a focal length that is not positive", _FOCAL)
    centres = truth.centre[~blind]
    if len(blind[0]) > 1 and len(centres) and 0 < np.ptp(centres, 0).max() < _TOO_NEAR:
        raise InputError(
            path,
            f"all cameras are within {np.ptp(centres, 0).max():.3g} mm",
            field="centre",
            mend="give millimetres",
        )
    if len(centres) and np.nanmax(np.abs(points)) < _TOO_SMALL:
        raise InputError(
            path,
            f"none is beyond {np.nanmax(np.abs(points)):.3g}, but intrinsics are in pixels",
            field="keypoints",
            mend="give pixels",
        )


def _known(values: Array) -> npt.NDArray[np.bool_]:
    return np.asarray(np.isfinite(values).reshape(*values.shape[:2], -1).all(-1))


def _check(
    path: Path,
    name: str,
    good: npt.NDArray[np.bool_] | np.bool_,
    place: npt.NDArray[np.int64],
    said: str,
    mend: str,
) -> None:
    """Refuse a column at its first row whose view `(n, C)` is not good."""
    bad = np.flatnonzero(~np.asarray(good).reshape(-1)[place])
    if len(bad):
        raise InputError(path, said, field=f"{name}, row {bad[0]}", mend=mend)
