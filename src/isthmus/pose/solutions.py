"""Multi-view frames of the user's own: checked, solved by one method, and marked where doubtful.

Frames are solved in groups that the same cameras see. The pose stands in the coordinates of the
first camera that sees the frame, in its pixels; nothing is known of metres.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch import nn

from isthmus.data.files import write_atomically
from isthmus.data.views import Views
from isthmus.errors import InputError
from isthmus.metrics.pose import centred
from isthmus.pose import learned, lifter, trial
from isthmus.pose.average import average
from isthmus.pose.learned import Training, Variant
from isthmus.pose.refinement import refine
from isthmus.pose.state import State, pack

Array = npt.NDArray[np.float64]
Method = Literal["s1", "ir", "s2", "ba"]
METHODS: tuple[Method, ...] = ("s1", "ir", "s2", "ba")

ENOUGH_JOINTS = 5
"""Fewest joints that a view must see to count; a pose in one view has three numbers of a turn."""
ENOUGH_FRAMES = 64
"""Fewest frames to train a lifter with."""
NARROW = 10.0
"""Lines of sight that are all within this angle of one line, in degrees, give no depth."""
COLLAPSED = 10.0
"""A camera that is larger or smaller than the first by this factor is no solution."""
TRAINING = Training(
    width=128, blocks=2, epochs=30, batch_size=32, learning_rate=1e-3, stages=1, attempts=1
)

Solve = Callable[[Views], State]


@dataclass(frozen=True, eq=False)
class Solutions:
    """The answers for n frames.

    Attributes:
        poses: In the coordinates of the first camera that sees the frame, in its pixels, about the
            mean of the joints, `(n, J, 3)`; NaN for joints that fewer than two cameras saw.
        rotations: From the pose to every camera, `p R`, `(n, C, 3, 3)`; NaN where a camera does
            not see the frame.
        scales: Of every camera against the first, `(n, C)`.
        shifts: Where the middle of the pose is seen, pixels, `(n, C, 2)`.
        errors: Root mean square distance of the seen joints from their projections, pixels, `(n,)`.
        doubts: Why a frame is not to be trusted; empty where nothing is wrong.
        notes: What is to be said of all of them.
    """

    poses: Array
    rotations: Array
    scales: Array
    shifts: Array
    errors: Array
    doubts: list[str]
    notes: list[str]


def solve(
    views: Views,
    method: Method,
    *,
    stages: nn.ModuleList | None = None,
    seed: int = 0,
    on_step: Callable[[int, float], None] | None = None,
) -> Solutions:
    """Solve frames.

    Args:
        views: The frames; poses of each view alone are learnt from them where they have none.
        method: `s1`, `ir`, `s2` or `ba`.
        stages: Trained stages for `s2`; otherwise it is trained on these very frames, without
            labels, on the likelihood of their keypoints.
        seed: Decides what is trained, and nothing else.
        on_step: Called with step and loss of the lifter's training.

    Raises:
        InputError: There is one camera, a joint that no view ever sees, no frame that two cameras
            see, too few frames to learn from, or no cameras to begin with for `ba`.
    """
    _refuse(views, method)
    usable = views.seen.sum(-1) >= min(ENOUGH_JOINTS, views.seen.shape[-1])
    notes: list[str] = []
    if views.monocular is None:
        views = _lifted(views, usable, seed, on_step)
        notes.append("poses of single views were learnt from these frames")
        if views.seen.shape[-1] != lifter.MIRROR_JOINTS:
            notes.append("with these joints nobody can tell a pose from its mirror image in depth")
    elif not np.isfinite(views.monocular[usable]).all():
        raise InputError("views", "a value is NaN", field="monocular", mend="drop that column")
    work = _worker(views, usable, method, stages, seed)
    count, many, joints = views.seen.shape
    out = Solutions(
        poses=np.full((count, joints, 3), np.nan),
        rotations=np.full((count, many, 3, 3), np.nan),
        scales=np.full((count, many), np.nan),
        shifts=np.full((count, many, 2), np.nan),
        errors=np.full(count, np.nan),
        doubts=[""] * count,
        notes=notes,
    )
    for pattern in np.unique(usable, axis=0):
        rows, cameras = np.flatnonzero((usable == pattern).all(1)), np.flatnonzero(pattern)
        if len(cameras) < 2:
            for row in rows:
                out.doubts[row] = "fewer than two cameras see the body"
            continue
        few = views.take(rows).choose(list(cameras))
        _fill(out, rows, cameras, few, work(few))
    if many == 2 and method in ("ir", "ba"):
        notes.append("two cameras leave a family of poses that fit equally well")
    return out


def _refuse(views: Views, method: Method) -> None:
    if len(views.cameras) < 2:
        raise InputError("views", "one camera", field="camera", mend="give two or more")
    never = np.flatnonzero(~views.seen.any((0, 1)))
    if len(never):
        raise InputError(
            "views",
            f"joint {never[0]} is never seen",
            field="keypoints",
            mend="leave that joint out of all rows",
        )
    enough = min(ENOUGH_JOINTS, views.seen.shape[-1])
    if not ((views.seen.sum(-1) >= enough).sum(1) >= 2).any():
        raise InputError(
            "views",
            "no frame is seen by two cameras",
            field="frame",
            mend="give the same name to what was seen at the same moment",
        )
    if method == "ba" and views.truth is None:
        raise InputError(
            "views",
            "there are no cameras to begin with",
            field="rotation, centre, intrinsics, distortion",
            mend="add those columns (a guess will do), or use ir, which needs none",
        )


def _lifted(views: Views, usable: npt.NDArray[np.bool_], seed: int, on_step: Any) -> Views:
    """The frames with monocular poses from a lifter that is trained on them."""
    whole = usable.all(1)
    if whole.sum() < ENOUGH_FRAMES:
        raise InputError(
            "views",
            f"{whole.sum()} frames that all cameras see are too few to learn depth from",
            field="monocular",
            mend=f"give {ENOUGH_FRAMES} or more, or poses of each view in a column monocular",
        )
    points = trial.single(torch.from_numpy(views.points))
    confidence = trial.single(torch.from_numpy(views.seen.astype(float)))
    rows = torch.from_numpy(np.flatnonzero(whole))
    trained = lifter.fit(points[rows], confidence[rows], seed=seed, on_step=on_step)
    found = lifter.lift(trained, points, confidence).double().numpy()
    return views.with_monocular(found)


def _worker(
    views: Views,
    usable: npt.NDArray[np.bool_],
    method: Method,
    stages: nn.ModuleList | None,
    seed: int,
) -> Solve:
    """What solves a group of frames."""
    match method:
        case "s1":
            return trial.start
        case "ir":
            return lambda few: refine(trial.start(few), torch.from_numpy(few.mixtures))
        case "ba":
            return lambda few: _bundled(few, seed)
    if stages is None:
        whole = views.take(usable.all(1))
        variant = Variant("likelihood")
        stages = nn.ModuleList(
            learned.train(trial.lesson(whole, variant), variant, TRAINING, seed=seed).stages
        )
    trained = stages

    def work(few: Views) -> State:
        seen = trial.given(few, Variant())
        begun = State(*map(trial.single, trial.start(few)))
        try:
            done = learned.solve(trained, begun, seen)
        except RuntimeError as error:
            raise InputError(
                "model",
                f"is for other joints or heat-maps ({str(error).splitlines()[0]})",
                mend="leave --model out, and one is trained on these frames",
            ) from None
        return State(*(part.double() for part in done))

    return work


def _bundled(few: Views, seed: int) -> State:
    """Bundle adjustment's poses, with the weak cameras that see them best."""
    poses = trial.adjusted(few, trial.BUNDLES["anipose"], seed).first
    start = trial.start(few)
    pose = centred(poses)
    norm = np.linalg.norm(pose, axis=(1, 2), keepdims=True)
    wanted = np.linalg.norm(start.pose.numpy(), axis=(1, 2), keepdims=True)
    pose = pose * wanted / np.maximum(norm, np.finfo(float).tiny)
    fixed = pack(torch.from_numpy(pose), start.rotations, start.scales, start.shifts)
    return refine(fixed, torch.from_numpy(few.mixtures), fixed_pose=True)


def _fill(
    out: Solutions, rows: npt.NDArray[Any], cameras: npt.NDArray[Any], few: Views, state: State
) -> None:
    """Put a group's answers where they belong, with what speaks against them."""
    first = state.rotations[:, :1]
    rotations = (first.transpose(-1, -2) @ state.rotations).numpy()
    scales = (state.scales / state.scales[:, :1]).numpy()
    side = few.boxes[..., 2]
    size = state.scales[:, 0].numpy() * side[:, 0]
    poses = centred(state.in_first_view().numpy()) * size[:, None, None]
    projected = few.to_pixels(state.project().numpy())
    off = ((projected - few.pixels) ** 2).sum(-1)
    seen = few.seen
    poses[seen.sum(1) < 2] = np.nan
    out.poses[rows] = poses
    out.rotations[np.ix_(rows, cameras)] = rotations
    out.scales[np.ix_(rows, cameras)] = scales * side / side[:, :1]
    out.shifts[np.ix_(rows, cameras)] = projected.mean(2)
    out.errors[rows] = np.sqrt((off * seen).sum((1, 2)) / seen.sum((1, 2)))
    angles = widest_angle(rotations)
    reflected = average(trial.monocular_poses(few)).reflected
    for index, row in enumerate(rows):
        doubts = []
        lacking = np.flatnonzero(seen[index].sum(0) < 2)
        if len(lacking):
            names = ", ".join(map(str, lacking))
            doubts.append(f"fewer than two cameras see the joints {names}")
        if angles[index] < NARROW:
            doubts.append(f"all lines of sight are within {NARROW:.0f} degrees of one line")
        spread = scales[index].max() / scales[index].min()
        if not np.isfinite(spread) or spread > COLLAPSED or not np.isfinite(out.errors[row]):
            doubts.append("the solution has collapsed")
        if reflected[index].any():
            wrong = ", ".join(few.cameras[view] for view in np.flatnonzero(reflected[index]))
            doubts.append(f"the monocular poses of {wrong} are mirror images of the first")
        out.doubts[row] = "; ".join(doubts)


def widest_angle(rotations: Array) -> Array:
    """The largest angle between the lines of sight of two views, degrees from 0 to 90, `(n,)`.

    Opposite views count as one line: under weak perspective they see mirror images.

    Args:
        rotations: From the pose to every camera, `(n, C, 3, 3)`.
    """
    lines = rotations[..., 2]
    cosine = np.abs(np.einsum("nci,ndi->ncd", lines, lines)).min((1, 2))
    return np.asarray(np.rad2deg(np.arccos(np.clip(cosine, 0, 1))))


def write_solutions(solved: Solutions, views: Views, path: str | PathLike[str]) -> None:
    """Write one row a frame: `frame`, `pose`, `rotations`, `scales`, `shifts`, `error`, `doubt`."""
    count = len(solved.poses)
    columns: dict[str, Any] = {"frame": views.frames.astype(str)}
    parts = {
        "pose": solved.poses,
        "rotations": solved.rotations,
        "scales": solved.scales,
        "shifts": solved.shifts,
    }
    for name, values in parts.items():
        rows = values.reshape(count, -1)
        columns[name] = pa.FixedSizeListArray.from_arrays(rows.reshape(-1), rows.shape[1])
    columns |= {"error": solved.errors, "doubt": solved.doubts}
    table = pa.table(columns).replace_schema_metadata({"cameras": "\n".join(views.cameras)})
    with write_atomically(path) as file:
        pq.write_table(table, file)
