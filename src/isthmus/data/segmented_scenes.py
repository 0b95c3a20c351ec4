"""Scenes and their segmentations, which stand in for GTA V: many renders have one segmentation.

The pixels of a segmentation (B) and a draw of colours, stripes and light that has nothing to do
with them give the render (A), and nothing else enters: there is no antialiasing and no overlap. So
what an honest translator can know of a render is known exactly, and with it the lowest error that
it can make, `honest`.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from matplotlib.colors import hsv_to_rgb

from isthmus.data.paired import check_counts, two_domains
from isthmus.data.rendering import pixel_centres, rgb
from isthmus.data.synaction import check_size
from isthmus.data.table import Table
from isthmus.errors import InputError
from isthmus.seeding import derive

Images = npt.NDArray[np.uint8]
Maps = npt.NDArray[np.int64]

CLASSES = ("sky", "ground", "disc", "square", "triangle")
"""The classes of a pixel, in the order of their codes."""
PALETTE: Images = np.stack(
    [rgb(colour) for colour in ("#46a0f0", "#46783c", "#e03c32", "#f5c832", "#8c32b4")]
).astype(np.uint8)
"""The colour of each class in a segmentation, `(5, 3)`."""

_SKY, _GROUND, _OBJECT = range(3)
_KINDS = range(_OBJECT, len(CLASSES))
_PLACES = np.array([(0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)], np.float32)
_RADII, _FEWEST, _HORIZONS, _MARGIN = (0.12, 0.2), 2, (0.35, 0.65), 0.02
_COLOURS = {_SKY: rgb("#7f9cb8"), _GROUND: rgb("#7d6a4a")}
_SATURATION, _VALUES = 0.85, (0.4, 0.68)
_STRIPES, _STRIPES_ACROSS, _LIGHT = 0.15, 7, 0.4
_DRAWS, _CHUNK = 2001, 500


def load(
    size: int, *, train_size: int = 4000, test_size: int = 1000, seed: int, paired: bool = False
) -> dict[str, Table]:
    """Renders (A) and segmentations (B) as colour images.

    Args:
        size: Side of the images in pixels.
        train_size: Images a domain for training.
        test_size: Pairs for testing, drawn independently of the images for training.
        seed: Decides all draws.
        paired: Whether the segmentations for training are those of the renders, for a supervised
            bound; otherwise they are of other scenes.

    Returns:
        Tables `train` and `test`, the rows of A before those of B: images uint8
        `(n, size, size, 3)` with the factor `domain`. In `test`, row i of A and row i of B are a
        pair.

    Raises:
        InputError: A setting makes no sense.
    """
    check_counts("segmented scenes", train_size=train_size, test_size=test_size)

    def draw(part: str, rows: int, pairs: bool) -> Table:
        seeds = {side: derive(seed, "segmented scenes", part, side) for side in "ab"}
        drawn = segmentations(rows, size, seeds["a"])
        other = drawn if pairs else segmentations(rows, size, seeds["b"])
        return two_domains(
            render(drawn, derive(seed, "segmented scenes", part, "looks")),
            paint(other),
            source="Segmented scenes, rendered",
            seed=seed,
        )

    return {"train": draw("train", train_size, paired), "test": draw("test", test_size, True)}


def segmentations(count: int, size: int, seed: int) -> Maps:
    """Draw scenes: two to four objects in quarters of the image, before sky and ground.

    Args:
        count: How many.
        size: Side in pixels.
        seed: Decides the draw.

    Returns:
        Codes into `CLASSES`, `(count, size, size)`.

    Raises:
        InputError: The size makes no sense.
    """
    check_size("segmented scenes", size)
    rng = np.random.default_rng(seed)
    horizon = rng.uniform(*_HORIZONS, (count, 1))
    objects = rng.integers(_FEWEST, len(_PLACES) + 1, (count, 1))
    there = rng.random((count, len(_PLACES))).argsort(1) < objects
    kinds = rng.integers(_OBJECT, len(CLASSES), (count, len(_PLACES)))
    radii = rng.uniform(*_RADII, (count, len(_PLACES)))
    room = 0.25 - _MARGIN - radii
    shifts = rng.uniform(-1, 1, (count, len(_PLACES), 2)) * room[..., np.newaxis]
    x, y = pixel_centres(size)
    maps = np.where(y < horizon, _SKY, _GROUND)
    for place, centre in enumerate(_PLACES):
        right = x - centre[0] - shifts[:, place, :1]
        down = y - centre[1] - shifts[:, place, 1:]
        radius = radii[:, place, np.newaxis]
        inside = (
            np.hypot(right, down) <= radius,
            np.maximum(abs(right), abs(down)) <= 0.85 * radius,
            (down <= 0.8 * radius) & (abs(right) <= (down + radius) / 1.8),
        )
        for kind, drawn in zip(_KINDS, inside, strict=True):
            maps[drawn & (there[:, place] & (kinds[:, place] == kind))[:, np.newaxis]] = kind
    return maps.reshape(count, size, size)


def paint(maps: Maps) -> Images:
    """Segmentations in the colours of `PALETTE`, uint8 `(n, 3, size, size)`."""
    return np.ascontiguousarray(PALETTE[maps].transpose(0, 3, 1, 2))


def render(maps: Maps, seed: int) -> Images:
    """One of the many renders of each segmentation.

    An object is the pixels of the object classes in a quarter of the image. Whatever its class it
    has a hue of its own, uniform, a brightness, and stripes of a random phase; the ground has
    stripes of a random phase; and light falls from a random side.

    Args:
        maps: Codes into `CLASSES`, `(n, size, size)`.
        seed: Decides the looks, which do not depend on the segmentations.

    Returns:
        uint8 `(n, 3, size, size)`.

    Raises:
        InputError: The segmentations hold no such codes, or the size makes no sense.
    """
    _check(maps)
    count, size = maps.shape[:2]
    rng = np.random.default_rng(seed)
    hues = rng.random((count, len(_PLACES)))
    values = rng.uniform(*_VALUES, hues.shape)
    colours = 255 * hsv_to_rgb(np.stack([hues, np.full_like(hues, _SATURATION), values], -1))
    phases = 2 * np.pi * rng.random((count, len(_PLACES) + 1))
    angles = 2 * np.pi * rng.random((count, 1))
    x, y = pixel_centres(size)
    quarter = (x > 0.5) + 2 * (y > 0.5)
    images = np.empty((count, 3, size * size), np.uint8)
    for start in range(0, count, _CHUNK):
        rows = slice(start, start + _CHUNK)
        flat = maps[rows].reshape(-1, 1, size * size)
        light = 1 + _LIGHT * (np.cos(angles[rows]) * (x - 0.5) + np.sin(angles[rows]) * (y - 0.5))
        own = _striped(x + y, phases[rows][:, quarter])
        looks = colours[rows][:, quarter].transpose(0, 2, 1) * own
        ground = _COLOURS[_GROUND][:, np.newaxis] * _striped(y, phases[rows, -1:])
        seen = np.where(flat == _GROUND, ground, looks)
        seen = np.where(flat == _SKY, _COLOURS[_SKY][:, np.newaxis], seen)
        images[rows] = np.rint(seen * light[:, np.newaxis]).clip(0, 255)
    return images.reshape(count, 3, size, size)


def honest(maps: Maps) -> Images:
    """The best reconstruction from segmentations alone: the median of all renders, pixel by pixel.

    The mean absolute difference to the renders is the honest floor: no lower error is possible on
    average for whoever knows nothing but the segmentation. The medians are over 2,001 draws.

    Args:
        maps: Codes into `CLASSES`, `(n, size, size)`.

    Returns:
        uint8 `(n, 3, size, size)`.

    Raises:
        InputError: As `render`.
    """
    _check(maps)
    medians = _medians(maps.shape[-1])
    alike = np.minimum(maps, _OBJECT)[:, np.newaxis]
    return np.take_along_axis(medians[np.newaxis], alike[:, np.newaxis], 1)[:, 0]


@lru_cache(maxsize=2)
def _medians(size: int) -> Images:
    """Of sky, ground and any object at every pixel, `(3, 3, size, size)`."""
    everywhere = np.ones((_DRAWS, size, size), np.int64)
    found = [np.median(render(code * everywhere, 0), axis=0) for code in (_SKY, _GROUND, _OBJECT)]
    return np.stack(found).astype(np.uint8)


def _striped(
    along: npt.NDArray[np.float32], phases: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Brightness of stripes `(n, 1, pixels)`, around 1."""
    waves = np.sin(2 * np.pi * _STRIPES_ACROSS * along + phases)
    return (1 + _STRIPES * waves)[:, np.newaxis]


def _check(maps: Maps) -> None:
    if maps.ndim != 3 or maps.shape[1] != maps.shape[2] or maps.dtype.kind not in "iu":
        problem = f"have dtype {maps.dtype} and shape {maps.shape}"
        raise InputError("segmentations", problem, mend="give integers (n, size, size)")
    check_size("segmentations", maps.shape[-1])
    if not 0 <= maps.min() <= maps.max() < len(CLASSES):
        problem = f"hold codes from {maps.min()} to {maps.max()}"
        raise InputError("segmentations", problem, mend=f"use 0 to {len(CLASSES) - 1}")
