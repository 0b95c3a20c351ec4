"""Capsule figures that stand in for SynAction: ten actors, nine backgrounds, eighty poses.

An image is a figure over a background, so a figure is drawn once an actor and pose, every
background costs one multiply-add, and the nearest candidate of an image is found exactly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.interpolate import PchipInterpolator

from isthmus.data.rendering import check_images, columns, pixel_centres, rgb, shrink
from isthmus.data.synaction import (
    BACKGROUNDS,
    DOMAINS,
    FIXED,
    IDENTITIES,
    SHARED,
    SPECIFIC,
    Codes,
    Domain,
    check_size,
)
from isthmus.data.table import Table

Images = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Array = npt.NDArray[np.float64]

_SIDE = (-12, -6, 12, 6)
_STAND = (-5, -3, 5, 3)
_KEYFRAMES = {
    "wave": (
        (0, 0, -12, -6, 50, 70, *_STAND, 0),
        (-3, 4, -14, -8, 105, 150, *_STAND, 0),
        (-6, 8, -16, -10, 130, 215, *_STAND, 0),
    ),
    "jack": (
        (0, 0, -30, -34, 30, 34, -9, -7, 9, 7, 0),
        (0, 0, -90, -96, 90, 96, -18, -16, 18, 16, 0.07),
        (0, 0, -155, -165, 155, 165, -28, -26, 28, 26, 0),
    ),
    "squat": (
        (0, 0, -30, 20, 30, -20, -20, 0, 20, 0, 0),
        (0, 0, -62, 30, 62, -30, -48, 8, 48, -8, 0),
        (0, 0, -85, 40, 85, -40, -78, 14, 78, -14, 0),
    ),
    "kick": (
        (0, 0, -40, -100, 30, 95, -8, -4, 25, -25, 0),
        (-10, 6, -60, -120, 40, 70, -4, -2, 62, 20, 0),
        (-22, 12, -85, -140, 30, 40, 2, 4, 100, 96, 0),
    ),
    "punch": (
        (-6, 0, -25, 150, 10, 165, -20, -14, 20, 6, 0),
        (4, 0, -35, 155, 55, 120, -26, -22, 30, 2, 0),
        (14, -4, -45, 160, 92, 90, -34, -32, 42, -4, 0),
    ),
    "run": (
        (8, -4, 48, 130, -45, 20, -42, -70, 40, 10, 0.02),
        (12, -6, 5, 70, 0, 70, -6, -62, 8, -4, 0.06),
        (8, -4, -45, 20, 48, 130, 40, 10, -42, -70, 0.02),
    ),
    "bow": (
        (18, 10, -6, 0, 10, 14, *_STAND, 0),
        (48, 12, -2, 2, 6, 8, -8, -3, 3, 5, 0),
        (82, 16, 4, 8, 14, 20, -14, -6, 0, 6, 0),
    ),
    "throw": (
        (-14, 6, -150, -225, 60, 80, -16, -10, 22, 8, 0),
        (-2, 2, -175, -185, 40, 50, -20, -18, 28, 2, 0),
        (16, -6, -240, -250, 6, -14, -30, -36, 34, -2, 0),
    ),
    "glide": (
        (10, -6, -75, -75, 75, 75, -24, -40, 4, 2, 0),
        (30, -18, -85, -80, 95, 100, -52, -58, 2, 0, 0),
        (52, -34, -70, -66, 118, 122, -78, -80, -2, -4, 0),
    ),
    "dance": (
        (-10, 8, -130, -190, 50, -25, -22, -2, 12, 16, 0),
        (0, 0, -88, -150, 88, 30, -14, -12, 14, 12, 0.03),
        (10, -8, -50, 25, 130, 190, -12, -16, 22, 2, 0),
    ),
}
"""Three moments of each motion: angles in degrees and the lift of the feet in image sides.

The angles are the lean of the trunk and of the head to the right of the image, then those of the
right upper arm and forearm, the left ones, the right thigh and shin, and the left ones, from
straight down to the right of the image. The figure faces the camera: its right is at the left.
"""

_PHASES = 8
MOTIONS = tuple(_KEYFRAMES)
POSES = tuple(f"{motion}-{phase}" for motion in MOTIONS for phase in range(_PHASES))
LEVELS = {"identity": IDENTITIES, "background": BACKGROUNDS, "pose": POSES}
"""The factors of an image and the names of their levels."""

JOINTS = (
    *("head", "neck"),
    *(f"{side}_{joint}" for side in ("right", "left") for joint in ("shoulder", "elbow", "wrist")),
    *(f"{side}_{joint}" for side in ("right", "left") for joint in ("hip", "knee", "ankle")),
)
"""The order of the keypoints."""

_GROUND = 0.9
_TRUNK, _NECK, _UPPER_ARM, _FOREARM, _THIGH, _SHIN = 0.2, 0.1, 0.125, 0.125, 0.165, 0.165
_SHOULDER, _HIP, _HEAD = 0.068, 0.042, 0.072


class _Actor(NamedTuple):
    """Colours in sRGB, height and breadth as multiples of the first actor's."""

    skin: str
    hair: str
    top: str
    trousers: str
    shoes: str
    height: float
    breadth: float


_ACTORS = (
    _Actor("#e8b48f", "#3b2a20", "#c8372d", "#2b3a67", "#2a2a2e", 1.0, 1.0),
    _Actor("#8d5a3b", "#1c1614", "#f2c230", "#3f3f46", "#e8e8e8", 1.04, 1.05),
    _Actor("#f0c6a4", "#d9a441", "#2f9e5b", "#6b4a2f", "#3a2a20", 0.92, 0.85),
    _Actor("#c98d62", "#20201f", "#2d6fd0", "#d7d2c4", "#7a2f2f", 1.0, 1.3),
    _Actor("#f2cdb3", "#a5402a", "#7d3fa8", "#1f2430", "#8c8c94", 0.96, 0.95),
    _Actor("#6b4229", "#0f0d0c", "#f4f4f0", "#8f1f3f", "#20242c", 1.04, 1.2),
    _Actor("#e0a981", "#6e6e72", "#1f2328", "#4f8a8b", "#d8b25a", 0.9, 1.3),
    _Actor("#a86f48", "#2d1d14", "#ef7fa7", "#2f6f4f", "#f0f0ec", 0.94, 0.8),
    _Actor("#f3d2bd", "#f0dc9a", "#e8792b", "#545f8c", "#4a3020", 1.02, 0.9),
    _Actor("#53331f", "#17110e", "#28b3c4", "#c9622e", "#262626", 0.98, 1.12),
)


def load(size: int) -> Table:
    """Every image of the two domains: one actor before eight backgrounds (A), nine before one (B).

    Args:
        size: Side of the images in pixels.

    Returns:
        Images uint8 `(1360, size, size, 3)`, the 640 of A before the 720 of B, with the factors
        `domain`, `identity`, `background` and `pose`.

    Raises:
        InputError: The size is not between 16 and 256.
    """
    a = _grid([0], range(1, len(BACKGROUNDS)))
    b = _grid(range(1, len(IDENTITIES)), [0])
    factors = {name: np.concatenate([a[name], b[name]]) for name in LEVELS}
    domain = np.repeat(np.arange(2), [len(a["pose"]), len(b["pose"])])
    return Table(
        kind="images",
        values=np.ascontiguousarray(render(factors, size).transpose(0, 2, 3, 1)),
        factors={"domain": domain} | factors,
        levels={"domain": DOMAINS} | LEVELS,
        value_range=(0.0, 255.0),
        source="Stick figures, rendered",
    )


def render(factors: Mapping[str, npt.ArrayLike], size: int) -> Images:
    """Draw figures, one a row; the same factors give the same pixels.

    Args:
        factors: Codes into `LEVELS`, one column `(n,)` a factor; other columns are ignored.
        size: Side of the images in pixels.

    Returns:
        Images, uint8 `(n, 3, size, size)`, sRGB.

    Raises:
        InputError: A factor is absent, holds a code out of range, or the size makes no sense.
    """
    check_size("stick figures", size)
    codes = columns("stick figures", factors, LEVELS)
    figures, gaps, backgrounds = _layers(size)
    rows = codes["identity"] * len(POSES) + codes["pose"]
    images = np.empty((len(rows), 3, size * size), dtype=np.uint8)
    for part in _chunks(len(rows)):
        seen = gaps[rows[part], np.newaxis] * backgrounds[codes["background"][part]]
        images[part] = np.rint(figures[rows[part]] + seen)
    return images.reshape(-1, 3, size, size)


def decode(images: Images) -> dict[str, Codes]:
    """The factors of the nearest image in squared distance among all combinations of codes.

    All 7,200 candidates are compared, also those of neither domain. Where F is a figure, g what it
    leaves free and B a background, |x - F - g B|^2 = |x|^2 - 2 (<x, F> + <x B, g>) + |F + g B|^2,
    so one product of matrices serves all figures.

    Args:
        images: uint8 `(n, 3, size, size)`.

    Returns:
        Codes `(n,)` of each factor; `decode(render(factors, size))` is `factors`.

    Raises:
        InputError: The images have another shape or dtype.
    """
    check_images("stick figures", images)
    figures, gaps, backgrounds = _layers(images.shape[-1])
    flat = figures.reshape(len(figures), -1)
    norms = [np.square(figures + gaps[:, np.newaxis] * scene).sum((1, 2)) for scene in backgrounds]
    nearest = np.empty(len(images), dtype=np.int64)
    for part in _chunks(len(images)):
        pixels = images[part].reshape(-1, 3, flat.shape[1] // 3).astype(np.float32)
        to_figures = pixels.reshape(len(pixels), -1) @ flat.T
        distances = [
            norm - 2 * (to_figures + np.einsum("ncp,cp->np", pixels, scene) @ gaps.T)
            for scene, norm in zip(backgrounds, norms, strict=True)
        ]
        nearest[part] = np.concatenate(distances, axis=1).argmin(axis=1)
    background, figure = np.divmod(nearest, len(figures))
    identity, pose = np.divmod(figure, len(POSES))
    return {"identity": identity, "background": background, "pose": pose}


def counterfactual(
    content: Mapping[str, Codes], guide: Mapping[str, Codes], target: Domain
) -> dict[str, Codes]:
    """The factors of the right translation: `render` draws it.

    Args:
        content: Factors `(n,)` of the images to translate; the pose comes from here.
        guide: Factors `(n,)` of images of the target; what varies only there comes from here.
        target: The domain to translate into; the rest takes its fixed value.
    """
    kept = {name: content[name] for name in SHARED}
    taken = {name: guide[name] for name in SPECIFIC[target]}
    fixed = {name: np.full_like(content[name], code) for name, code in FIXED[target].items()}
    return kept | taken | fixed


def keypoints(pose: npt.ArrayLike, identity: npt.ArrayLike) -> Array:
    """Where the joints of figures are, exactly.

    Args:
        pose: Codes `(n,)`.
        identity: Codes `(n,)`; an actor's build decides the lengths of the limbs.

    Returns:
        `(n, 14, 2)` in the order of `JOINTS`, x to the right and y down, in sides of the image
        with the origin in its upper left corner.

    Raises:
        InputError: A code is out of range.
    """
    levels = {"pose": POSES, "identity": IDENTITIES}
    codes = columns("stick figures", {"pose": pose, "identity": identity}, levels)
    actors = [_ACTORS[code] for code in codes["identity"]]
    angles = _pose_angles()[codes["pose"]]
    return _skeleton(
        np.deg2rad(angles[:, :10]),
        angles[:, 10],
        np.array([actor.height for actor in actors]),
        np.array([actor.breadth for actor in actors]),
    )


def _chunks(rows: int, length: int = 500) -> list[slice]:
    return [slice(start, start + length) for start in range(0, rows, length)]


def _grid(identities: Sequence[int], backgrounds: Sequence[int]) -> dict[str, Codes]:
    grid = np.meshgrid(identities, backgrounds, np.arange(len(POSES)), indexing="ij")
    return {name: codes.ravel() for name, codes in zip(LEVELS, grid, strict=True)}


def _pose_angles() -> Array:
    """The keyframes' columns at every phase of every motion, `(80, 11)`."""
    moments = np.linspace(0, 1, _PHASES)
    frames = np.array(list(_KEYFRAMES.values()), dtype=np.float64)
    return PchipInterpolator([0, 0.5, 1], frames, axis=1)(moments).reshape(len(POSES), -1)


def _skeleton(angles: Array, lift: Array, height: Array, breadth: Array) -> Array:
    """Joints `(n, 14, 2)` from angles in radians `(n, 10)`, standing on the ground."""

    def limb(angle: Array, length: float) -> Array:
        along = np.stack([np.sin(angle), np.cos(angle)], axis=1)
        return along * (length * height)[:, np.newaxis]

    lean, nod, *limbs = angles.T
    pelvis = np.zeros((len(angles), 2))
    neck = pelvis + limb(np.pi - lean, _TRUNK)
    head = neck + limb(np.pi - lean - nod, _NECK)
    across = np.stack([np.cos(lean), np.sin(lean)], axis=1) * breadth[:, np.newaxis]
    joints = [head, neck]
    for start, width, first, second, lengths in (
        (neck, -_SHOULDER, limbs[0], limbs[1], (_UPPER_ARM, _FOREARM)),
        (neck, _SHOULDER, limbs[2], limbs[3], (_UPPER_ARM, _FOREARM)),
        (pelvis, -_HIP, limbs[4], limbs[5], (_THIGH, _SHIN)),
        (pelvis, _HIP, limbs[6], limbs[7], (_THIGH, _SHIN)),
    ):
        near = start + width * across
        middle = near + limb(first, lengths[0])
        joints += [near, middle, middle + limb(second, lengths[1])]
    skeleton = np.stack(joints, axis=1)
    left, right = skeleton[:, :, 0].min(axis=1), skeleton[:, :, 0].max(axis=1)
    feet = skeleton[:, [JOINTS.index("right_ankle"), JOINTS.index("left_ankle")], 1].max(axis=1)
    shift = np.stack([0.5 - (left + right) / 2, _GROUND - lift - feet], axis=1)
    placed: Array = skeleton + shift[:, np.newaxis]
    return placed


class _Capsule(NamedTuple):
    """Rounded, tapering strokes, one a figure: ends `(n, 2)`, radii `(n,)`, colours `(n, 3)`."""

    start: Array
    end: Array
    start_radius: Array
    end_radius: Array
    colour: Array


def _capsules(joints: Array, actors: Sequence[_Actor]) -> list[_Capsule]:
    """The strokes of figures from back to front."""
    at = dict(zip(JOINTS, joints.transpose(1, 0, 2), strict=True))
    breadth = np.array([actor.breadth for actor in actors])
    height = np.array([actor.height for actor in actors])

    def colour(part: str, brightness: float = 1.0) -> Array:
        paints = [rgb(getattr(actor, part)) for actor in actors]
        return brightness * np.stack(paints, dtype=np.float64)

    def stroke(start: Array, end: Array, wide: float, narrow: float, paint: Array) -> _Capsule:
        return _Capsule(start, end, wide * breadth, narrow * breadth, paint)

    def disc(centre: Array, radius: float, paint: Array) -> _Capsule:
        return _Capsule(centre, centre, radius * height, radius * height, paint)

    def leg(side: str, brightness: float) -> list[_Capsule]:
        hip, knee, ankle = (at[f"{side}_{joint}"] for joint in ("hip", "knee", "ankle"))
        heel = ankle + np.array([0.0, 0.008])
        toe = ankle + np.array([-0.022 if side == "right" else 0.022, 0.012])
        trousers = colour("trousers", brightness)
        return [
            stroke(heel, toe, 0.024, 0.02, colour("shoes", brightness)),
            stroke(hip, knee, 0.041, 0.032, trousers),
            stroke(knee, ankle, 0.032, 0.024, trousers),
        ]

    def arm(side: str, brightness: float) -> list[_Capsule]:
        shoulder, elbow, wrist = (at[f"{side}_{joint}"] for joint in ("shoulder", "elbow", "wrist"))
        return [
            stroke(elbow, wrist, 0.023, 0.02, colour("skin", brightness)),
            stroke(shoulder, elbow, 0.032, 0.026, colour("top", brightness)),
        ]

    head, neck = at["head"], at["neck"]
    pelvis = (at["right_hip"] + at["left_hip"]) / 2
    up = (head - neck) / np.linalg.norm(head - neck, axis=1, keepdims=True)
    across = np.stack([-up[:, 1], up[:, 0]], axis=1)
    face = head - 0.016 * up
    return [
        *leg("right", 0.78),
        *leg("left", 1.0),
        stroke(at["right_hip"], at["left_hip"], 0.04, 0.04, colour("trousers")),
        *arm("right", 0.78),
        stroke(neck, face, 0.026, 0.026, colour("skin", 0.85)),
        stroke((at["right_shoulder"] + neck) / 2, pelvis, 0.044, 0.036, colour("top")),
        stroke((at["left_shoulder"] + neck) / 2, pelvis, 0.044, 0.036, colour("top")),
        stroke(at["right_shoulder"], at["left_shoulder"], 0.03, 0.03, colour("top")),
        disc(head, _HEAD, colour("hair")),
        disc(face, 0.8 * _HEAD, colour("skin")),
        disc(face - 0.022 * across, 0.009, np.full((len(actors), 3), 25.0)),
        disc(face + 0.022 * across, 0.009, np.full((len(actors), 3), 25.0)),
        *arm("left", 1.0),
    ]


@lru_cache(maxsize=2)
def _layers(size: int) -> tuple[Floats, Floats, Floats]:
    """Figures on black `(800, 3, P)`, what they leave free `(800, P)`, backgrounds `(9, 3, P)`.

    P is the number of pixels; a figure is that of actor `row // 80` in pose `row % 80`.
    """
    identity, pose = np.divmod(np.arange(len(IDENTITIES) * len(POSES)), len(POSES))
    joints = keypoints(pose, identity)
    figures = np.empty((len(joints), 3, size * size), dtype=np.float32)
    gaps = np.empty((len(joints), size * size), dtype=np.float32)
    for part in _chunks(len(joints), 25):
        actors = [_ACTORS[code] for code in identity[part]]
        figures[part], gaps[part] = _draw(joints[part], actors, size)
    return figures, gaps, _backgrounds(size)


def _draw(joints: Array, actors: Sequence[_Actor], size: int) -> tuple[Floats, Floats]:
    """Figures and their shadows from signed distances, twice as fine as asked, then averaged."""
    fine = 2 * size
    x, y = pixel_centres(fine)
    figures = np.zeros((len(joints), 3, fine * fine), dtype=np.float32)
    ankles = joints[:, [JOINTS.index("right_ankle"), JOINTS.index("left_ankle")], 0]
    centre, reach = ankles.mean(axis=1), np.ptp(ankles, axis=1) / 2 + 0.09
    across = (x - centre[:, np.newaxis]) / reach[:, np.newaxis]
    down = (y - np.float32(_GROUND + 0.025)) / np.float32(0.03)
    gaps = (1 - 0.45 * np.clip(1.2 * (1 - across**2 - down**2), 0, 1)).astype(np.float32)
    for capsule in _capsules(joints, actors):
        start, end, near, far, colour = (
            field[:, np.newaxis].astype(np.float32) for field in capsule
        )
        along = end - start
        to_x, to_y = x - start[..., 0], y - start[..., 1]
        squared = np.maximum((along**2).sum(axis=-1), np.float32(1e-9))
        share = np.clip((to_x * along[..., 0] + to_y * along[..., 1]) / squared, 0, 1)
        radius = near + share * (far - near)
        to_x -= share * along[..., 0]
        to_y -= share * along[..., 1]
        cover = np.clip(0.5 + (radius - np.hypot(to_x, to_y)) * fine, 0, 1)
        light = np.clip(0.94 - (0.16 * to_x + 0.22 * to_y) / radius, 0, 1.2)
        figures *= (1 - cover)[:, np.newaxis]
        gaps *= 1 - cover
        figures += (
            np.minimum(colour.transpose(0, 2, 1) * light[:, np.newaxis], 255)
            * (cover[:, np.newaxis])
        )
    return shrink(figures, size, 2), shrink(gaps, size, 2)


def _backgrounds(size: int) -> Floats:
    """Plain, gradients, stripes, checks, dots, a meadow, a sunset and bricks, `(9, 3, P)`."""
    fine = 4 * size
    x, y = pixel_centres(fine)
    row = np.floor(y * 8)
    brick = (np.mod(y * 8, 1) < 0.14) | (np.mod(x * 4 + 0.5 * np.mod(row, 2), 1) < 0.07)
    hill = 0.62 + 0.04 * np.sin(7 * x) + 0.02 * np.sin(17 * x + 1)
    dots = np.hypot(np.mod(x * 6, 1) - 0.5, np.mod(y * 6 + 0.5 * np.floor(x * 6), 1) - 0.5)
    sun = np.hypot(x - 0.72, y - 0.42)

    def mix(low: str, high: str, share: npt.ArrayLike) -> Floats:
        share = np.asarray(share, dtype=np.float32)
        return rgb(low)[:, np.newaxis] * (1 - share) + rgb(high)[:, np.newaxis] * share

    meadow = np.where(y < hill, mix("#8fc3ea", "#e4f1f7", y / 0.62), mix("#93bf6a", "#5f8f45", y))
    sunset = np.where(
        sun < 0.16, mix("#fff0b8", "#ffd27a", sun / 0.16), mix("#f5a15c", "#8a5a8f", sun / 0.9)
    )
    scenes = [
        mix("#c9ccd1", "#c9ccd1", x),
        mix("#6fa3d8", "#f2f6fa", y),
        mix("#dfe8c8", "#b4c994", np.mod(y * 6, 1) < 0.5),
        mix("#e9dcc3", "#c2a67e", (np.floor(x * 6) + np.floor(y * 6)) % 2),
        mix("#f0cfd3", "#d99aa5", np.mod((x + y) * 5, 1) < 0.5),
        mix("#8ea8a8", "#dbe9e6", dots < 0.27),
        meadow,
        np.where(y < 0.72, sunset, mix("#6d5570", "#4a3b57", (y - 0.72) / 0.28)),
        mix("#a9644e", "#d8cdc0", brick),
    ]
    return shrink(np.stack(scenes).astype(np.float32), size, 4)
