"""Real multi-view frames from the user's own copies, as `Views`.

Neither data set may be passed on, so nothing is downloaded. The layouts are those of MetaPose's
released Human3.6M records and of Ski-PosePTZ's `labels.h5`, as far as they are known here.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from isthmus.data.cameras import Cameras
from isthmus.data.skeletons import JOINTS, limb_lengths
from isthmus.data.tfrecords import read_examples
from isthmus.data.views import Views, mixtures_of_points, square_boxes
from isthmus.errors import InputError

Array = npt.NDArray[np.float64]
MILLIMETRES = {"mm": 1.0, "m": 1000.0}
_THIGH, _THIGHS = 1, (200.0, 800.0)
"""The bone between right hip and knee, and what its length in mm can be."""
_COUNT = len(JOINTS)
_RECORD = {
    "pose3d": (_COUNT, 3),
    "cam_pose3d": (-1, 3),
    "cam_rot": (-1, 3, 3),
    "cam_intr": (-1, 4),
    "cam_kd": (-1, 5),
    "pose2d_repr": (-1, _COUNT, 2),
    "heatmaps": (-1, _COUNT, 4, 4),
    "bboxes": (-1, 4),
    "pose3d_epi_pred": (-1, _COUNT, 3),
}
SKI_PIXELS = 256.0
"""Side of Ski-PosePTZ's images."""


def h36m_records(paths: Iterable[str | Path], *, unit: Literal["mm", "m"] = "mm") -> Views:
    """Frames from MetaPose's released records (TFRecord).

    Points and heat-maps are in pixels there, boxes are y0, y1, x0, x1; `pose3d_epi_pred` is in box
    units. The labels are the re-projected joints, as in MetaPose.

    Args:
        paths: Files of one split.
        unit: Of the true poses and camera centres.

    Raises:
        InputError: A file is damaged, a feature is missing or of another size, frames have
            different numbers of cameras, or thighs are not as long as thighs in that unit.
    """
    files = [Path(path) for path in paths]
    read = [
        (path, number, example)
        for path in files
        for number, example in enumerate(read_examples(path))
    ]
    if not read:
        raise InputError("records", "there are none", mend="name the files of one split")
    stacked: dict[str, Any] = {name: [] for name in _RECORD}
    names = []
    for path, number, example in read:
        where = f"record {number}"
        for name, shape in _RECORD.items():
            try:
                stacked[name].append(np.asarray(example[name], np.float64).reshape(shape))
            except KeyError:
                raise InputError(
                    path, f"{name} is missing", field=where, mend="give MetaPose's own records"
                ) from None
            except ValueError as error:
                raise InputError(
                    path, f"{name} is of another size ({error})", field=where, mend="fetch it again"
                ) from None
        names.append(_name(example.get("keys", []), number))
    views = {len(boxes) for boxes in stacked["bboxes"]}
    if len(views) != 1:
        raise InputError(
            files[0], f"frames of {sorted(views)} cameras", mend="name files with equally many"
        )
    found: dict[str, Array] = {name: np.stack(values) for name, values in stacked.items()}
    scale = MILLIMETRES[unit]
    pose = found["pose3d"] * scale
    _check_size(files[0], pose, unit)
    y0, y1, x0, x1 = np.moveaxis(found["bboxes"], -1, 0)
    boxes = np.stack([x0, y0, np.maximum(y1 - y0, x1 - x0)], -1)
    side = boxes[:, :, None, 2:]
    mixtures = found["heatmaps"].copy()
    mixtures[..., 1:3] = (mixtures[..., 1:3] - boxes[:, :, None, None, :2]) / side[..., None]
    mixtures[..., 3] /= side**2
    cameras = Cameras(
        found["cam_rot"], found["cam_pose3d"] * scale, found["cam_intr"], found["cam_kd"]
    )
    return Views(
        frames=np.array(names),
        cameras=tuple(str(index) for index in range(views.pop())),
        boxes=boxes,
        mixtures=mixtures,
        seen=np.ones(mixtures.shape[:3], bool),
        monocular=found["pose3d_epi_pred"],
        labels=(found["pose2d_repr"] - boxes[:, :, None, :2]) / side,
        subjects=np.array([int((re.findall(r"\d+", name) or ["0"])[0]) for name in names]),
        pose=pose,
        truth=cameras,
    )


def skipose(path: str | Path) -> Views:
    """Frames of Ski-PosePTZ from `labels.h5`, see `skipose_labels`.

    Raises:
        InputError: The package h5py is not there, the file is absent or damaged, or as below.
    """
    path = Path(path)
    try:
        h5py = importlib.import_module("h5py")
    except ImportError:
        problem = "the package h5py is needed to read it"
        raise InputError(
            path, problem, mend="install the extra ski: pip install -e '.[ski]'"
        ) from None
    try:
        with h5py.File(path, "r") as file:
            labels = {name: np.asarray(values) for name, values in file.items()}
    except OSError as error:
        raise InputError(path, f"cannot be read ({error})", mend="check the path") from None
    return skipose_labels(labels, path)


def skipose_labels(labels: Mapping[str, npt.NDArray[Any]], where: str | Path) -> Views:
    """Frames of Ski-PosePTZ, one label row a view; frames that some camera lacks are left out.

    `3D` is the pose in camera coordinates relative to the pelvis (m), `2D` the joints as shares of
    the image, `cam_intrinsic` is in image sides, `cam_position` in m, `R_cam_2_world` turns camera
    into world coordinates. Joints stand in the order of Human3.6M. The pelvis is put where the
    cameras' rays to it are nearest. There are no heat-maps and no monocular poses: the true joints
    stand in for the first, a lifter has to make the second.

    Args:
        labels: The arrays by name.
        where: What to name in errors.

    Raises:
        InputError: An array is missing or of another size, or no frame is whole.
    """
    wanted = {"3D": 3 * _COUNT, "2D": 2 * _COUNT, "cam_intrinsic": 9, "cam_position": 3}
    wanted |= {"R_cam_2_world": 9, "seq": 1, "frame": 1, "cam": 1, "subj": 1}
    rows: dict[str, Array] = {}
    for name, size in wanted.items():
        if name not in labels:
            raise InputError(where, "is missing", field=name, mend="give Ski-PosePTZ's labels.h5")
        try:
            rows[name] = np.asarray(labels[name], np.float64).reshape(-1, size)
        except ValueError as error:
            raise InputError(where, str(error), field=name, mend="fetch the file again") from None
    key = np.concatenate([rows["seq"], rows["frame"]], 1)
    frames, of_frame = np.unique(key, axis=0, return_inverse=True)
    cameras, of_camera = np.unique(rows["cam"], return_inverse=True)
    place = np.full((len(frames), len(cameras)), -1)
    place[of_frame.reshape(-1), of_camera.reshape(-1)] = np.arange(len(key))
    frames, place = frames[(place >= 0).all(1)], place[(place >= 0).all(1)]
    if not len(place):
        raise InputError(where, "no frame is seen by all cameras", field="cam", mend="check it")
    shape = place.shape
    to_world = rows["R_cam_2_world"][place].reshape(*shape, 3, 3)
    matrix = rows["cam_intrinsic"][place].reshape(*shape, 3, 3)
    intrinsics = SKI_PIXELS * np.stack(
        [matrix[..., 0, 0], matrix[..., 1, 1], matrix[..., 0, 2], matrix[..., 1, 2]], -1
    )
    truth = Cameras(
        np.swapaxes(to_world, -1, -2),
        1000 * rows["cam_position"][place],
        intrinsics,
        np.zeros((*shape, 5)),
    )
    pixels = SKI_PIXELS * rows["2D"][place].reshape(*shape, _COUNT, 2)
    relative = 1000 * rows["3D"][place].reshape(*shape, _COUNT, 3)
    turned = (relative @ np.swapaxes(to_world, -1, -2)).mean(1)
    boxes = square_boxes(pixels)
    points = (pixels - boxes[:, :, None, :2]) / boxes[:, :, None, 2:]
    return Views(
        frames=np.array([f"{int(seq)}-{int(frame)}" for seq, frame in frames]),
        cameras=tuple(str(int(camera)) for camera in cameras),
        boxes=boxes,
        mixtures=mixtures_of_points(points, np.ones(points.shape[:-1])),
        seen=np.ones(points.shape[:-1], bool),
        labels=points,
        subjects=rows["subj"][place[:, 0], 0].astype(np.int64),
        pose=turned - turned[:, :1] + _crossing(truth, pixels[:, :, 0])[:, None],
        truth=truth,
    )


def _crossing(cameras: Cameras, pixels: Array) -> Array:
    """The points `(n, 3)` nearest to the rays through pixels `(n, C, 2)`, least squares."""
    focal, principal = cameras.intrinsics[..., :2], cameras.intrinsics[..., 2:]
    ahead = np.concatenate([(pixels - principal) / focal, np.ones((*pixels.shape[:-1], 1))], -1)
    ray = np.einsum("nckj,nck->ncj", cameras.rotation, ahead)
    ray /= np.linalg.norm(ray, axis=-1, keepdims=True)
    across = np.eye(3) - ray[..., :, None] * ray[..., None, :]
    right = np.einsum("ncij,ncj->ni", across, cameras.centre)
    return np.asarray(np.linalg.solve(across.sum(1), right[..., None])[..., 0])


def _name(keys: Any, number: int) -> str:
    """The frame's name: the key of its first view up to the camera, such as `s9_f128`."""
    text = keys[0].decode() if isinstance(keys, list) and keys else f"s0_f{number}"
    return str(re.sub(r"_?c\d+.*$", "", text))


def _check_size(where: Path, pose: Array, unit: str) -> None:
    thigh = float(np.median(limb_lengths(pose)[:, _THIGH]))
    low, high = _THIGHS
    if not low < thigh < high:
        other = "m" if unit == "mm" else "mm"
        raise InputError(
            where,
            f"thighs are {thigh:.3g} mm long",
            field="pose3d",
            mend=f"read it with unit={other}",
        )
