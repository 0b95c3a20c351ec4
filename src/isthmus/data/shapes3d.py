"""3D Shapes (Burgess and Kim, 2018) as a translation benchmark: three splits of its six factors.

The splits are those of "Evaluation of Correctness in Unsupervised Many-to-Many Image Translation"
(Bashkirova, Usman, Saenko, WACV 2022). Each factor is shared in one of them and specific to a
domain in the other two.
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from isthmus.data.download import RemoteFile, fetch
from isthmus.data.rendering import columns
from isthmus.data.synaction import DOMAINS, Codes, Domain
from isthmus.data.table import Table
from isthmus.errors import InputError
from isthmus.seeding import derive

Direction = Literal["a2b", "b2a"]
Factors = dict[str, Codes]
Images = npt.NDArray[np.uint8]

HUES = tuple(i / 10 for i in range(10))
SCALES = tuple(0.75 + i / 14 for i in range(8))
SHAPES = ("cube", "cylinder", "sphere", "capsule")
ORIENTATIONS = tuple(-30 + i * 30 / 7 for i in range(15))
"""Azimuth of the camera in degrees; what turns is the view, not the object."""

_HUE_NAMES = tuple(f"{hue:.1f}" for hue in HUES)
FACTORS = {
    "floor_hue": _HUE_NAMES,
    "wall_hue": _HUE_NAMES,
    "object_hue": _HUE_NAMES,
    "scale": tuple(f"{scale:.3f}" for scale in SCALES),
    "shape": SHAPES,
    "orientation": tuple(f"{angle:.1f} degrees" for angle in ORIENTATIONS),
}
"""The factors in the order of the file, the last one varying fastest, and their levels."""

COUNTS = tuple(len(levels) for levels in FACTORS.values())
SIZES = (64, 32, 16)
"""Sides of the images in pixels: the original, and halves of it."""

FILE = RemoteFile(
    "3dshapes.h5",
    "shapes3d",
    ("https://storage.googleapis.com/3d-shapes/3dshapes.h5",),
    "0a0f6ed98baff276a50f3a081a7434d788da63cb135a98189b2a5b5769be1785",
)

_LABELS = (HUES, HUES, HUES, SCALES, tuple(range(len(SHAPES))), ORIENTATIONS)
_ROWS = int(np.prod(COUNTS))
_SIDE = 64
_BLOCK = 4096
_OFFICIAL = "use the official file"


@dataclass(frozen=True)
class Split:
    """What varies where. Every factor is shared, or specific to one domain and fixed in the other.

    Attributes:
        shared: Factors that vary in both domains.
        specific: Factors that vary in one domain only.
        fixed: The codes of the factors that do not vary in a domain.
    """

    shared: tuple[str, ...]
    specific: Mapping[Domain, tuple[str, ...]]
    fixed: Mapping[Domain, Mapping[str, int]]


SPLITS: Mapping[str, Split] = {
    "shapes3d-a": Split(
        shared=("object_hue", "shape"),
        specific={"a": ("floor_hue", "wall_hue"), "b": ("scale", "orientation")},
        fixed={"a": {"scale": 5, "orientation": 0}, "b": {"floor_hue": 0, "wall_hue": 7}},
    ),
    "shapes3d-b": Split(
        shared=("wall_hue", "scale"),
        specific={"a": ("floor_hue", "shape"), "b": ("object_hue", "orientation")},
        fixed={"a": {"object_hue": 3, "orientation": 7}, "b": {"floor_hue": 5, "shape": 0}},
    ),
    "shapes3d-c": Split(
        shared=("floor_hue", "orientation"),
        specific={"a": ("object_hue", "scale"), "b": ("wall_hue", "shape")},
        fixed={"a": {"wall_hue": 6, "shape": 0}, "b": {"object_hue": 4, "scale": 4}},
    ),
}
"""The three splits. The fixed codes of the first are those of the released images; those of the
others are not published and were chosen here: hues other than red, orientation and scale from the
middle of the range, and the cube, on which the orientation shows best."""


def to_index(factors: Mapping[str, npt.ArrayLike]) -> Codes:
    """The rows of the file that hold these images, int64 `(n,)`, from 0 to 479,999.

    Args:
        factors: Codes into `FACTORS`, one column `(n,)` a factor; other columns are ignored.

    Raises:
        InputError: A factor is absent or holds a code out of range.
    """
    codes = columns("shapes3d", factors, FACTORS)
    return np.ravel_multi_index(tuple(codes.values()), COUNTS).astype(np.int64)


def from_index(index: npt.ArrayLike) -> Factors:
    """The factors of rows of the file, the inverse of `to_index`.

    Args:
        index: Integers `(n,)` from 0 to 479,999.

    Raises:
        InputError: A row is out of range.
    """
    rows = np.asarray(index)
    if rows.dtype.kind not in "iu" or (rows.size and not 0 <= rows.min() <= rows.max() < _ROWS):
        raise _wrong("index", "holds no such row", f"use integers from 0 to {_ROWS - 1}")
    unravelled = np.unravel_index(rows, COUNTS)
    return {name: codes.astype(np.int64) for name, codes in zip(FACTORS, unravelled, strict=True)}


def split(name: str, domain: Domain, *, count: int | None = None, seed: int) -> Factors:
    """The factors of distinct images of one domain, in random order.

    A domain is the full grid of the factors that vary in it, less the images that the other domain
    holds as well: 3,960 and 4,760 images of domains A and B in the first split, 3,120 and 11,920 in
    the second, 11,850 and 5,850 in the third.

    Args:
        name: "shapes3d-a", "shapes3d-b" or "shapes3d-c".
        domain: "a" or "b".
        count: How many images; all by default. A smaller draw is the beginning of a larger one.
        seed: Decides the order.

    Returns:
        Codes into `FACTORS`, int64 `(count,)` each.

    Raises:
        InputError: There is no such split or domain, or the domain holds fewer images.
    """
    chosen = _split(name)
    if domain not in DOMAINS:
        raise _wrong("domain", f"is {domain!r}", "use 'a' or 'b'")
    fixed, other = (chosen.fixed[side] for side in (domain, "b" if domain == "a" else "a"))
    ranges = [
        [fixed[factor]] if factor in fixed else range(len(levels))
        for factor, levels in FACTORS.items()
    ]
    grid = {
        factor: codes.ravel().astype(np.int64)
        for factor, codes in zip(FACTORS, np.meshgrid(*ranges, indexing="ij"), strict=True)
    }
    common = np.all([grid[factor] == code for factor, code in other.items()], axis=0)
    own = np.flatnonzero(~common)
    if count is not None and not 1 <= count <= len(own):
        raise _wrong("count", f"is {count}", f"use 1 to {len(own)} images of {name}, {domain}")
    order = np.random.default_rng(derive(seed, name, domain)).permutation(own)[:count]
    return {factor: codes[order] for factor, codes in grid.items()}


def counterfactual(
    a: Mapping[str, npt.ArrayLike], b: Mapping[str, npt.ArrayLike], name: str, direction: Direction
) -> Factors:
    """The factors of the right translations, pair by pair; the renderer draws them.

    Shared factors come from the source, those specific to the target's domain from the guide, and
    those specific to the source's domain take the value at which the target's domain fixes them.

    Args:
        a: Factors `(n,)` of images of domain A, the source of "a2b" and the guide of "b2a".
        b: Factors `(n,)` of as many images of domain B.
        name: The split, see `split`.
        direction: "a2b" or "b2a".

    Raises:
        InputError: There is no such split or direction, a factor is absent or out of range, or the
            images are not as many on both sides.
    """
    chosen = _split(name)
    if direction not in get_args(Direction):
        raise _wrong("direction", f"is {direction!r}", "use 'a2b' or 'b2a'")
    codes = {"a": columns("domain a", a, FACTORS), "b": columns("domain b", b, FACTORS)}
    rows = {len(side["shape"]) for side in codes.values()}
    if len(rows) > 1:
        raise _wrong("pairs", f"are of {sorted(rows)} images", "give as many images of a as of b")
    source, target = codes[direction[0]], codes[direction[2]]
    domain: Domain = "b" if direction == "a2b" else "a"
    right = {factor: source[factor] for factor in chosen.shared}
    right |= {factor: target[factor] for factor in chosen.specific[domain]}
    right |= {
        factor: np.full_like(source[factor], code) for factor, code in chosen.fixed[domain].items()
    }
    return {factor: right[factor] for factor in FACTORS}


def load(
    factors: Mapping[str, npt.ArrayLike],
    size: int,
    *,
    path: Path | None = None,
    cache: Path,
    mirror: str | None = None,
) -> Table:
    """Images of the real data set, read from `3dshapes.h5`.

    Args:
        factors: Codes into `FACTORS`, one column `(n,)` a factor, in the order of the result.
        size: Side of the images in pixels, 64, 32 or 16; smaller ones are area averages.
        path: The user's own file; by default it is fetched, 255 MiB.
        cache: Folder for downloads.
        mirror: Data mirror, see `isthmus.data.download.fetch`.

    Returns:
        Images uint8 `(n, size, size, 3)` with the factors of `FACTORS`.

    Raises:
        InputError: A factor or the size makes no sense, the package h5py is not there, or the file
            is absent, damaged, or of another layout or order.
    """
    check_size(size)
    rows = to_index(factors)
    h5py = _h5py()
    store = fetch(FILE, cache, mirror) if path is None else Path(path)
    pixels = _read_rows(h5py, store, rows)
    block = _SIDE // size
    averages = pixels.reshape(len(rows), size, block, size, block, 3).mean(
        axis=(2, 4), dtype=np.float32
    )
    with store.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    values = np.rint(averages).astype(np.uint8)
    return image_table(factors, values, source="3D Shapes", sha256=sha256)


def image_table(
    factors: Mapping[str, npt.ArrayLike], values: Images, *, source: str, sha256: str | None = None
) -> Table:
    """A table of images, uint8 `(n, size, size, 3)`, with the factors of `FACTORS`."""
    return Table(
        kind="images",
        values=values,
        factors=columns("shapes3d", factors, FACTORS),
        levels=dict(FACTORS),
        value_range=(0.0, 255.0),
        source=source,
        sha256=sha256,
    )


def check_size(size: int) -> None:
    """Refuse an image side, in pixels, that is not 64, 32 or 16.

    Raises:
        InputError: It is another.
    """
    if size not in SIZES:
        raise _wrong("size", f"is {size} pixels", f"use one of {', '.join(map(str, SIZES))}")


def _h5py() -> Any:
    try:
        return importlib.import_module("h5py")
    except ImportError:
        mend = "run `pip install h5py`, or use isthmus.data.shapes3d_renderer"
        raise InputError(FILE.name, "needs the package h5py", mend=mend) from None


def _read_rows(h5py: Any, path: Path, rows: Codes) -> Images:
    """Rows of the file in any order, uint8 `(n, 64, 64, 3)`; their labels are checked."""
    try:
        with h5py.File(path, "r") as file:
            images, labels = file["images"], file["labels"]
            for name, found, dimensions in (
                ("images", images, (_ROWS, _SIDE, _SIDE, 3)),
                ("labels", labels, (_ROWS, len(FACTORS))),
            ):
                if getattr(found, "shape", None) != dimensions:
                    problem = f"is not an array of shape {dimensions}"
                    raise InputError(path, problem, field=name, mend=_OFFICIAL)
            if images.dtype != np.uint8:
                problem = f"has dtype {images.dtype}, not uint8"
                raise InputError(path, problem, field="images", mend=_OFFICIAL)
            _check_labels(path, np.asarray(labels[:])[rows], rows)
            return _read_blocks(images, rows)
    except FileNotFoundError:
        raise InputError(path, "does not exist", mend="check the path") from None
    except KeyError as error:
        problem = f"lacks an array ({error.args[0]})"
        raise InputError(path, problem, mend=_OFFICIAL) from None
    except OSError as error:
        raise InputError(path, f"is no readable HDF5 ({error})", mend=_OFFICIAL) from error


def _check_labels(path: Path, labels: npt.NDArray[Any], rows: Codes) -> None:
    codes = from_index(rows)
    wanted = np.stack(
        [np.array(values)[codes[name]] for name, values in zip(FACTORS, _LABELS, strict=True)],
        axis=1,
    )
    wrong = ~np.isclose(labels, wanted, rtol=0, atol=1e-3).all(axis=1)
    if wrong.any():
        first = int(wrong.argmax())
        problem = f"are {labels[first].tolist()}, not {wanted[first].round(4).tolist()}"
        raise InputError(path, problem, field=f"labels, row {rows[first]}", mend=_OFFICIAL)


def _read_blocks(images: Any, rows: Codes) -> Images:
    """Rows of a chunked array, whole chunks at a time, so that each is unpacked once."""
    block = images.chunks[0] if images.chunks else _BLOCK
    pixels = np.empty((len(rows), *images.shape[1:]), dtype=np.uint8)
    numbers = rows // block
    for number in np.unique(numbers):
        here = numbers == number
        start = int(number * block)
        pixels[here] = images[start : start + block][rows[here] - start]
    return pixels


def _split(name: str) -> Split:
    if name not in SPLITS:
        raise _wrong("split", f"is {name!r}", f"use one of {', '.join(SPLITS)}")
    return SPLITS[name]


def _wrong(field: str, problem: str, mend: str) -> InputError:
    return InputError("shapes3d", problem, field=field, mend=mend)
