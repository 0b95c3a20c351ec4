"""Solving and judging frames whose truth is known: the methods side by side.

True poses enter here, to judge and to start rivals that are given them; no training of S2 sees one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from isthmus.data.skeletons import limb_lengths
from isthmus.data.views import Views, mixtures_of_points
from isthmus.errors import InputError
from isthmus.metrics.pose import centred, nmpjpe, pck, pmpjpe
from isthmus.pose import bundle, networks
from isthmus.pose.average import average
from isthmus.pose.learned import LARGEST_SCALE, Lesson, Trained, Training, Variant, solve, train
from isthmus.pose.refinement import refine
from isthmus.pose.state import State, pack
from isthmus.seeding import derive

Array = npt.NDArray[np.float64]
Errors = dict[str, float]

S2 = "metapose-s2"
ABLATIONS: dict[str, Variant] = {
    "flat": Variant(flat=True),
    "teacher": Variant("teacher"),
    "likelihood": Variant("likelihood"),
    "limbs": Variant(limbs=True),
    **{f"no-{name}": Variant(without=(name,)) for name in networks.INPUTS},
}
"""S2 with one thing changed."""


class Solved(NamedTuple):
    """Poses `(n, J, 3)`: as they are, and in the coordinates of the first camera."""

    pose: Array
    first: Array


def first_cameras(views: Views, count: int) -> Views:
    """The first few cameras.

    Raises:
        InputError: There are not so many.
    """
    if count > len(views.cameras):
        raise InputError("views", f"{count} of {len(views.cameras)} cameras", mend="ask for fewer")
    return views.choose(list(range(count)))


def of_state(state: State) -> Solved:
    """The poses of a state, in double precision."""
    return Solved(*(part.double().numpy() for part in (state.pose, state.in_first_view())))


def errors(solved: Solved, views: Views, *, mirror: bool = True) -> Errors:
    """PMPJPE, NMPJPE (mm; means, then medians over frames), PCK (share of joints).

    Args:
        solved: The answers; joints that are NaN are left out.
        views: The frames, with their truth.
        mirror: Whether NMPJPE and PCK may flip the depth, as MetaPose's do and AniPose's do not.
    """
    if views.pose is None or views.truth is None:
        raise InputError("views", "there is no true pose to judge by", mend="give one")
    truth = views.truth.place(views.pose)[:, 0]
    free = _of_placed(pmpjpe, solved.pose, views.pose)
    kept = _of_placed(partial(nmpjpe, mirror=mirror), solved.first, truth)
    return {
        "pmpjpe": float(free.mean()),
        "pmpjpe_median": float(np.median(free)),
        "nmpjpe": float(kept.mean()),
        "nmpjpe_median": float(np.median(kept)),
        "pck": float(_of_placed(partial(pck, mirror=mirror), solved.first, truth).mean()),
    }


def _of_placed(measure: Callable[[Array, Array], Array], predicted: Array, truth: Array) -> Array:
    """The measure of every frame over the joints that are not NaN; NaN where there are none."""
    placed = np.asarray(np.isfinite(predicted).all(-1))
    if placed.all():
        return measure(predicted, truth)
    return np.array(
        [
            measure(pose[None, known], true[None, known])[0] if known.any() else np.nan
            for pose, true, known in zip(predicted, truth, placed, strict=True)
        ]
    )


def start(views: Views) -> State:
    """S1 with all views averaged."""
    return average(monocular_poses(views)).state


def monocular_poses(views: Views) -> Array:
    """The monocular poses of frames.

    Raises:
        InputError: There are none.
    """
    if views.monocular is None:
        raise InputError("views", "there are no monocular poses", mend="train a lifter first")
    return views.monocular


def true_start(views: Views) -> State:
    """The weak-perspective state of the truth: scales and shifts are those of the body's middle."""
    if views.pose is None or views.truth is None:
        raise InputError("views", "there is no truth to start at", mend="give it")
    placed = views.truth.place(views.pose)
    depth = placed[..., 2].mean(-1)
    scale = views.truth.intrinsics[..., :2].mean(-1) / depth / views.boxes[..., 2]
    pose = centred(placed[:, 0]) * scale[:, :1, None]
    turned = views.truth.rotation[:, :1] @ np.swapaxes(views.truth.rotation, -1, -2)
    shift = np.concatenate([_labels(views).mean(2), np.zeros((*scale.shape, 1))], -1)
    parts = (pose, turned, scale / scale[:, :1], shift)
    return pack(*(torch.from_numpy(np.ascontiguousarray(part)) for part in parts))


def refinements(views: Views) -> dict[str, Solved]:
    """The iterative refinement: from S1, from the truth, and on better heat-maps.

    `refinement` is the rival itself. `-true-start` begins at the truth, `-true-heatmaps` has
    heat-maps around the true points, `-weak-heatmaps` around what weak perspective would show.
    """
    begun, truth = start(views), true_start(views)
    sure = np.ones(views.seen.shape)
    labels = _labels(views)
    weak = truth.project().numpy()
    tries = {
        "refinement": (begun, views.mixtures),
        "refinement-true-start": (truth, views.mixtures),
        "refinement-true-heatmaps": (begun, mixtures_of_points(labels, sure)),
        "refinement-weak-heatmaps": (begun, mixtures_of_points(weak, sure)),
    }
    return {
        name: of_state(refine(state, torch.from_numpy(maps)))
        for name, (state, maps) in tries.items()
    }


class Bundle(NamedTuple):
    """A kind of classical bundle adjustment.

    Attributes:
        begin: Whether it begins at the true extrinsics or at random ones.
        free_intrinsics: Whether focal length and distortion move.
        rounds: Rounds that drop joints; none is plain bundle adjustment.
    """

    begin: bundle.Begin
    free_intrinsics: bool
    rounds: int


BUNDLES = {
    "anipose": Bundle("truth", True, bundle.ROUNDS),
    "anipose-fixed": Bundle("truth", False, bundle.ROUNDS),
    "anipose-random": Bundle("random", True, bundle.ROUNDS),
    "anipose-random-fixed": Bundle("random", False, bundle.ROUNDS),
    "bundle": Bundle("truth", True, 0),
    "bundle-fixed": Bundle("truth", False, 0),
}
"""`anipose` is what MetaPose's script runs; `-fixed` what its text says."""


def adjusted(views: Views, kind: Bundle, seed: int) -> Solved:
    """Every frame's pose by classical bundle adjustment, in the first camera's coordinates.

    Joints that fewer than two views see are NaN.
    """
    if views.truth is None:
        raise InputError("views", "there are no cameras to begin with", mend="give them")
    points = np.where(views.seen[..., None], views.pixels, np.nan)
    points = points - views.truth.intrinsics[:, :, None, 2:]
    found = []
    for frame in range(len(views)):
        rng = np.random.default_rng(derive(seed, "bundle", frame))
        begun = bundle.start(views.truth, frame, kind.begin, rng)
        done = bundle.adjust(
            points[frame], begun, free_intrinsics=kind.free_intrinsics, rounds=kind.rounds
        )
        found.append(done.pose)
    poses = np.stack(found)
    return Solved(poses, poses)


def learn(views: Views, variant: Variant, training: Training, seed: int) -> Trained:
    """Train S2 on frames; the judge of the oracle is the PMPJPE of the held-out ones."""

    def judge(state: State) -> float:
        truth = views.pose[: len(state.pose)] if views.pose is not None else None
        return (
            float(pmpjpe(state.pose.double().numpy(), truth).mean()) if truth is not None else 0.0
        )

    return train(lesson(views, variant), variant, training, seed=seed, judge=judge)


def lesson(views: Views, variant: Variant) -> Lesson:
    """What S2 learns from: 2-D labels, or the refinement's solutions, or nothing but heat-maps.

    Raises:
        InputError: The variant needs labels and there are none.
    """
    begun, seen = start(views), given(views, variant)
    labels = teacher = None
    if variant.supervision == "labels":
        labels = single(torch.from_numpy(_labels(views)))
    begun = State(*map(single, begun))
    if variant.supervision == "teacher":
        solved = refine(start(views), torch.from_numpy(views.mixtures))
        sound = (solved.scales / solved.scales[:, :1] < LARGEST_SCALE).all(-1)
        teacher = State(*map(single, solved)).take(sound)
        begun, seen = begun.take(sound), seen.take(sound)
    return Lesson(begun, seen, labels, teacher)


def _labels(views: Views) -> Array:
    if views.labels is None:
        raise InputError("views", "there are no 2-D labels", mend="train on the likelihood instead")
    return views.labels


def given(views: Views, variant: Variant) -> networks.Views:
    """What S2 is given of frames beside the start."""
    ratios = None
    if variant.limbs:
        if views.pose is None:
            raise InputError("views", "limb lengths are not known", mend="leave the limbs out")
        lengths = limb_lengths(views.pose)
        ratios = single(torch.from_numpy(lengths / lengths.mean(-1, keepdims=True)))
    return networks.Views(single(torch.from_numpy(views.mixtures)), ratios)


def learned(trained: Trained, views: Views, variant: Variant) -> tuple[Solved, Solved]:
    """S2's answers, and those of the oracle."""
    begun, seen = State(*map(single, start(views))), given(views, variant)
    return tuple(  # type: ignore[return-value]
        of_state(solve(stages, begun, seen, variant.without))
        for stages in (trained.stages, trained.oracle)
    )


def shuffled(views: Views, seed: int) -> Views:
    """Frames with cameras 1 to C-1 in an order that differs from frame to frame."""
    rng = np.random.default_rng(seed)
    many = len(views.cameras)
    orders = np.array([[0, *(1 + rng.permutation(many - 1))] for _ in range(len(views))])
    rows = np.arange(len(views))[:, None]

    return views.reordered(lambda array: array[rows, orders])


def single(values: Tensor) -> Tensor:
    """In the precision of the networks."""
    return values.to(torch.float32)
