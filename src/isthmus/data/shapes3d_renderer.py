"""A renderer of images like those of 3D Shapes: the same factors, geometry, palette and shading.

Light does not bounce, so an image is a sum over sky, floor, wall and object of a shade map times a
colour, plus a white highlight. Only the 480 combinations of scale, shape and orientation need rays;
a colouring is one multiply-add, and the nearest candidate of an image is found exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from isthmus.data.rendering import check_images, columns, shrink
from isthmus.data.shapes3d import (
    COUNTS,
    FACTORS,
    HUES,
    ORIENTATIONS,
    SCALES,
    SHAPES,
    SIZES,
    Factors,
    Images,
    check_size,
    image_table,
    to_index,
)
from isthmus.data.synaction import Codes
from isthmus.data.table import Table

Floats = npt.NDArray[np.float32]
Array = npt.NDArray[np.float64]

SKY = (153, 226, 249)
"""The colour above the walls, sRGB."""
PALETTE: npt.NDArray[np.uint8] = (
    np.array([[np.clip(abs((6 * h + k) % 6 - 3) - 1, 0, 1) * 255 for k in (0, 4, 2)] for h in HUES])
    .round()
    .astype(np.uint8)
)
"""The colours of the ten hues, uint8 `(10, 3)`: HSV with saturation and value 1."""

_SIDE, _SUPERSAMPLING = 64, 2
_FOCAL = 32 / np.tan(np.deg2rad(22.5))
_DISTANCE, _HEIGHT, _PITCH = 3.4, 1.05, np.deg2rad(2.0)
_ROOM, _WALL = 3.5, 2.12
_AMBIENT, _HEADLIGHT, _KEY, _FADE = 0.3, 0.62, 0.65, 0.07
_TO_KEY = np.array([-0.27, 1.0, 0.1]) / np.linalg.norm([-0.27, 1.0, 0.1])
_ALBEDO, _GLOSS, _SHININESS = 0.95, 0.3, 30
_SHADOW_WIDTH = 0.9
_MOTTLE, _GRAIN = 0.05, 0.03
_STEP = 2.0**-12
_GEOMETRIES = len(SCALES) * len(SHAPES) * len(ORIENTATIONS)
_CHUNK = 64


def load(factors: Mapping[str, npt.ArrayLike], size: int) -> Table:
    """Rendered images as a table, uint8 `(n, size, size, 3)`; see `render`.

    Raises:
        InputError: A factor is absent, holds a code out of range, or the size makes no sense.
    """
    values = np.ascontiguousarray(render(factors, size).transpose(0, 2, 3, 1))
    return image_table(factors, values, source="3D Shapes, rendered")


def render(factors: Mapping[str, npt.ArrayLike], size: int) -> Images:
    """Draw images, one a row; the same factors give the same pixels.

    The camera stands on an arc about the object, in a square room under the sky; a lamp over the
    left shoulder of the frontal view casts hard shadows. An image of 32 or 16 pixels is the area
    average of the one of 64, before rounding. That positive orientations put the camera to the
    right of the object is an assumption.

    Args:
        factors: Codes into `isthmus.data.shapes3d.FACTORS`, one column `(n,)` a factor; other
            columns are ignored.
        size: Side of the images in pixels, 64, 32 or 16.

    Returns:
        Images, uint8 `(n, 3, size, size)`, sRGB.

    Raises:
        InputError: A factor is absent, holds a code out of range, or the size makes no sense.
    """
    check_size(size)
    codes = columns("shapes3d", factors, FACTORS)
    geometry = to_index(codes) % _GEOMETRIES
    hues = np.stack([codes[name] for name in ("floor_hue", "wall_hue", "object_hue")], axis=1)
    layers = _layers(size)
    images = np.empty((len(geometry), 3, size * size), dtype=np.uint8)
    for one in np.unique(geometry):
        rows = np.flatnonzero(geometry == one)
        colours = PALETTE[hues[rows]].transpose(0, 2, 1).astype(np.float32)
        images[rows] = np.rint(colours @ layers.shades[one] + layers.base[one])
    return images.reshape(-1, 3, size, size)


def decode(images: Images) -> Factors:
    """The factors of the nearest image in squared distance among all 480,000.

    Where B is what has no hue in a geometry, S_r the shade map of floor, wall or object and c_r its
    colour, |x - B - sum_r c_r S_r|^2 is a constant, a term for each c_r, and a term for each pair
    of them that is never negative. Without the pairs the best colours are found one by one; that
    bound rules out all geometries but a few, of which every colouring is compared.

    Args:
        images: uint8 `(n, 3, size, size)`, the size being 64, 32 or 16 pixels.

    Returns:
        Codes `(n,)` of each factor; `decode(render(factors, size))` is `factors`.

    Raises:
        InputError: The images have another shape or dtype.
    """
    check_images("shapes3d", images)
    check_size(images.shape[-1])
    candidates = _candidates(images.shape[-1])
    parts = [images[start : start + _CHUNK] for start in range(0, len(images), _CHUNK)]
    nearest = np.concatenate([_nearest(part, candidates) for part in parts])
    *hues, geometry = np.unravel_index(nearest, (*COUNTS[:3], _GEOMETRIES))
    codes = (*hues, *np.unravel_index(geometry, COUNTS[3:]))
    return {name: code.astype(np.int64) for name, code in zip(FACTORS, codes, strict=True)}


class _Layers(NamedTuple):
    """All geometries in the order of the file, at one size.

    Values are multiples of 2^-12, so that sums with 8-bit colours are exact in any order.

    Attributes:
        base: Sky and highlight `(480, 3, pixels)`, 0 to 255.
        shades: Of floor, wall and object `(480, 3, pixels)`, 0 to 1.
    """

    base: Floats
    shades: Floats


@lru_cache(maxsize=len(SIZES))
def _layers(size: int) -> _Layers:
    shape = (len(SCALES), len(SHAPES), len(ORIENTATIONS), 3, size * size)
    base, shades = np.empty(shape, np.float32), np.empty(shape, np.float32)
    factor = _SIDE * _SUPERSAMPLING // size
    for k, degrees in enumerate(ORIENTATIONS):
        view = _view(np.deg2rad(degrees))
        for i, scale in enumerate(SCALES):
            for j, name in enumerate(SHAPES):
                fine = shrink(_draw(view, name, scale).astype(np.float32), size, factor)
                base[i, j, k], shades[i, j, k] = np.rint(fine / _STEP) * _STEP
    return _Layers(base.reshape(-1, 3, size * size), shades.reshape(-1, 3, size * size))


class _View(NamedTuple):
    """What the camera sees of the empty room.

    Attributes:
        origin: Of the rays, the camera `(3,)`; x is to the right of the frontal view, y up.
        rays: Directions of the fine pixels `(rays, 3)`.
        back: Towards the camera along its axis `(3,)`.
        sky: Where the sky is seen, booleans `(rays,)`, and so on.
        floor: Where the floor is seen.
        lit_floor: Shade of the floor `(rays,)`, 0 where there is none.
        shaded_floor: The same in shadow.
        wall: Shade of the wall `(rays,)`, 0 where there is none.
        ground: Points of the floor `(floor pixels, 3)`.
    """

    origin: Array
    rays: Array
    back: Array
    sky: npt.NDArray[np.bool_]
    floor: npt.NDArray[np.bool_]
    lit_floor: Array
    shaded_floor: Array
    wall: Array
    ground: Array


def _view(azimuth: float) -> _View:
    sine, cosine = np.sin(azimuth), np.cos(azimuth)
    origin = np.array([_DISTANCE * sine, _HEIGHT, _DISTANCE * cosine])
    back = np.array([sine * np.cos(_PITCH), np.sin(_PITCH), cosine * np.cos(_PITCH)])
    right = np.array([cosine, 0.0, -sine])
    side = _SIDE * _SUPERSAMPLING
    ticks = (np.arange(side) + 0.5) / _SUPERSAMPLING - _SIDE / 2
    across, down = np.tile(ticks, side)[:, np.newaxis], np.repeat(ticks, side)[:, np.newaxis]
    rays = across * right - down * np.cross(back, right) - _FOCAL * back

    reach = (np.sign(rays) * _ROOM - origin) / rays
    sideways = reach[:, 0] < reach[:, 2]
    hit = origin + rays * np.minimum(reach[:, 0], reach[:, 2])[:, np.newaxis]
    floor, sky = hit[:, 1] < 0, hit[:, 1] > _WALL
    normals = -np.sign(rays) * np.stack([sideways, np.zeros(len(rays)), ~sideways], axis=1)
    along = np.where(sideways, hit[:, 2], hit[:, 0])
    mottle = 1 - _MOTTLE * np.maximum(_pattern(1.7 * along, 2.3 * hit[:, 1]), 0)
    wall = np.where(floor | sky, 0, _light(normals, back, hit) * mottle)

    ground = origin - rays[floor] * (_HEIGHT / rays[floor, 1])[:, np.newaxis]
    up = np.array([0.0, 1.0, 0.0])
    grain = 1 - _GRAIN * np.maximum(_pattern(9 * ground[:, 0], 9 * ground[:, 2]), 0)
    lit, shaded = np.zeros(len(rays)), np.zeros(len(rays))
    lit[floor] = _light(up, back, ground) * grain
    shaded[floor] = _light(up, back, ground, key=0.0) * grain
    return _View(origin, rays, back, sky, floor, lit, shaded, wall, ground)


def _light(normals: Array, back: Array, points: Array, key: float = _KEY) -> Array:
    """What reaches a surface, at most 1: ambient light, a headlight, and a lamp that fades."""
    fade = 1 - _FADE * points[:, 0]
    lamp = key * fade * np.maximum(normals @ _TO_KEY, 0)
    return np.minimum(_AMBIENT + _HEADLIGHT * np.maximum(normals @ back, 0) + lamp, 1)


def _pattern(u: Array, v: Array) -> Array:
    """A fixed, uneven pattern in [-1, 1]."""
    return np.sin(u + 1.3 * np.sin(1.7 * v)) * np.sin(1.4 * v + 1.1 * np.sin(1.3 * u))


def _draw(view: _View, name: str, scale: float) -> Array:
    """Base and shades of one geometry, `(2, 3, rays)`."""
    surface = _hit(name, scale, view.origin, view.rays)
    seen = np.isfinite(surface.distance)
    narrow = np.array([1 / _SHADOW_WIDTH, 1, 1 / _SHADOW_WIDTH])
    shadow = np.isfinite(_hit(name, scale, view.ground * narrow, _TO_KEY * narrow).distance)
    floor = view.lit_floor.copy()
    floor[view.floor] = np.where(shadow, view.shaded_floor[view.floor], floor[view.floor])

    rays, normals = view.rays[seen], surface.normal[seen]
    points = view.origin + rays * surface.distance[seen, np.newaxis]
    half = _TO_KEY - rays / np.linalg.norm(rays, axis=1, keepdims=True)
    half /= np.linalg.norm(half, axis=1, keepdims=True)
    gloss = _GLOSS * np.maximum((normals * half).sum(axis=1), 0) ** _SHININESS
    highlight, body = np.zeros(len(seen)), np.zeros(len(seen))
    highlight[seen] = gloss
    body[seen] = np.minimum(_ALBEDO * _light(normals, view.back, points), 1 - gloss)

    sky = np.where(view.sky & ~seen, 1.0, 0.0)
    base = np.array(SKY)[:, np.newaxis] * sky + 255 * highlight
    return np.stack([base, [floor * ~seen, view.wall * ~seen, body]])


class _Span(NamedTuple):
    """Where rays are inside a body, in multiples of their directions.

    Attributes:
        near: Where they enter `(rays,)`; infinite for those that miss it.
        far: Where they leave `(rays,)`.
        normal: Outwards, where they enter `(rays, 3)`.
    """

    near: Array
    far: Array
    normal: Array

    @property
    def distance(self) -> Array:
        """Where rays meet the body, infinite if they do not."""
        return np.where((self.near < self.far) & (self.near > 0), self.near, np.inf)


def _hit(name: str, scale: float, origin: Array, rays: Array) -> _Span:
    """Meet rays with an object that stands on the floor in the middle of the room."""

    def ball(radius: float, height: float) -> _Span:
        return _round(origin, rays, scale * radius, np.ones(3), scale * height)

    def pillar(radius: float, bottom: float, top: float) -> _Span:
        tube = _round(origin, rays, scale * radius, np.array([1.0, 0.0, 1.0]), 0.0)
        return _both(tube, _slab(origin, rays, 1, scale * bottom, scale * top))

    if name == "cube":
        half = 0.45 * scale
        upright = _slab(origin, rays, 1, 0.0, 2 * half)
        square = _both(*(_slab(origin, rays, axis, -half, half) for axis in (0, 2)))
        return _both(square, upright)
    if name == "cylinder":
        return pillar(0.435, 0.0, 0.94)
    if name == "sphere":
        return ball(0.525, 0.525)
    return _either(pillar(0.4, 0.4, 1.23), _either(ball(0.4, 0.4), ball(0.4, 1.23)))


def _slab(origin: Array, rays: Array, axis: int, low: float, high: float) -> _Span:
    """What lies between two planes."""
    with np.errstate(divide="ignore"):
        reach = (np.array([[low], [high]]) - origin[..., axis]) / rays[..., axis]
    normal = np.zeros(np.broadcast_shapes(origin.shape, rays.shape))
    normal[:, axis] = -np.sign(rays[..., axis])
    return _Span(reach.min(axis=0), reach.max(axis=0), normal)


def _round(origin: Array, rays: Array, radius: float, across: Array, height: float) -> _Span:
    """A ball, or an endless upright tube if `across` leaves the height out."""
    start, ways = (origin - np.array([0.0, height, 0.0])) * across, rays * across
    a, b = (ways * ways).sum(axis=-1), (ways * start).sum(axis=-1)
    square = b * b - a * ((start * start).sum(axis=-1) - radius**2)
    root = np.sqrt(np.maximum(square, 0))
    near, far = (-b - root) / a, (-b + root) / a
    normal = (start + near[:, np.newaxis] * ways) / radius
    return _Span(np.where(square > 0, near, np.inf), far, normal)


def _both(one: _Span, other: _Span) -> _Span:
    """The intersection of two convex bodies."""
    later = (other.near > one.near)[:, np.newaxis]
    return _Span(
        np.maximum(one.near, other.near),
        np.minimum(one.far, other.far),
        np.where(later, other.normal, one.normal),
    )


def _either(one: _Span, other: _Span) -> _Span:
    """The union of two bodies, as seen from outside."""
    sooner = (other.distance < one.distance)[:, np.newaxis]
    return _Span(
        np.minimum(one.distance, other.distance),
        np.full_like(one.far, np.inf),
        np.where(sooner, other.normal, one.normal),
    )


class _Candidates(NamedTuple):
    """What the squared distance to the candidates of one size is made of; see `decode`.

    Attributes:
        base: Of the layers `(480, 3 pixels)`.
        shades: Of the layers `(1440, pixels)`.
        constant: What a geometry adds `(480,)`.
        linear: What a colour of floor, wall or object adds `(480, 3, 10)`.
        pairs: What two of them add, floor and wall, floor and object, wall and object
            `(3, 480, 10, 10)`.
    """

    base: Floats
    shades: Floats
    constant: Array
    linear: Array
    pairs: Array


@lru_cache(maxsize=len(SIZES))
def _candidates(size: int) -> _Candidates:
    base, shades = _layers(size)
    colours = PALETTE.astype(np.float64)
    similar = colours @ colours.T
    gram = np.einsum("grp,gsp->grs", shades, shades, dtype=np.float64)
    linear = 2 * np.einsum("gcp,grp,kc->grk", base, shades, colours, optimize=True)
    linear += np.einsum("grr,kk->grk", gram, similar)
    pairs = [np.multiply.outer(2 * gram[:, r, s], similar) for r, s in ((0, 1), (0, 2), (1, 2))]
    return _Candidates(
        base=base.reshape(_GEOMETRIES, -1),
        shades=shades.reshape(-1, size * size),
        constant=np.einsum("gcp,gcp->g", base, base, dtype=np.float64),
        linear=linear,
        pairs=np.stack(pairs),
    )


def _nearest(images: Images, candidates: _Candidates) -> Codes:
    """The row of the file that is nearest to each image."""
    n = len(images)
    pixels = images.reshape(n, 3, -1).astype(np.float32)
    constant = candidates.constant - 2.0 * (pixels.reshape(n, -1) @ candidates.base.T)
    seen = (pixels.reshape(3 * n, -1) @ candidates.shades.T).reshape(n, 3, _GEOMETRIES, 3)
    linear = candidates.linear - 2 * np.einsum("ncgr,kc->ngrk", seen, PALETTE.astype(np.float64))

    lower = constant + linear.min(axis=3).sum(axis=2)
    floor, wall, body = linear.argmin(axis=3).transpose(2, 0, 1)
    every = np.arange(_GEOMETRIES)
    upper = lower + (
        candidates.pairs[0, every, floor, wall]
        + candidates.pairs[1, every, floor, body]
        + candidates.pairs[2, every, wall, body]
    )
    image, geometry = np.nonzero(lower <= upper.min(axis=1, keepdims=True))

    floors, walls, bodies = linear[image, geometry].transpose(1, 0, 2)
    floor_wall, floor_body, wall_body = candidates.pairs[:, geometry]
    distances = (
        (floors[:, :, np.newaxis] + walls[:, np.newaxis] + floor_wall)[..., np.newaxis]
        + (bodies[:, np.newaxis] + floor_body)[:, :, np.newaxis]
        + wall_body[:, np.newaxis]
    ).reshape(len(image), -1)
    least = constant[image, geometry] + distances.min(axis=1)
    order = np.lexsort((least, image))
    best = order[np.unique(image[order], return_index=True)[1]]
    return distances[best].argmin(axis=1) * _GEOMETRIES + geometry[best]
