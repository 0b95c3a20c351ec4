"""Cartoon faces that stand in for the female and male faces of CelebA, with every factor known.

Pose, background, skin, eyes and the mouth are shared; the colour of the hair varies in A only, the
facial hair in B only. An image is a sum over materials of a shade map times a colour, and the shade
maps depend on pose and facial hair alone: colouring is one product of matrices, and the nearest
candidate of an image is found exactly.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import product
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from isthmus.data.rendering import check_images, columns, pixel_centres, rgb, shrink
from isthmus.data.synaction import DOMAINS, Codes, Domain, check_size
from isthmus.data.table import Table
from isthmus.errors import InputError
from isthmus.seeding import derive

Style = Literal["clean", "real"]
Images = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Array = npt.NDArray[np.float64]

_YAWS, _TILTS = (-40, -20, 0, 20, 40), (-14, 0, 14)
_SKINS = {"fair": "#f6d0b4", "tan": "#dba67c", "brown": "#a86e48", "dark": "#6e4530"}
_EYES = {"brown": "#6a3d1c", "blue": "#3a86d8", "green": "#4aa548"}
_HAIRS = {
    "black": "#211e24",
    "blond": "#ebc45c",
    "brown": "#7d4c28",
    "red": "#c2482a",
    "silver": "#c3c8d2",
}
_SCENES = {
    "teal": ("#4fb3ae", "#a9e0d8"),
    "peach": ("#f0936e", "#fbd3b4"),
    "violet": ("#7d6bb5", "#c9bcec"),
    "lime": ("#86b34e", "#d3e8a2"),
    "grey": ("#868d98", "#d7dbe0"),
    "navy": ("#26375f", "#5c7fb8"),
}

LEVELS = {
    "yaw": tuple(f"{yaw} degrees" for yaw in _YAWS),
    "tilt": tuple(f"{tilt} degrees" for tilt in _TILTS),
    "background": tuple(_SCENES),
    "skin": tuple(_SKINS),
    "eyes": tuple(_EYES),
    "hair_colour": tuple(_HAIRS),
    "facial_hair": ("none", "moustache", "goatee", "beard"),
}
"""The factors of an image and the names of their levels; yaw and tilt are positive to the right."""
LIGHT = "light"
"""A factor beside those: where the light comes from."""
LIGHTS = ("left", "front", "right")
"""Its levels. Where the factor is not given, the light is from the front."""
MOUTH = "mouth_opening"
"""The measure that completes the factors: 0 is closed, 1 is wide open."""
MOUTH_LEVELS = np.linspace(0, 1, 9)
"""The openings that `decode` tells apart."""

SHARED = ("yaw", "tilt", "background", "skin", "eyes")
"""Factors that vary in both domains, as does the mouth."""
SPECIFIC: Mapping[Domain, tuple[str, ...]] = {"a": ("hair_colour",), "b": ("facial_hair",)}
"""Factors that vary in one domain only."""
FIXED: Mapping[Domain, Mapping[str, int]] = {"a": {"facial_hair": 0}, "b": {"hair_colour": 0}}
"""The code of what does not vary in a domain; that code never appears in the other domain."""

_COLOURED = ("background", "skin", "eyes", "hair_colour")
_NOISE = 7.0
_CONTRAST = 0.4
_SCALE, _MIDDLE = 0.34, 0.5


def load(
    size: int,
    *,
    style: Style = "clean",
    train_size: int = 4000,
    test_size: int = 1000,
    seed: int,
) -> dict[str, Table]:
    """Faces of both domains, every varying factor drawn uniformly and independently.

    Args:
        size: Side of the images in pixels.
        style: See `render`.
        train_size: Images a domain for training.
        test_size: Images a domain for testing, drawn independently of those for training.
        seed: Decides the draws and the noise.

    Returns:
        Tables `train` and `test`, the rows of A before the rows of B: images uint8
        `(n, size, size, 3)`, the factors `domain` and those of `LEVELS`, and the measure
        `mouth_opening`, uniform in [0, 1].

    Raises:
        InputError: A setting makes no sense.
    """
    for name, rows in (("train_size", train_size), ("test_size", test_size)):
        if rows < 1:
            raise InputError("cartoon faces", f"is {rows}", field=name, mend="use at least 1")

    def draw(part: str, rows: int) -> Table:
        rng = np.random.default_rng(derive(seed, "cartoon faces", part))
        drawn = [_draw_factors(rng, domain, rows) for domain in DOMAINS]
        factors = {name: np.concatenate([columns[name] for columns in drawn]) for name in LEVELS}
        mouth = rng.random(2 * rows)
        noise_seed = derive(seed, "cartoon faces", part, "noise")
        images = render(factors | {MOUTH: mouth}, size, style=style, seed=noise_seed)
        return Table(
            kind="images",
            values=np.ascontiguousarray(images.transpose(0, 2, 3, 1)),
            factors={"domain": np.repeat(np.arange(2), rows)} | factors,
            levels={"domain": DOMAINS} | LEVELS,
            measures={MOUTH: mouth},
            value_range=(0.0, 255.0),
            source=f"Cartoon faces, rendered, {style}",
            seed=seed,
        )

    return {"train": draw("train", train_size), "test": draw("test", test_size)}


def render(
    factors: Mapping[str, npt.ArrayLike], size: int, *, style: Style = "clean", seed: int = 0
) -> Images:
    """Draw faces, one a row; the same arguments give the same pixels.

    Args:
        factors: Codes into `LEVELS`, one column `(n,)` a factor, and `mouth_opening`, floats
            `(n,)` in [0, 1], in which the image is continuous. `light` may be left out: codes into
            `LIGHTS`. Other columns are ignored.
        size: Side of the images in pixels.
        style: `clean` is flat and exact; `real` adds strands, freckles, cluttered backgrounds, warm
            light from one side and normal noise of standard deviation 7 of 255.
        seed: Decides the noise of each row, whatever its factors.

    Returns:
        Images, uint8 `(n, 3, size, size)`, sRGB.

    Raises:
        InputError: A factor is absent or out of range, there is no such style, or the size makes no
            sense.
    """
    codes, mouth = _check(factors, size, style)
    gains = _gains(factors, len(mouth), size)
    rng = np.random.default_rng(seed)
    palette, light = _palette(size, style), _light(size, style)
    faces = _faces(size, style)
    images = np.empty((len(mouth), 3, size * size), dtype=np.uint8)
    for start in range(0, len(mouth), 100):
        part = slice(start, start + 100)
        chosen = {name: column[part] for name, column in codes.items()}
        rows = np.ravel_multi_index([chosen[name] for name in _GEOMETRY], _GEOMETRY_SHAPE)
        picture = faces.rest[rows]
        picture += faces.background[rows, np.newaxis] * palette["background"][chosen["background"]]
        colours = [palette[name][chosen[name]] for name in _COLOURED[1:]]
        picture += np.stack(colours, axis=-1) @ faces.shades[rows]
        opened, gap = _mouth(chosen["yaw"], chosen["tilt"], mouth[part], size)
        picture = (picture * gap[:, np.newaxis] + opened) * light * gains[part]
        if style == "real":
            picture += _NOISE * rng.standard_normal(picture.shape, dtype=np.float32)
        images[part] = np.rint(np.clip(picture, 0, 255))
    return images.reshape(-1, 3, size, size)


def decode(images: Images, *, style: Style = "clean") -> dict[str, npt.NDArray[Any]]:
    """The factors of the nearest image in squared distance among all combinations.

    All candidates without noise are compared: 21,600 combinations of codes, nine openings of the
    mouth. An image is a sum of terms t_j, one a coloured material; with S the 0-1 matrix of which
    terms a combination takes, |x - S t|^2 = |x|^2 - 2 S (t x) + diag(S (t t') S'), so that the 360
    colourings of one geometry cost nineteen inner products an image.

    Args:
        images: uint8 `(n, 3, size, size)`.
        style: The rendering that the images are compared with.

    Returns:
        Codes `(n,)` of each factor in `LEVELS`, and `mouth_opening`, float64 `(n,)`, one of
        `MOUTH_LEVELS`; for a clean image exactly what was rendered, where its opening is a level.

    Raises:
        InputError: The images have another shape or dtype, or there is no such style.
    """
    check_images("cartoon faces", images)
    _check_style(style)
    pixels = images.reshape(len(images), -1).astype(np.float32)
    sizes = [len(LEVELS[name]) for name in _COLOURED]
    combinations = np.indices(sizes).reshape(len(sizes), -1)
    taken = np.concatenate(
        [np.eye(count)[codes] for count, codes in zip(sizes, combinations, strict=True)]
        + [np.ones((combinations.shape[1], 1))],
        axis=1,
    ).astype(np.float32)
    nearest = np.zeros((3, len(images)), dtype=np.int64)
    least = np.full(len(images), np.inf, dtype=np.float32)
    for geometry, opening, terms in _candidates(images.shape[-1], style):
        norms = np.einsum("kt,tu,ku->k", taken, terms @ terms.T, taken, optimize=True)
        distances = norms - 2 * (pixels @ terms.T) @ taken.T
        best = distances.argmin(axis=1)
        distance = distances[np.arange(len(images)), best]
        closer = distance < least
        least[closer] = distance[closer]
        nearest[:2, closer] = [[geometry], [opening]]
        nearest[2, closer] = best[closer]
    codes = dict(zip(_GEOMETRY, np.unravel_index(nearest[0], _GEOMETRY_SHAPE), strict=True))
    codes |= {name: combinations[row][nearest[2]] for row, name in enumerate(_COLOURED)}
    return {name: codes[name] for name in LEVELS} | {MOUTH: MOUTH_LEVELS[nearest[1]]}


def counterfactual(
    content: Mapping[str, npt.NDArray[Any]], guide: Mapping[str, npt.NDArray[Any]], target: Domain
) -> dict[str, npt.NDArray[Any]]:
    """The factors of the right translation: `render` draws it.

    Args:
        content: Factors and mouth opening `(n,)` of the images to translate; what both domains vary
            comes from here.
        guide: Factors `(n,)` of images of the target; what varies only there comes from here.
        target: The domain to translate into; the rest takes its fixed value.
    """
    kept = {name: content[name] for name in (*SHARED, MOUTH)}
    taken = {name: guide[name] for name in SPECIFIC[target]}
    fixed = {name: np.full_like(content[name], code) for name, code in FIXED[target].items()}
    return kept | taken | fixed


def positions() -> dict[str, Array]:
    """The levels of the factors that are real-valued, float64 `(levels, d)`.

    Yaw and tilt in degrees, `d = 1`; of background and skin the mean colour, sRGB, `d = 3`.
    """
    found = {
        "yaw": np.reshape(_YAWS, (-1, 1)),
        "tilt": np.reshape(_TILTS, (-1, 1)),
        "background": _backgrounds(32, "clean").mean(axis=2),
        "skin": _palette(32, "clean")["skin"],
    }
    return {name: values.astype(float) for name, values in found.items()}


def _draw_factors(rng: np.random.Generator, domain: Domain, rows: int) -> dict[str, Codes]:
    drawn = {}
    for name, levels in LEVELS.items():
        if name in FIXED[domain]:
            drawn[name] = np.full(rows, FIXED[domain][name])
        else:
            drawn[name] = rng.integers(name in SPECIFIC[domain], len(levels), size=rows)
    return drawn


def _check(
    factors: Mapping[str, npt.ArrayLike], size: int, style: str
) -> tuple[dict[str, Codes], Array]:
    check_size("cartoon faces", size)
    _check_style(style)
    codes = columns("cartoon faces", factors, LEVELS)
    mouth = np.asarray(factors.get(MOUTH, ()), dtype=np.float64)
    if mouth.shape != codes["yaw"].shape or not ((mouth >= 0) & (mouth <= 1)).all():
        mend = "give a number in [0, 1] for every row"
        raise InputError("cartoon faces", "is no such column", field=MOUTH, mend=mend)
    return codes, mouth


def _check_style(style: str) -> None:
    if style not in get_args(Style):
        mend = "use clean or real"
        raise InputError("cartoon faces", f"is {style!r}", field="style", mend=mend)


_GEOMETRY = ("yaw", "tilt", "facial_hair")
_GEOMETRY_SHAPE = tuple(len(LEVELS[name]) for name in _GEOMETRY)


class _Faces(NamedTuple):
    """What pose and facial hair decide, one row a geometry; P is the number of pixels.

    The weight of the background `(60, P)`, the shades of skin, eyes and hair `(60, 3, P)`, and the
    colours that never change, `(60, 3, P)`. The mouth is not in them.
    """

    background: Floats
    shades: Floats
    rest: Floats


@lru_cache(maxsize=4)
def _faces(size: int, style: Style) -> _Faces:
    geometries = list(product(_YAWS, _TILTS, LEVELS["facial_hair"]))
    return _Faces(*(np.stack(maps) for maps in zip(*(_face(*g, size, style) for g in geometries))))


def _candidates(size: int, style: Style) -> Iterator[tuple[int, int, Floats]]:
    """Every geometry and opening, with its terms `(19, 3 P)` in the order of `_COLOURED`."""
    faces, palette, light = _faces(size, style), _palette(size, style), _light(size, style)
    openings = len(MOUTH_LEVELS)
    for geometry, (yaw, tilt, _) in enumerate(np.ndindex(_GEOMETRY_SHAPE)):
        opened, gaps = _mouth(np.full(openings, yaw), np.full(openings, tilt), MOUTH_LEVELS, size)
        coloured = [faces.background[geometry] * palette["background"]]
        coloured += [
            palette[name][..., np.newaxis] * shade
            for name, shade in zip(_COLOURED[1:], faces.shades[geometry], strict=True)
        ]
        closed = np.concatenate([*coloured, faces.rest[geometry][np.newaxis]])
        for opening in range(openings):
            terms = closed * gaps[opening]
            terms[-1] += opened[opening]
            yield geometry, opening, (terms * light).reshape(len(terms), -1)


def _palette(size: int, style: Style) -> dict[str, Floats]:
    """Backgrounds `(6, 3, P)`, and the colours `(levels, 3)` of skin, eyes and hair."""
    colours = {"skin": _SKINS, "eyes": _EYES, "hair_colour": _HAIRS}
    return {"background": _backgrounds(size, style)} | {
        name: np.stack([rgb(colour) for colour in levels.values()])
        for name, levels in colours.items()
    }


@lru_cache(maxsize=4)
def _backgrounds(size: int, style: Style) -> Floats:
    """A glow in two tones of a colour; in the style `real` with blurred lights and furniture."""
    x, y = pixel_centres(size)
    glow = np.exp(-((x - 0.35) ** 2 + (y - 0.3) ** 2) / 0.3)
    rng = np.random.default_rng(0)
    scenes = []
    for low, high in _SCENES.values():
        share = glow
        if style == "real":
            share = 0.45 * glow
            for cx, cy, radius, gain in rng.uniform((0, 0, 0.06, -0.4), (1, 1, 0.2, 0.6), (16, 4)):
                share = share + gain / (1 + np.exp((np.hypot(x - cx, y - cy) - radius) / 0.02))
            edge = rng.uniform(0.1, 0.9)
            share = np.clip(share - 0.35 / (1 + np.exp((edge - x) / 0.01)), -0.35, 1)
        scenes.append(rgb(low)[:, np.newaxis] * (1 - share) + rgb(high)[:, np.newaxis] * share)
    return np.clip(np.stack(scenes), 0, 255).astype(np.float32)


@lru_cache(maxsize=4)
def _light(size: int, style: Style) -> Floats:
    """The gain of each channel and pixel, `(3, P)`."""
    if style == "clean":
        return np.ones((3, 1), dtype=np.float32)
    x, y = pixel_centres(size)
    gain = 1.06 - 0.5 * x**2 - 0.16 * (y - 0.4) ** 2
    return (np.array([[1.0], [0.95], [0.86]]) * gain).astype(np.float32)


def _gains(factors: Mapping[str, npt.ArrayLike], count: int, size: int) -> Floats:
    """The gain `(n, 1, P)` of light from the left, 1 + 0.4 (1 - 2 x), the front, 1, or the right."""
    fronts = np.full(count, LIGHTS.index("front"))
    given = {"yaw": factors["yaw"], LIGHT: factors.get(LIGHT, fronts)}
    codes = columns("cartoon faces", given, {"yaw": LEVELS["yaw"], LIGHT: LIGHTS})[LIGHT]
    x, _ = pixel_centres(size)
    side = np.array([-1, 0, 1], np.float32)[codes, np.newaxis, np.newaxis]
    return np.asarray(1 + _CONTRAST * side * (2 * x - 1), np.float32)


class _Head:
    """The frame of a turned and tilted head, and soft masks of ellipses in it.

    The unit is 0.34 sides of the image and the origin is the middle of the head; the surface is a
    cylinder of half width 0.78, so that a feature at a longitude moves and narrows as it turns.
    """

    def __init__(self, x: Floats, y: Floats, yaw: Floats, tilt: Floats, pixel: float) -> None:
        turn = np.deg2rad(tilt)
        right, down = x - np.float32(0.5), y - np.float32(0.8)
        u = np.cos(turn) * right + np.sin(turn) * down
        v = np.cos(turn) * down - np.sin(turn) * right
        self.u = (u / _SCALE).astype(np.float32)
        self.v = ((v + 0.8 - _MIDDLE) / _SCALE).astype(np.float32)
        self.yaw = np.deg2rad(yaw)
        self.pixel = pixel / _SCALE

    def at(self, longitude: float, reach: float = 0.78) -> tuple[Any, Any]:
        """Where a longitude in degrees is, and how much narrower it looks."""
        angle = self.yaw + np.deg2rad(longitude)
        return reach * np.sin(angle), np.cos(angle)

    def ellipse(self, u: Any, v: Any, width: Any, height: Any) -> Floats:
        """How much of each pixel an upright ellipse covers; the distance is of first order."""
        across, down = (self.u - u) / width, (self.v - v) / height
        radius = np.hypot(across, down)
        slope = np.hypot(across / width, down / height) + np.float32(1e-6)
        return np.clip(0.5 - radius * (radius - 1) / slope / self.pixel, 0, 1).astype(np.float32)


class _Canvas:
    """The maps of one geometry, painted in layers from back to front."""

    def __init__(self, pixels: int) -> None:
        self.background = np.ones(pixels, dtype=np.float32)
        self.shades = {name: np.zeros(pixels, dtype=np.float32) for name in _COLOURED[1:]}
        self.rest = np.zeros((3, pixels), dtype=np.float32)

    def paint(self, cover: Floats, paint: str, shade: Any = 1.0) -> None:
        """Cover what is there with a material of varying colour, or with a colour `#rrggbb`."""
        for layer in (self.background, self.rest, *self.shades.values()):
            layer *= 1 - cover
        if paint in self.shades:
            self.shades[paint] += cover * shade
        else:
            self.rest += cover * shade * rgb(paint)[:, np.newaxis]


def _face(
    yaw: int, tilt: int, facial_hair: str, size: int, style: Style
) -> tuple[Floats, Floats, Floats]:
    """One geometry of `_Faces`, painted thrice as fine as asked, then averaged."""
    x, y = pixel_centres(3 * size)
    head, bust = (
        _Head(x, y, np.full(1, a, np.float32), np.full(1, b, np.float32), 1 / (3 * size))
        for a, b in ((yaw, tilt), (0, 0))
    )
    canvas = _Canvas(len(x))
    skin, hair, cloth = _shades(head, bust, style)
    _paint_head(canvas, head, bust, skin, hair, cloth)
    _paint_features(canvas, head)
    _paint_hair(canvas, head, hair)
    if yaw:
        canvas.paint(_ear(head, -np.sign(yaw), 0.13), "skin", 0.9)
    canvas.paint(_facial_hair(head, facial_hair), "hair_colour", 0.85 * hair)
    shades = np.stack(list(canvas.shades.values()))
    return shrink(canvas.background, size, 3), shrink(shades, size, 3), shrink(canvas.rest, size, 3)


def _shades(head: _Head, bust: _Head, style: Style) -> tuple[Floats, Floats, Floats]:
    """How bright skin, hair and cloth are, with their textures in the style `real`."""
    u, v = head.u, head.v
    skin = 1.02 - 0.1 * u - 0.05 * v - 0.16 * (u - 0.1 * np.sin(head.yaw)) ** 2
    hair = 0.92 - 0.12 * u + 0.3 * np.exp(-(((v + 0.85 + 0.2 * u) / 0.16) ** 2))
    cloth = 1 - 0.25 * np.abs(bust.u)
    if style == "real":
        around = np.arctan2(u - 0.2, v + 1.4)
        hair *= 1 + 0.22 * np.sin(46 * around + 4 * np.sin(3 * v)) * np.cos(17 * around)
        freckles = np.sin(23 * u + 5 * np.sin(7 * v)) * np.sin(27 * v + 4 * np.sin(9 * u))
        skin *= 1 + 0.05 * np.sin(5 * u + 3 * v) - 0.09 * np.maximum(freckles, 0) ** 2
        cloth *= 1 + 0.12 * np.sin(21 * bust.u + 6 * np.sin(4 * bust.v))
    return skin, hair, cloth


def _paint_head(
    canvas: _Canvas, head: _Head, bust: _Head, skin: Floats, hair: Floats, cloth: Floats
) -> None:
    turn = np.sin(head.yaw)
    canvas.paint(bust.ellipse(0, 1.95, 1.4, 0.85), "#4c5f80", cloth)
    canvas.paint(head.ellipse(-0.12 * turn, -0.34, 0.97, 0.88), "hair_colour", 0.72 * hair)
    canvas.paint(bust.ellipse(0, 0.95, 0.34, 0.5), "skin", 0.76)
    for side in (-1, 1):
        canvas.paint(_ear(head, side, 0.16), "skin", 0.86)
    skull = head.ellipse(-0.06 * turn, -0.2, 0.82, 0.84) * (head.v < 0.3)
    jaw = head.ellipse(0.07 * turn, 0.22, 0.66, 0.82)
    canvas.paint(np.maximum(jaw, skull), "skin", skin)


def _paint_features(canvas: _Canvas, head: _Head) -> None:
    for side in (-32, 32):
        centre, narrow = head.at(side)
        across, down = (head.u - centre) / (0.17 * narrow), (head.v - 0.3) / 0.14
        canvas.paint(0.21 * np.exp(-(across**2) - down**2), "#e0605a")
    for side in (-25, 25):
        centre, narrow = head.at(side, 0.7)
        gaze = centre + 0.05 * np.sin(head.yaw)
        canvas.paint(head.ellipse(centre, -0.08, 0.23 * narrow, 0.2), "#fbfaf6")
        canvas.paint(head.ellipse(gaze, -0.07, 0.145 * narrow, 0.155), "eyes")
        canvas.paint(head.ellipse(gaze, -0.07, 0.065 * narrow, 0.075), "#121014")
        canvas.paint(head.ellipse(gaze - 0.05, -0.13, 0.04, 0.045), "#ffffff")
        canvas.paint(head.ellipse(centre, -0.39, 0.23 * narrow, 0.05), "hair_colour", 0.75)
    nose, _ = head.at(0, 0.82)
    canvas.paint(head.ellipse(nose + 0.03, 0.24, 0.115, 0.09), "skin", 0.78)
    canvas.paint(head.ellipse(nose, 0.2, 0.1, 0.1), "skin", 1.06)


def _paint_hair(canvas: _Canvas, head: _Head, hair: Floats) -> None:
    brow, narrow = head.at(0, 0.5)
    hairline = 0.18 + 0.09 * np.sin(5 * (head.u - brow) + 1)
    face = head.ellipse(brow, hairline, 0.6 + 0.1 * narrow, 0.72)
    cap = head.ellipse(-0.06 * np.sin(head.yaw), -0.24, 0.88, 0.9)
    canvas.paint(cap * (1 - face) * np.clip((0.12 - head.v) / 0.06, 0, 1), "hair_colour", hair)


def _ear(head: _Head, side: int, width: float) -> Floats:
    centre = side * 0.82 * np.cos(head.yaw) - 0.1 * np.sin(head.yaw)
    return head.ellipse(centre, 0.06, width, 0.22)


def _facial_hair(head: _Head, kind: str) -> Floats:
    lip, narrow = head.at(0, 0.7)
    moustache = np.maximum(
        head.ellipse(lip - 0.15 * narrow, 0.405, 0.22 * narrow, 0.085),
        head.ellipse(lip + 0.15 * narrow, 0.405, 0.22 * narrow, 0.085),
    )
    if kind == "moustache":
        return moustache
    chin = 0.09 * np.sin(head.yaw)
    if kind == "goatee":
        return head.ellipse(0.5 * (lip + chin), 0.95, 0.27, 0.21)
    if kind == "beard":
        jaw = head.ellipse(chin, 0.26, 0.7, 0.84)
        cheeks = head.ellipse(0.8 * lip, 0.02, 0.3 + 0.27 * narrow, 0.42)
        sides = np.clip((head.v - 0.04) / 0.06, 0, 1)
        return np.maximum(jaw * (1 - cheeks) * sides, moustache)
    return np.zeros_like(head.u)


def _mouth(yaw: Codes, tilt: Codes, opening: Array, size: int) -> tuple[Floats, Floats]:
    """Mouths on black `(n, 3, P)`, and what they leave free `(n, P)`; codes and openings `(n,)`."""
    yaws, tilts = (np.array(levels, np.float32)[:, np.newaxis] for levels in (_YAWS, _TILTS))
    x, y = (
        ticks.reshape(size, 2, size, 2).transpose(0, 2, 1, 3).reshape(-1, 4)
        for ticks in pixel_centres(2 * size)
    )
    near = (np.abs(x - 0.5).min(axis=1) < 0.29) & (np.abs(y - 0.74).min(axis=1) < 0.15)
    head = _Head(x[near].ravel(), y[near].ravel(), yaws[yaw], tilts[tilt], 0.5 / size)
    lip, narrow = head.at(0, 0.66)
    head.v = head.v + np.float32(0.35) * (head.u - lip) ** 2
    wide = (0.31 - 0.05 * opening.astype(np.float32)[:, np.newaxis]) * narrow
    half = (0.025 + 0.15 * opening.astype(np.float32))[:, np.newaxis]
    middle = 0.52 + half
    inside = head.ellipse(lip, middle, wide, half)
    layers = (
        (head.ellipse(lip, middle, wide + 0.045, half + 0.045), "#b24a48"),
        (inside, "#45101a"),
        (inside * head.ellipse(lip, middle + 1.1 * half, 0.6 * wide, 0.75 * half), "#dd6d72"),
        (inside * head.ellipse(lip, middle - 1.1 * half, 0.85 * wide, 0.6 * half), "#fbfaf4"),
    )
    colour = np.zeros((len(opening), 3, near.sum(), 4), dtype=np.float32)
    free = np.ones((len(opening), near.sum(), 4), dtype=np.float32)
    for cover, paint in layers:
        cover = cover.reshape(free.shape)
        free *= 1 - cover
        colour *= 1 - cover[:, np.newaxis]
        colour += cover[:, np.newaxis] * rgb(paint)[:, np.newaxis, np.newaxis]
    opened = np.zeros((len(opening), 3, size * size), dtype=np.float32)
    gaps = np.ones((len(opening), size * size), dtype=np.float32)
    opened[..., near] = colour.mean(axis=-1)
    gaps[:, near] = free.mean(axis=-1)
    return opened, gaps
