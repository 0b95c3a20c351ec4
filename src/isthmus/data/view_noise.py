"""What two networks would say of a view: heat-maps with known noise, and a monocular pose.

The sizes are tuned to the published start (monocular poses about 80 mm off, their average 74 with
four cameras and 87 with two), not to what any method makes of it. They are the same everywhere.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from isthmus.data.cameras import Cameras, fixed_four, following_six
from isthmus.data.motion_clips import Clips
from isthmus.data.skeletons import MIRRORED, Poses, poses
from isthmus.data.views import COMPONENTS, Views, square_boxes
from isthmus.seeding import derive

Array = npt.NDArray[np.float64]

DEVIATION = 0.012
"""Of a detected joint an axis, box units."""
OCCLUDED, OCCLUDED_TIMES = 0.15, 4.0
"""How often a joint is hidden, and how much more it is off then."""
TWIN, TWIN_WEIGHT = 0.03, 0.3
"""How often a heat-map has a second mode at the joint's twin on the other side, and its weight."""
FIRST_WEIGHT = 0.85
"""Weight of the component at the detection; the others share the rest."""
DEPTH_SHRINK = 0.8
"""Depth is drawn to its mean."""
TILT = 0.08
"""Deviation of the slope of depth in x and y, anew in every view."""
OWN_DEPTH = 30.0
"""Deviation of depth a joint and view, mm."""
SHARED = 40.0
"""Deviation a joint and axis of an error that all views of a frame share, mm."""

TRAIN_SUBJECTS, TEST_SUBJECTS = range(5), range(5, 7)
"""As many as of Human3.6M; no motion is in both parts either."""


def rig(name: str, count: int, *, test: bool, seed: int) -> Views:
    """Frames of a synthetic rig with truth, labels and noisy observations.

    Args:
        name: `rig` (four fixed cameras, everyday motions) or `ski` (six moving ones, skiing).
        count: How many frames.
        test: Whether of the test subjects.
        seed: Decides motions, cameras and noise.
    """
    part = derive(seed, "test" if test else "train")
    subjects = TEST_SUBJECTS if test else TRAIN_SUBJECTS
    found = poses(count, subjects, "skiing" if name == "ski" else "everyday", seed=part)
    if name == "ski":
        cameras = following_six(found.joints.mean(1), derive(part, "cameras"))
    else:
        cameras = fixed_four(found.subjects, derive(seed, "cameras"))
    return observed(found, cameras, np.random.default_rng(derive(part, "noise")))


def observed(
    found: Poses,
    cameras: Cameras,
    rng: np.random.Generator,
    names: npt.NDArray[np.str_] | None = None,
) -> Views:
    """What noisy networks would say of poses before cameras, with the truth.

    Args:
        found: The poses.
        cameras: The cameras of each.
        rng: Of the noise.
        names: Of the frames; by default their numbers.
    """
    pixels = cameras.project(found.joints)
    boxes = square_boxes(pixels)
    labels = (pixels - boxes[:, :, None, :2]) / boxes[:, :, None, 2:]
    if names is None:
        names = np.array([f"{index:06d}" for index in range(len(pixels))])
    return Views(
        frames=names,
        cameras=tuple(str(index) for index in range(pixels.shape[1])),
        boxes=boxes,
        mixtures=heat_maps(labels, rng),
        seen=np.ones(labels.shape[:-1], bool),
        monocular=monocular(found.joints, cameras, boxes, rng),
        labels=labels,
        subjects=found.subjects,
        pose=found.joints,
        truth=cameras,
    )


def filmed(clips: Clips, *, seed: int) -> Views:
    """Clips of captured motion before the four cameras of `rig`, moved as for one more subject.

    Args:
        clips: The frames.
        seed: Decides the noise, and as in `rig` the cameras.
    """
    cameras = fixed_four(clips.poses.subjects, derive(seed, "cameras"))
    rng = np.random.default_rng(derive(seed, "clips", "noise"))
    return observed(clips.poses, cameras, rng, clips.names)


def heat_maps(labels: Array, rng: np.random.Generator) -> Array:
    """Mixtures `(n, C, J, 4, 4)` around noisy detections of joints `(n, C, J, 2)`, box units.

    The first component is the detection with its true deviation, the others spread around it; now
    and then one of them sits at the joint's twin.
    """
    shape = labels.shape[:-1]
    sigma = DEVIATION * np.where(rng.random(shape) < OCCLUDED, OCCLUDED_TIMES, 1.0)
    detected = labels + sigma[..., None] * rng.standard_normal(labels.shape)
    out = np.empty((*shape, COMPONENTS, 4))
    out[..., 0] = (1 - FIRST_WEIGHT) / (COMPONENTS - 1)
    out[..., 0, 0] = FIRST_WEIGHT
    spread = sigma[..., None] * rng.uniform(1, 2, (*shape, COMPONENTS))
    spread[..., 0] = 0
    offset = rng.standard_normal((*shape, COMPONENTS, 2))
    out[..., 1:3] = detected[..., None, :] + spread[..., None] * offset
    out[..., 3] = (sigma[..., None] + spread) ** 2
    twin = (rng.random(shape) < TWIN) & (np.array(MIRRORED) != np.arange(shape[-1]))
    out[..., 1, 1:3] = np.where(twin[..., None], labels[..., MIRRORED, :], out[..., 1, 1:3])
    out[..., 1, 0] = np.where(twin, TWIN_WEIGHT, out[..., 1, 0])
    out[..., 0] /= out[..., 0].sum(-1, keepdims=True)
    return out


def monocular(joints: Array, cameras: Cameras, boxes: Array, rng: np.random.Generator) -> Array:
    """Poses from each view alone, `(n, C, J, 3)` in box units, of joints `(n, J, 3)` in mm."""
    wrong = joints + SHARED * rng.standard_normal(joints.shape)
    placed = cameras.place(wrong)
    middle = placed.mean(2, keepdims=True)
    flat, depth = placed[..., :2] - middle[..., :2], placed[..., 2] - middle[..., 2]
    depth = DEPTH_SHRINK * depth + (flat * rng.normal(0, TILT, (*flat.shape[:2], 1, 2))).sum(-1)
    depth = depth + OWN_DEPTH * rng.standard_normal(depth.shape)
    focal, side = cameras.intrinsics[..., :2].mean(-1), boxes[..., 2]
    scale = (focal / middle[..., 0, 2] / side)[..., None]
    centre = (cameras.project(joints).mean(2) - boxes[..., :2]) / side[..., None]
    image = flat * scale[..., None] + centre[:, :, None]
    image = image + DEVIATION * rng.standard_normal(image.shape)
    return np.concatenate([image, (depth * scale)[..., None]], -1)
