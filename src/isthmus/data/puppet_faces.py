"""Puppets of faces: the opening of the mouth, in cartoon faces of two renderings.

They stand in for the paper's video crops of one person (300-VW) and renders of the Basel face model,
neither of which is used here. Real images are the textured and noisy rendering, synthetic ones the
flat one. The mouth is the attribute; pose, light, background and hair are the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from isthmus.data import cartoon_faces
from isthmus.data.cartoon_faces import LIGHT, LIGHTS, MOUTH, Style
from isthmus.data.digits import Images
from isthmus.data.puppets import MEMBERS, Puppets, ladder, sequence_columns, stack
from isthmus.data.table import Table
from isthmus.seeding import derive

Columns = dict[str, npt.NDArray[Any]]

RANGE = (1 / 12, 11 / 12)
"""Openings of the mouth in training; test sequences reach beyond it, to 0 and to 1."""

VARIED = ("yaw", "tilt", "background", "hair_colour", LIGHT)
"""The rest; skin, eyes and facial hair never change."""
LEVELS = {**cartoon_faces.LEVELS, LIGHT: LIGHTS}
"""The names of the factors' levels."""

FAR_YAW = len(LEVELS["yaw"]) - 1
"""The one yaw of far synthetic faces."""

BINS = 8
"""Levels of the factor `opening`."""


def load(
    size: int,
    *,
    real_train: int,
    real_test: int,
    triplets: int,
    sequences: int,
    far: bool,
    seed: int,
) -> Puppets:
    """Faces of both renderings, everything drawn uniformly and independently.

    Real images have the factors of `VARIED`, `opening` (bins of the mouth), `expression` (closed,
    open: below and above a half), and the measure `mouth_opening`. The labelled ones are those to
    train on and the same faces in the flat rendering, so that a judge reads both.

    Args:
        size: Side of the images in pixels.
        real_train: Real images to train with.
        real_test: Real images to test with.
        triplets: Number of triplets.
        sequences: Number of test sequences.
        far: Whether all synthetic heads are turned as far as the real ones ever are.
        seed: Decides all draws.
    """
    train, test = (
        _real(size, rows, seed, part) for part, rows in (("train", real_train), ("test", real_test))
    )
    return Puppets(
        real={"train": train, "labelled": _both(train, seed), "test": test},
        triplets=_triplets(size, triplets, far, seed),
        sequences=_sequences(size, sequences, far, seed),
    )


def truth(real: Table, openings: npt.NDArray[np.float64]) -> Images:
    """The real faces with other mouths: the true counterfactuals.

    Args:
        real: Faces, `n` rows of `load`'s real images.
        openings: Mouths to give them, `(t,)`.

    Returns:
        uint8 `(n, t, 3, size, size)`.
    """
    columns = {name: column.repeat(len(openings)) for name, column in real.factors.items()}
    mouths = np.tile(openings, len(real))
    images = _render(columns | {MOUTH: mouths}, real.values.shape[1], "real", 0)
    return images.transpose(0, 3, 1, 2).reshape(
        len(real), len(openings), 3, *real.values.shape[1:3]
    )


def expression(openings: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """0 for a closed mouth, 1 for an open one."""
    return (np.asarray(openings) > 0.5).astype(np.int64)


def _real(size: int, rows: int, seed: int, part: str) -> Table:
    drawn = _draw(np.random.default_rng(derive(seed, "puppet faces", part)), rows, far=False)
    low, high = RANGE
    opening = np.minimum((drawn[MOUTH] - low) / (high - low) * BINS, BINS - 1).astype(np.int64)
    return Table(
        kind="images",
        values=_render(drawn, size, "real", derive(seed, "puppet faces", part, "noise")),
        factors={name: drawn[name] for name in VARIED}
        | {"opening": opening, "expression": expression(drawn[MOUTH])},
        levels={name: LEVELS[name] for name in VARIED}
        | {"opening": tuple(map(str, range(BINS))), "expression": ("closed", "open")},
        measures={MOUTH: drawn[MOUTH]},
        value_range=(0.0, 255.0),
        source="Cartoon faces, rendered, real",
        seed=seed,
    )


def _both(real: Table, seed: int) -> Table:
    """The faces of a table, and the same ones flat."""
    flat = _render({**real.factors, **real.measures}, real.values.shape[1], "clean", seed)
    twice = {name: np.tile(column, 2) for name, column in real.factors.items()}
    return replace(
        real,
        values=np.concatenate([real.values, flat]),
        factors=twice,
        measures={name: np.tile(column, 2) for name, column in real.measures.items()},
        source="Cartoon faces, rendered, both styles",
    )


def _triplets(size: int, rows: int, far: bool, seed: int) -> Table:
    rng = np.random.default_rng(derive(seed, "puppet faces", "triplets"))
    first, second = _draw(rng, rows, far=far), _draw(rng, rows, far=far)
    drawn = dict(zip(MEMBERS, (first, second, second | {MOUTH: first[MOUTH]}), strict=True))
    return stack(
        *(_render(each, size, "clean", 0) for each in drawn.values()),
        measures={f"{name}_{MOUTH}": each[MOUTH] for name, each in drawn.items()},
        source="Cartoon faces, triplets for the mouth",
        seed=seed,
    )


def _sequences(size: int, count: int, far: bool, seed: int) -> Table:
    rng = np.random.default_rng(derive(seed, "puppet faces", "sequences"))
    openings = ladder(*RANGE)
    drawn = {
        name: column.repeat(len(openings)) for name, column in _draw(rng, count, far=far).items()
    }
    drawn[MOUTH] = np.tile(openings, count).clip(0, 1)
    factors, levels = sequence_columns(count)
    return Table(
        kind="images",
        values=_render(drawn, size, "clean", 0),
        factors=factors,
        levels=levels,
        measures={MOUTH: drawn[MOUTH]},
        value_range=(0.0, 255.0),
        source="Cartoon faces, sequences of the mouth",
        seed=seed,
    )


def _draw(rng: np.random.Generator, rows: int, *, far: bool) -> Columns:
    drawn: Columns = {name: rng.integers(len(LEVELS[name]), size=rows) for name in VARIED}
    if far:
        drawn["yaw"] = np.full(rows, FAR_YAW)
    return drawn | {MOUTH: rng.uniform(*RANGE, size=rows)}


def _render(drawn: Mapping[str, npt.NDArray[Any]], size: int, style: Style, seed: int) -> Images:
    fixed = {name: np.zeros(len(drawn[MOUTH]), np.int64) for name in LEVELS if name not in VARIED}
    images = cartoon_faces.render({**fixed, **drawn}, size, style=style, seed=seed)
    return np.ascontiguousarray(images.transpose(0, 2, 3, 1))
