"""Rendered objects against pseudo-photographs of 32 x 32 pixels: synthetic on both sides.

A stand-in for VisDA-C that needs no download. The source is what VisDA's is: models from 20
directions under 4 lights, sun and sky 3 to 1, half of them plain grey, on a plain ground. The
targets are no photographs: they are renders of other models with textures, in front of crops of a
photograph, off centre with half as much again of margin, partly hidden, with sensor noise.
"""

from __future__ import annotations

import io
from functools import cache
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.ndimage import convolve1d
from sklearn.datasets import load_sample_image

from isthmus.data.object_models import FAMILIES, Draw, Model, model
from isthmus.data.table import Table
from isthmus.data.visda import FACTOR
from isthmus.errors import InputError
from isthmus.seeding import derive

SIDE = 32
CLASSES = tuple(FAMILIES)
TARGET_SOURCE = "Pseudo-photographs of procedural objects"

_FINE = 64
_YAWS, _PITCHES, _LIGHTS = 10, (10.0, 35.0), 4
_SKY, _SUN, _GLOSS, _SHININESS = 0.25, 0.75, 0.2, 20
_GREY, _GROUND = 0.6, 0.92
_FILLS = 0.92
_PADDING = 1.5
_NOISE, _HIDDEN = 0.03, 0.5
_SMEAR, _COARSE, _QUALITY = 5, 24, 50

Array = npt.NDArray[np.float64]
Images = npt.NDArray[np.uint8]
Look = Literal["validation", "test"]


def load(
    *, source_size: int, source_test_size: int, target_size: int, seed: int
) -> dict[str, Table]:
    """The source, held-out renders of it, and both targets, with the factor `class`.

    Lengths of the models of source and targets come from disjoint halves of their ranges. The
    validation target has striped objects before one photograph of scikit-learn; the test target has
    spotted ones before another, smeared by motion, resampled by way of 24 x 24 pixels, and through
    JPEG.

    Args:
        source_size: How many renders to train with.
        source_test_size: How many to test with, drawn independently.
        target_size: How many images of each target.
        seed: Decides all draws.

    Returns:
        Tables `source`, `source_test`, `validation`, `test` of colour images.

    Raises:
        InputError: A size is not positive.
    """
    sizes = {"source": source_size, "source_test": source_test_size}
    looks: tuple[Look, ...] = ("validation", "test")
    for name, size in (*sizes.items(), ("target", target_size)):
        if size < 1:
            where = "rendered-objects"
            raise InputError(where, f"is {size}", field=f"{name}_size", mend="use at least 1")
    found = {name: _table(size, None, derive(seed, name)) for name, size in sizes.items()}
    return found | {look: _table(target_size, look, derive(seed, look)) for look in looks}


def _table(count: int, look: Look | None, seed: int) -> Table:
    rng = np.random.default_rng(seed)
    labels = rng.integers(len(CLASSES), size=count)
    images = np.empty((count, SIDE, SIDE, 3), np.uint8)
    for row, label in enumerate(labels):
        shape = model(CLASSES[label], Draw(rng, odd=look is not None))
        images[row] = _render(shape, rng) if look is None else _photograph(shape, look, rng)
    return Table(
        kind="images",
        values=images,
        factors={FACTOR: labels.astype(np.int64)},
        levels={FACTOR: CLASSES},
        value_range=(0.0, 255.0),
        source="Renders of procedural objects" if look is None else TARGET_SOURCE,
        seed=seed,
    )


def _render(shape: Model, rng: np.random.Generator) -> Images:
    """One image of the source, `(32, 32, 3)`."""
    yaw = 2 * np.pi * rng.integers(_YAWS) / _YAWS
    pitch = np.deg2rad(_PITCHES[rng.integers(len(_PITCHES))])
    light = 2 * np.pi * (rng.integers(_LIGHTS) + 0.5) / _LIGHTS
    parts = int(shape.part.max()) + 1
    grey = rng.random() < 0.5
    albedo = np.full((parts, 3), _GREY) if grey else rng.uniform(0.15, 0.9, (parts, 3))
    drawn = _drawn(shape, yaw, pitch, light, albedo[shape.part], _FILLS, np.zeros(2))
    colour = drawn.colour + (1 - drawn.cover[..., np.newaxis]) * _GROUND
    return _bytes(_shrunk(colour))


def _photograph(shape: Model, look: Look, rng: np.random.Generator) -> Images:
    """One image of a target, `(32, 32, 3)`."""
    yaw, pitch = rng.uniform(0, 2 * np.pi), np.deg2rad(rng.uniform(5, 40))
    margin = 1 - 1 / _PADDING
    drawn = _drawn(
        shape,
        yaw,
        pitch,
        rng.uniform(0, 2 * np.pi),
        _textured(shape, look, rng),
        _FILLS / _PADDING * rng.uniform(1, 1.25),
        rng.uniform(-margin, margin, 2) / 2,
    )
    behind, before = _crop(look, rng), _crop(look, rng)
    image = drawn.colour + (1 - drawn.cover[..., np.newaxis]) * behind
    if rng.random() < _HIDDEN:
        high, wide = rng.integers(_FINE // 8, _FINE // 3, 2)
        top, left = rng.integers(0, _FINE - high), rng.integers(0, _FINE - wide)
        image[top : top + high, left : left + wide] = before[top : top + high, left : left + wide]
    if look == "test":
        image = _smeared(image, rng)
    noisy = _bytes(_shrunk(image) + _NOISE * rng.standard_normal((SIDE, SIDE, 3)))
    return _worsened(noisy) if look == "test" else noisy


class _Drawn(NamedTuple):
    """What a z-buffer holds: colours times coverage `(64, 64, 3)`, and the coverage `(64, 64)`."""

    colour: Array
    cover: Array


def _drawn(
    shape: Model, yaw: float, pitch: float, light: float, albedo: Array, fills: float, shift: Array
) -> _Drawn:
    """The nearest surface point in each pixel, shaded after Lambert and Phong; parallel rays.

    Args:
        shape: The object.
        yaw: Turn of the object about the upright axis, in radians.
        pitch: How far the camera looks down, in radians.
        light: Direction of the sun about the upright axis, in radians.
        albedo: Colour of each point `(n, 3)`, from 0 to 1.
        fills: Share of half a frame that half the longest extent takes.
        shift: Of the object, right and down, in half frames.
    """
    c, s, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    axes = np.array([[-s, c, 0.0], [-sp * c, -sp * s, cp], [cp * c, cp * s, sp]])
    view, normals = shape.points @ axes.T, shape.normals @ axes.T
    sun = np.array([0.7 * np.cos(light), 0.6, 0.5 + 0.4 * np.sin(light)])
    sun /= np.linalg.norm(sun)
    facing = normals @ sun
    glance = np.clip(2 * facing * normals[:, 2] - sun[2], 0, 1) ** _SHININESS
    shade = _SKY + _SUN * np.clip(facing, 0, 1)
    colour = np.clip(albedo * shade[:, np.newaxis] + _GLOSS * glance[:, np.newaxis], 0, 1)
    scale = fills / max(1.0, float(np.abs(view[:, :2]).max()))
    place = scale * view[:, :2] * [1, -1] + shift
    pixel = np.floor((place + 1) / 2 * _FINE).astype(int)
    inside = ((pixel >= 0) & (pixel < _FINE)).all(1) & (normals[:, 2] > 0)
    order = np.flatnonzero(inside)[np.argsort(view[inside, 2], kind="stable")]
    image, cover = np.zeros((_FINE, _FINE, 3)), np.zeros((_FINE, _FINE))
    image[pixel[order, 1], pixel[order, 0]] = colour[order]
    cover[pixel[order, 1], pixel[order, 0]] = 1
    for axis in (0, 1):
        _close(image, cover, axis)
    return _Drawn(image, cover)


def _close(image: Array, cover: Array, axis: int) -> None:
    """Fill pixels between two that a surface covers, in place: the points leave gaps of one."""
    before, after = np.roll(cover, 1, axis), np.roll(cover, -1, axis)
    gaps = (cover == 0) & (before == 1) & (after == 1)
    image[gaps] = np.roll(image, 1, axis)[gaps]
    cover[gaps] = 1


def _textured(shape: Model, look: Look, rng: np.random.Generator) -> Array:
    """Albedo of each point `(n, 3)`: two colours a part, in stripes (validation) or spots (test)."""
    parts = int(shape.part.max()) + 1
    pair = rng.uniform(0.05, 0.95, (2, parts, 3))
    waves = np.sin(shape.points * rng.uniform(4, 12, 3) + rng.uniform(0, 2 * np.pi, 3))
    second = waves[:, rng.integers(3)] > 0.3 if look == "validation" else waves.prod(1) > 0.15
    return np.where(second[:, np.newaxis], pair[1][shape.part], pair[0][shape.part])


@cache
def _photo(look: Look) -> Array:
    """A photograph that scikit-learn ships, at half its size, from 0 to 1."""
    name = {"validation": "china.jpg", "test": "flower.jpg"}[look]
    image = Image.fromarray(load_sample_image(name))
    return np.asarray(image.reduce(2), np.float64) / 255


def _crop(look: Look, rng: np.random.Generator) -> Array:
    """A random part of the photograph `(64, 64, 3)`, mirrored at random."""
    photo = _photo(look)
    top, left = (int(rng.integers(0, size - _FINE)) for size in photo.shape[:2])
    part = photo[top : top + _FINE, left : left + _FINE]
    return part[:, :: rng.choice([-1, 1])].copy()


def _smeared(image: Array, rng: np.random.Generator) -> Array:
    """Motion blur over a few pixels, along rows or columns."""
    weights = np.ones(_SMEAR) / _SMEAR
    return convolve1d(image, weights, axis=int(rng.integers(2)), mode="nearest")


def _worsened(image: Images) -> Images:
    """Low resolution, then JPEG."""
    coarse = Image.fromarray(image).resize((_COARSE, _COARSE), Image.Resampling.BOX)
    buffer = io.BytesIO()
    coarse.resize((SIDE, SIDE), Image.Resampling.BILINEAR).save(buffer, "JPEG", quality=_QUALITY)
    return np.asarray(Image.open(buffer))


def _shrunk(image: Array) -> Array:
    step = _FINE // SIDE
    return image.reshape(SIDE, step, SIDE, step, 3).mean((1, 3))


def _bytes(image: Array) -> Images:
    return np.rint(255 * np.clip(image, 0, 1)).astype(np.uint8)
