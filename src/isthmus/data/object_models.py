"""Twelve families of procedural objects, built of boxes, balls, cylinders, cones and rings.

A model is a cloud of surface points with normals, dense enough for a z-buffer. Its shape depends on
random lengths alone, which are drawn from one half of every range or from the other (`Draw`), so
that two sets of models need not have a shape in common.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Vector = tuple[float, float, float]
Kind = Literal["box", "ball", "cylinder", "cone", "ring"]

BINS = 8
"""Parts of a range; the two halves take turns."""

GRID = 44
"""Points along each side of a part's grid; twice as many around what is round."""

RING = 0.16
"""Radius of a ring's tube, as a share of the ring's."""


class Part(NamedTuple):
    """A solid.

    Attributes:
        kind: Its form before it is stretched, within [-1, 1] on every axis.
        centre: Where it is; z is up.
        half: Half its extent on every axis.
        axis: Which axis a cylinder, a cone or a ring stands on: 0, 1 or 2.
    """

    kind: Kind
    centre: Vector
    half: Vector
    axis: int = 2


class Draw:
    """Random lengths from one half of every range.

    Args:
        rng: Where the numbers come from.
        odd: Which half: of `BINS` equal bins of a range the odd ones or the even ones.
    """

    def __init__(self, rng: np.random.Generator, *, odd: bool) -> None:
        self._rng = rng
        self._odd = odd

    def __call__(self, low: float, high: float) -> float:
        """A number from `low` to `high`."""
        place = 2 * self._rng.integers(BINS // 2) + self._odd + self._rng.random()
        return low + (high - low) * place / BINS


class Model(NamedTuple):
    """The surface of an object, centred, its largest extent 2.

    Attributes:
        points: `(n, 3)`.
        normals: Unit vectors that point outwards `(n, 3)`.
        part: The part of each point `(n,)`.
    """

    points: Array
    normals: Array
    part: npt.NDArray[np.int64]


def model(family: str, draw: Draw) -> Model:
    """A random object of a family (a key of `FAMILIES`)."""
    parts = FAMILIES[family](draw)
    surfaces = [_placed(part) for part in parts]
    points = np.concatenate([points for points, _ in surfaces])
    low, high = points.min(0), points.max(0)
    return Model(
        points=2 * (points - (low + high) / 2) / (high - low).max(),
        normals=np.concatenate([normals for _, normals in surfaces]),
        part=np.repeat(np.arange(len(parts)), [len(points) for points, _ in surfaces]),
    )


def _placed(part: Part) -> tuple[Array, Array]:
    points, normals = _unit(part.kind)
    order = {0: [2, 0, 1], 1: [1, 2, 0], 2: [0, 1, 2]}[part.axis]
    half = np.array(part.half)
    turned = normals[:, order] / half
    turned /= np.linalg.norm(turned, axis=1, keepdims=True)
    return points[:, order] * half + np.array(part.centre), turned


@cache
def _unit(kind: Kind) -> tuple[Array, Array]:
    """Points and normals of a form within [-1, 1]."""
    around = GRID if kind == "box" else 2 * GRID
    grid = np.meshgrid(np.linspace(-1, 1, around), np.linspace(-1, 1, GRID))
    u, v = (x.ravel() for x in grid)
    one, none = np.ones_like(u), np.zeros_like(u)
    turn = np.pi * u
    cosine, sine = np.cos(turn), np.sin(turn)
    if kind == "box":
        faces = []
        for axis in range(3):
            for side in (-1, 1):
                columns, normal = [u, v], [none, none]
                columns.insert(axis, side * one)
                normal.insert(axis, side * one)
                faces.append((np.stack(columns, 1), np.stack(normal, 1)))
        return np.concatenate([p for p, _ in faces]), np.concatenate([n for _, n in faces])
    if kind == "ball":
        tilt = np.pi / 2 * v
        points = np.stack([cosine * np.cos(tilt), sine * np.cos(tilt), np.sin(tilt)], 1)
        return points, points
    if kind == "ring":
        tube = np.pi * v
        out = 1 - RING + RING * np.cos(tube)
        points = np.stack([cosine * out, sine * out, np.sin(tube)], 1)
        normals = np.stack([cosine * np.cos(tube), sine * np.cos(tube), RING * np.sin(tube)], 1)
        return points, normals + 1e-9
    radius = one if kind == "cylinder" else (1 - v) / 2
    slope = none if kind == "cylinder" else one / 2
    side_ = np.stack([cosine * radius, sine * radius, v], 1), np.stack([cosine, sine, slope], 1)
    spread = np.sqrt((v + 1) / 2)
    lids = [(np.stack([cosine * spread, sine * spread, -one], 1), np.stack([none, none, -one], 1))]
    if kind == "cylinder":
        lids.append((lids[0][0] * [1, 1, -1], -lids[0][1]))
    return (
        np.concatenate([side_[0], *(p for p, _ in lids)]),
        np.concatenate([side_[1], *(n for _, n in lids)]),
    )


def _aeroplane(draw: Draw) -> list[Part]:
    span, sweep, tail = draw(0.7, 1.1), draw(0.1, 0.25), draw(0.2, 0.4)
    body = draw(0.1, 0.16)
    return [
        Part("ball", (0, 0, 0), (1, body, body)),
        Part("box", (draw(-0.1, 0.25), 0, 0), (sweep, span, 0.025)),
        Part("box", (-0.85, 0, 0.02), (0.09, tail, 0.02)),
        Part("box", (-0.85, 0, tail / 2), (0.1, 0.025, tail / 2)),
    ]


def _bicycle(draw: Draw) -> list[Part]:
    wheel, gap = draw(0.36, 0.48), draw(0.5, 0.65)
    bar, seat = draw(0.5, 0.75), draw(0.3, 0.5)
    return [
        Part("ring", (-gap, 0, 0), (wheel, 0.06, wheel), 1),
        Part("ring", (gap, 0, 0), (wheel, 0.06, wheel), 1),
        Part("box", (0, 0, seat), (gap * 0.8, 0.04, 0.04)),
        Part("box", (0, 0, 0.02), (gap, 0.04, 0.04)),
        Part("cylinder", (gap * 0.8, 0, bar / 2), (0.04, 0.04, bar / 2)),
        Part("cylinder", (-gap * 0.4, 0, seat / 2 + 0.1), (0.04, 0.04, seat / 2 + 0.1)),
        Part("box", (gap * 0.8, 0, bar), (0.04, 0.3, 0.03)),
        Part("box", (-gap * 0.4, 0, seat + 0.2), (0.16, 0.08, 0.04)),
    ]


def _bottle(draw: Draw) -> list[Part]:
    body, neck = draw(0.22, 0.36), draw(0.07, 0.12)
    height, long = draw(0.4, 0.6), draw(0.15, 0.3)
    return [
        Part("cylinder", (0, 0, 0), (body, body, height)),
        Part("cone", (0, 0, height + 0.22), (body, body, 0.22)),
        Part("cylinder", (0, 0, height + 0.2 + long), (neck, neck, long)),
    ]


def _bus(draw: Draw) -> list[Part]:
    wide, high, wheel = draw(0.22, 0.3), draw(0.26, 0.38), draw(0.1, 0.14)
    wheels = [
        Part("cylinder", (x, y, -high), (wheel, 0.04, wheel), 1)
        for x in (-0.62, draw(0.45, 0.7))
        for y in (-wide, wide)
    ]
    return [Part("box", (0, 0, 0), (1, wide, high)), *wheels]


def _car(draw: Draw) -> list[Part]:
    wide, low, cabin, wheel = draw(0.36, 0.46), draw(0.12, 0.18), draw(0.4, 0.6), draw(0.15, 0.21)
    roof = draw(0.14, 0.22)
    wheels = [
        Part("cylinder", (x, y, -low), (wheel, 0.06, wheel), 1)
        for x in (-0.58, 0.58)
        for y in (-wide, wide)
    ]
    return [
        Part("box", (0, 0, 0), (1, wide, low)),
        Part("ball", (draw(-0.2, 0.05), 0, low), (cabin, wide * 0.9, 2 * roof)),
        *wheels,
    ]


def _chair(draw: Draw) -> list[Part]:
    seat, leg, back = draw(0.35, 0.48), draw(0.4, 0.6), draw(0.45, 0.75)
    thin = draw(0.035, 0.06)
    legs = [
        Part("box", (x, y, -leg / 2), (thin, thin, leg / 2))
        for x in (-seat + thin, seat - thin)
        for y in (-seat + thin, seat - thin)
    ]
    return [
        Part("box", (0, 0, 0), (seat, seat, 0.05)),
        Part("box", (-seat, 0, back / 2), (0.05, seat, back / 2)),
        *legs,
    ]


def _knife(draw: Draw) -> list[Part]:
    blade, wide, handle = draw(0.5, 0.7), draw(0.07, 0.13), draw(0.25, 0.4)
    return [
        Part("cone", (blade, 0, 0), (blade, 0.03, wide), 0),
        Part("box", (-handle, 0, 0), (handle, 0.05, wide * 0.7)),
    ]


def _lamp(draw: Draw) -> list[Part]:
    foot, stem, shade = draw(0.25, 0.4), draw(0.5, 0.75), draw(0.3, 0.45)
    return [
        Part("cylinder", (0, 0, -stem), (foot, foot, 0.05)),
        Part("cylinder", (0, 0, 0), (0.045, 0.045, stem)),
        Part("cone", (0, 0, stem + 0.1), (shade, shade, draw(0.3, 0.45))),
    ]


def _mug(draw: Draw) -> list[Part]:
    radius, high, ear = draw(0.42, 0.56), draw(0.45, 0.65), draw(0.26, 0.36)
    return [
        Part("cylinder", (0, 0, 0), (radius, radius, high)),
        Part("ring", (radius + ear / 2, 0, 0), (ear, 0.07, ear * 1.2), 1),
    ]


def _person(draw: Draw) -> list[Part]:
    shoulder, hip, leg = draw(0.2, 0.3), draw(0.06, 0.12), draw(0.4, 0.55)
    arm, out = draw(0.32, 0.42), draw(0.0, 0.1)
    limbs = [Part("cylinder", (0, side * hip, -0.3 - leg), (0.075, 0.075, leg)) for side in (-1, 1)]
    arms = [
        Part("cylinder", (0, side * (shoulder + out), 0.2 - arm / 2), (0.055, 0.055, arm))
        for side in (-1, 1)
    ]
    return [
        Part("ball", (0, 0, 0), (0.14, shoulder, 0.42)),
        Part("ball", (0, 0, 0.6), (0.14, 0.14, 0.18)),
        *limbs,
        *arms,
    ]


def _plant(draw: Draw) -> list[Part]:
    pot, crown = draw(0.22, 0.32), draw(0.26, 0.38)
    leaves = [
        Part(
            "ball",
            (
                0.35 * np.cos(turn) * draw(0.6, 1),
                0.35 * np.sin(turn) * draw(0.6, 1),
                draw(0.3, 0.8),
            ),
            (crown * draw(0.6, 1), crown * draw(0.6, 1), crown * draw(0.6, 1)),
        )
        for turn in np.linspace(0, 2 * np.pi, 6)[:-1]
    ]
    return [
        Part("cylinder", (0, 0, -0.35), (pot, pot, 0.25)),
        Part("cylinder", (0, 0, 0), (0.05, 0.05, 0.4)),
        *leaves,
    ]


def _table(draw: Draw) -> list[Part]:
    long, wide, leg = draw(0.8, 1.0), draw(0.45, 0.7), draw(0.45, 0.65)
    thin = draw(0.04, 0.07)
    legs = [
        Part("box", (x, y, -leg), (thin, thin, leg))
        for x in (-long + thin, long - thin)
        for y in (-wide + thin, wide - thin)
    ]
    return [Part("box", (0, 0, 0), (long, wide, 0.05)), *legs]


FAMILIES: Mapping[str, Callable[[Draw], list[Part]]] = {
    "aeroplane": _aeroplane,
    "bicycle": _bicycle,
    "bottle": _bottle,
    "bus": _bus,
    "car": _car,
    "chair": _chair,
    "knife": _knife,
    "lamp": _lamp,
    "mug": _mug,
    "person": _person,
    "plant": _plant,
    "table": _table,
}
"""By class how its parts are drawn."""
