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
from isthmus.metrics.pose import centred, nmpjpe, pmpjpe
from isthmus.pose import learned, lifter, networks, trial
from isthmus.pose.average import Start, average
from isthmus.pose.learned import Training, Variant
from isthmus.pose.likelihood import negative_log_likelihood
from isthmus.pose.refinement import refine
from isthmus.pose.state import State, pack

Array = npt.NDArray[np.float64]
Method = Literal["s1", "ir", "s2", "ba"]
METHODS: tuple[Method, ...] = ("s1", "ir", "s2", "ba")

ENOUGH_JOINTS = 5
"""Fewest joints that a view must see to count; a pose in one view has three numbers of a turn."""
ENOUGH_FRAMES = 64
"""Fewest frames to train a lifter with."""
NARROW = 20.0
"""Lines of sight that are all within this angle of one line, in degrees, give no depth. It is taken
from S1's cameras: a refinement opens the angle until the noise is fitted."""
FAR_OFF = 0.15
"""Error of a pose that explains nothing, as a share of the boxes' mean side; usual is below 0.09."""
ALIEN = 20.0
"""Deviations from a model's training frames beyond which it was not trained on such heat-maps."""
COLLAPSED = 10.0
"""A camera that is larger or smaller than the first by this factor is no solution."""
_A_POINT = 1e-6
"""A view whose joints are all within this share of the box sees a point."""
TRAINING = Training(
    width=128, blocks=2, epochs=30, batch_size=32, learning_rate=1e-3, stages=1, attempts=1
)

Solve = Callable[[Views, State], State]
"""From frames and S1's solutions of them to other solutions."""


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
    usable = _usable(views)
    _refuse(views, method, usable)
    notes: list[str] = []
    if views.monocular is None:
        views = _lifted(views, usable, seed, on_step)
        notes.append("poses of single views were learnt from these frames")
        if views.seen.shape[-1] != lifter.MIRROR_JOINTS:
            notes.append("with these joints nobody can tell a pose from its mirror image in depth")
    unknown = np.argwhere(usable & ~np.isfinite(views.monocular).all((-2, -1)))  # type: ignore[arg-type]
    if len(unknown):
        frame, camera = unknown[0]
        raise InputError(
            "views",
            "a value is NaN",
            field=f"monocular, frame {views.frames[frame]}, camera {views.cameras[camera]}",
            mend="drop that column, and such poses are learnt from the frames",
        )
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
        begun = average(trial.monocular_poses(few))
        state = work(few, begun.state)
        doubts = _doubts_of_start(begun, few.cameras)
        if method == "s2":
            state = _unless_worse(state, begun.state, few, doubts)
        if len(cameras) == 2 and method in ("ir", "ba"):
            for each in doubts:
                each.append("two cameras leave a family of poses that fit equally well")
        _fill(out, rows, cameras, few, state, doubts)
    return out


def _usable(views: Views) -> npt.NDArray[np.bool_]:
    """Which views see enough joints, and not all of them in one place, `(n, C)`."""
    enough = views.seen.sum(-1) >= min(ENOUGH_JOINTS, views.seen.shape[-1])
    seen, points = views.seen[..., None], views.points
    low = np.where(seen, points, np.inf).min(2)
    high = np.where(seen, points, -np.inf).max(2)
    return np.asarray(enough & ((high - low).max(-1) > _A_POINT))


def _refuse(views: Views, method: Method, usable: npt.NDArray[np.bool_]) -> None:
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
    if not (usable.sum(1) >= 2).any():
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
            return lambda few, begun: begun
        case "ir":
            return lambda few, begun: refine(begun, torch.from_numpy(few.mixtures))
        case "ba":
            return lambda few, begun: _bundled(few, begun, seed)
    own = stages is None
    if stages is None:
        whole = views.take(usable.all(1))
        if len(whole) < 2 * learned.HELD_OUT:
            raise InputError(
                "views",
                f"{len(whole)} frames that all cameras see are too few to train s2 on",
                field="frame",
                mend=f"give {2 * learned.HELD_OUT} or more, or a trained one by --model",
            )
        variant = Variant("likelihood")
        stages = nn.ModuleList(
            learned.train(trial.lesson(whole, variant), variant, TRAINING, seed=seed).stages
        )
    trained = stages

    def work(few: Views, begun: State) -> State:
        seen = trial.given(few, Variant())
        start = State(*map(trial.single, begun))
        try:
            done = learned.solve(trained, start, seen)
        except RuntimeError as error:
            raise InputError(
                "--model",
                f"is for other joints or heat-maps ({str(error).splitlines()[0]})",
                mend="leave it out, and one is trained on these frames",
            ) from None
        if not own:
            _refuse_alien(trained[0], start, seen, np.asarray(few.seen.all((1, 2))))
        return State(*(part.double() for part in done))

    return work


def _refuse_alien(
    stage: nn.Module, start: State, seen: networks.Views, whole: npt.NDArray[np.bool_]
) -> None:
    """Refuse a model for which most of the frames that are wholly seen are far from its own."""
    off = stage.standard(networks.features(start, seen, 0)).abs().amax((1, 2)).numpy()  # type: ignore[operator]
    if whole.any() and np.median(off[whole]) > ALIEN:
        raise InputError(
            "--model",
            "was trained on other heat-maps "
            f"(these are {np.median(off[whole]):.0f} deviations from its own)",
            mend="leave it out, and one is trained on these frames, or give its kind of mixture",
        )


def _unless_worse(state: State, start: State, few: Views, doubts: list[list[str]]) -> State:
    """The solutions, but S1's of frames whose heat-maps S1 explains better."""
    mixtures = torch.from_numpy(few.mixtures)
    rounded = State(*(trial.single(part).double() for part in start))
    after, before = (negative_log_likelihood(each.project(), mixtures) for each in (state, rounded))
    kept = after <= before
    for row in np.flatnonzero(~kept.numpy()):
        doubts[row].append("s2 makes it worse, so this is s1's solution")
    return State(
        *(
            torch.where(kept.reshape(-1, *[1] * (new.ndim - 1)), new, old)
            for new, old in zip(state, start, strict=True)
        )
    )


def _bundled(few: Views, start: State, seed: int) -> State:
    """Bundle adjustment's poses, with the weak cameras that see them best.

    Joints that it cannot place stand where S1 has them.
    """
    poses = trial.adjusted(few, trial.BUNDLES["anipose"], seed).first
    placed = np.isfinite(poses).all(-1, keepdims=True)
    count = np.maximum(placed.sum(1, keepdims=True), 1)

    def about_placed(poses: Array) -> Array:
        return np.asarray(poses - np.where(placed, poses, 0).sum(1, keepdims=True) / count)

    def norm(poses: Array) -> Array:
        return np.asarray(np.sqrt((np.where(placed, poses, 0) ** 2).sum((1, 2), keepdims=True)))

    pose, other = about_placed(poses), about_placed(start.in_first_view().numpy())
    pose = pose * norm(other) / np.maximum(norm(pose), np.finfo(float).tiny)
    pose = np.where(placed, pose, other)
    fixed = pack(torch.from_numpy(pose), start.rotations, start.scales, start.shifts)
    return refine(fixed, torch.from_numpy(few.mixtures), fixed_pose=True)


def _doubts_of_start(begun: Start, cameras: tuple[str, ...]) -> list[list[str]]:
    """What S1 says against its frames."""
    angles = widest_angle(begun.state.rotations.numpy())
    doubts: list[list[str]] = []
    for angle, reflected in zip(angles, begun.reflected, strict=True):
        doubts.append([])
        if angle < NARROW:
            doubts[-1].append(f"all lines of sight are within {NARROW:.0f} degrees of one line")
        if reflected.any():
            wrong = ", ".join(cameras[view] for view in np.flatnonzero(reflected))
            doubts[-1].append(f"the monocular poses of {wrong} are mirror images of the first")
    return doubts


def _fill(
    out: Solutions,
    rows: npt.NDArray[Any],
    cameras: npt.NDArray[Any],
    few: Views,
    state: State,
    doubts: list[list[str]],
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
    for index, row in enumerate(rows):
        lacking = np.flatnonzero(seen[index].sum(0) < 2)
        if len(lacking):
            names = ", ".join(map(str, lacking))
            doubts[index].append(f"fewer than two cameras see the joints {names}")
        spread = scales[index].max() / scales[index].min()
        if not np.isfinite(spread) or spread > COLLAPSED or not np.isfinite(out.errors[row]):
            doubts[index].append("the solution has collapsed")
        if out.errors[row] > FAR_OFF * side[index].mean():
            doubts[index].append(f"the points are {out.errors[row]:.3g} pixels from the solution")
        out.doubts[row] = "; ".join(doubts[index])


def widest_angle(rotations: Array) -> Array:
    """The largest angle between the lines of sight of two views, degrees from 0 to 90, `(n,)`.

    Opposite views count as one line: under weak perspective they see mirror images.

    Args:
        rotations: From the pose to every camera, `(n, C, 3, 3)`.
    """
    lines = rotations[..., 2]
    cosine = np.abs(np.einsum("nci,ndi->ncd", lines, lines)).min((1, 2))
    return np.asarray(np.rad2deg(np.arccos(np.clip(cosine, 0, 1))))


def against_truth(solved: Solutions, views: Views) -> list[str]:
    """The errors of whole poses, in words, where the frames have a truth; see `metrics.pose`."""
    if views.pose is None:
        return []
    whole = np.flatnonzero((np.isfinite(solved.poses) & np.isfinite(views.pose)).all((1, 2)))
    if not len(whole):
        return []
    poses, truth = solved.poses[whole], views.pose[whole]
    found = {"PMPJPE (reflections allowed)": pmpjpe(poses, truth)}
    if views.truth is not None:
        first = _usable(views)[whole].argmax(1)
        placed = views.truth.place(views.pose)[whole, first]
        found["NMPJPE (mirrored depth allowed)"] = nmpjpe(poses, placed)
    return [
        f"{name} of {len(whole)} frames: mean {error.mean():.1f} mm, median {np.median(error):.1f} mm"
        for name, error in found.items()
    ]


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
