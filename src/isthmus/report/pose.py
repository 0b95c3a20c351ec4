"""Figures of multi-view pose: what cameras see, skeletons with their cameras, errors by cameras."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib import pyplot as plt

from isthmus.data.skeletons import BONES, JOINTS
from isthmus.data.views import Views
from isthmus.metrics.pose import centred, orthogonal, size
from isthmus.report.figures import BLUE, ORANGE

Array = npt.NDArray[np.float64]

SYSTEMS = {
    "metapose-s1": "S1",
    "refinement": "IR",
    "metapose-s2": "S1+S2",
    "anipose": "AniPose from the truth",
    "anipose-fixed": "AniPose from the truth, fixed lens",
    "bundle": "plain bundle adjustment from the truth",
    "bundle-fixed": "plain bundle adjustment from the truth, fixed lens",
    "anipose-random": "AniPose from a random start",
}


def views_sheet(views: Views, path: Path, *, frames: int = 3) -> None:
    """What every camera sees of a few frames: detections as dots, the true skeleton behind."""
    rows = np.linspace(0, len(views) - 1, frames).astype(int)
    many = len(views.cameras)
    figure, grid = plt.subplots(frames, many, figsize=(1.8 * many, 1.8 * frames), squeeze=False)
    for line, frame in zip(grid, rows, strict=True):
        for view, axes in enumerate(line):
            if views.labels is not None:
                _bones(axes, views.labels[frame, view])
            axes.plot(*views.points[frame, view].T, ".", color="black", markersize=4)
            axes.set(xlim=(0, 1), ylim=(1, 0), xticks=[], yticks=[], aspect="equal")
    figure.tight_layout()
    _save(figure, path)


def skeletons(solved: Mapping[str, Array], views: Views, path: Path, *, frames: int = 4) -> None:
    """Answers over the true skeleton (grey) of a few frames, from the first camera and from the side.

    Args:
        solved: By method the poses `(n, J, 3)` of the same frames.
        views: The frames, with their truth.
        path: Where to write.
        frames: How many.
    """
    rows = np.linspace(0, len(views) - 1, frames).astype(int)
    figure, grid = plt.subplots(
        2 * len(solved), frames, figsize=(2 * frames, 3.6 * len(solved)), squeeze=False
    )
    assert views.truth is not None and views.pose is not None
    truth = centred(views.truth.place(views.pose)[:, 0])
    for pair, (name, poses) in enumerate(solved.items()):
        fitted = centred(poses) @ orthogonal(poses, truth) * size(truth) / size(poses)
        for column, frame in enumerate(rows):
            for side, plane in enumerate(([0, 1], [2, 1])):
                axes = grid[2 * pair + side][column]
                _bones(axes, truth[frame][:, plane], colour="0.75", width=3)
                _bones(axes, fitted[frame][:, plane])
                axes.set(xticks=[], yticks=[], aspect="equal")
                axes.invert_yaxis()
        grid[2 * pair][0].set_ylabel(f"{name}, front")
        grid[2 * pair + 1][0].set_ylabel(f"{name}, side")
    figure.tight_layout()
    _save(figure, path)


def solutions_sheet(
    poses: Array, rotations: Array, cameras: Sequence[str], frames: Sequence[str], path: Path
) -> None:
    """Skeletons in space, the first camera looking along the depth axis, and where cameras look from.

    Args:
        poses: In the coordinates of the first camera, `(n, J, 3)`; a pose with NaN is drawn as far
            as it is known.
        rotations: From the pose to every camera, `p R`, `(n, C, 3, 3)`; NaN where there is none.
        cameras: Their names.
        frames: Names of the frames.
        path: Where to write.
    """
    figure = plt.figure(figsize=(4 * len(poses), 4), layout="constrained")
    for index, (pose, turns) in enumerate(zip(poses, rotations, strict=True)):
        axes = figure.add_subplot(1, len(poses), index + 1, projection="3d")
        reach = 1.5 * float(np.nanmax(np.abs(pose), initial=1e-9))
        # The plot's z is up, the cameras' y is down and their z goes into the scene.
        _bones(axes, pose[:, [0, 2, 1]] * (1, 1, -1))
        for name, ahead in zip(cameras, turns[:, :, 2], strict=True):
            if np.isfinite(ahead).all():
                x, y, z = -reach * ahead[[0, 2, 1]] * (1, 1, -1)
                axes.quiver(x, y, z, *(-0.3 * np.array([x, y, z])), color="0.4")
                axes.text(x, y, z, name, fontsize=8)
        axes.set(xlim=(-reach, reach), ylim=(-reach, reach), zlim=(-reach, reach))
        axes.set(xticklabels=[], yticklabels=[], zticklabels=[], title=f"frame {frames[index]}")
        axes.set_box_aspect((1, 1, 1))
    _save(figure, path)


def error_by_cameras(metrics: Mapping[str, Any], path: Path) -> None:
    """PMPJPE by number of cameras, means as lines, medians dotted; and the ablations of S2."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for number, (system, title) in enumerate(SYSTEMS.items()):
        for key, style in (("pmpjpe", "o-"), ("pmpjpe_median", ":")):
            found = sorted(
                (int(name.rsplit("_", 1)[1]), value["mean"])
                for name, value in metrics.get(system, {}).items()
                if name.rsplit("_", 1)[0] == key
            )
            if found:
                label = title if key == "pmpjpe" else None
                left.plot(*zip(*found, strict=True), style, color=f"C{number}", label=label)
    left.set(xlabel="cameras", ylabel="PMPJPE, mm (dotted: median)", ylim=(0, None))
    left.xaxis.get_major_locator().set_params(integer=True)
    left.set_ylim(0, 1.4 * left.get_ylim()[1])
    left.legend(fontsize=8)
    ablated = {n: m for n, m in metrics.items() if n.startswith("metapose-s2")}
    widest = max(int(key.rsplit("_", 1)[1]) for key in metrics["metapose-s2"])
    bars = {n: m[f"pmpjpe_{widest}"] for n, m in ablated.items() if f"pmpjpe_{widest}" in m}
    right.barh(
        list(bars),
        [bar["mean"] for bar in bars.values()],
        xerr=[bar["std"] for bar in bars.values()],
        color=[BLUE if name == "metapose-s2" else ORANGE for name in bars],
    )
    right.invert_yaxis()
    right.set_xlabel(f"PMPJPE with {widest} cameras, mm")
    _save(figure, path)


def _bones(axes: Any, points: Array, *, colour: str | None = None, width: float = 1.2) -> None:
    """A skeleton `(J, 2)` or, in space, `(J, 3)`, the left side blue, the right side orange; dots where J is not 17."""
    if len(points) != len(JOINTS):
        axes.plot(*points.T, "o", color=colour or BLUE, markersize=3)
        return
    for parent, child in BONES:
        side = JOINTS[child].split("_")[0]
        own = {"left": BLUE, "right": ORANGE}.get(side, "black")
        axes.plot(*points[[parent, child]].T, color=colour or own, linewidth=width)


def _save(figure: Any, path: Path) -> None:
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)
