"""What the renderers share: checks of factors and images, pixels, averages, colours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from isthmus.data.synaction import Codes, check_size
from isthmus.errors import InputError

Floats = npt.NDArray[np.float32]


def columns(
    where: str, factors: Mapping[str, npt.ArrayLike], levels: Mapping[str, Sequence[str]]
) -> dict[str, Codes]:
    """The columns that `levels` names, checked: integers of one length and in range.

    Raises:
        InputError: One is absent, or is no such column.
    """
    checked: dict[str, Codes] = {}
    for name, names in levels.items():
        if name not in factors:
            raise InputError(where, "is absent", field=name, mend="give a column for every factor")
        codes = np.asarray(factors[name])
        mend = f"use integers from 0 to {len(names) - 1}, as many for every factor"
        if codes.ndim != 1 or codes.dtype.kind not in "iu" or not codes.size:
            problem = f"has dtype {codes.dtype} and shape {codes.shape}"
            raise InputError(where, problem, field=name, mend=mend)
        if not 0 <= codes.min() <= codes.max() < len(names):
            problem = f"holds codes from {codes.min()} to {codes.max()}"
            raise InputError(where, problem, field=name, mend=mend)
        checked[name] = codes.astype(np.int64)
    if len({len(codes) for codes in checked.values()}) > 1:
        lengths = {name: len(codes) for name, codes in checked.items()}
        raise InputError(where, f"has columns of lengths {lengths}", mend="use one length")
    return checked


def check_images(where: str, images: npt.NDArray[np.generic]) -> None:
    """Refuse what is not a batch of square colour images, uint8 `(n, 3, size, size)`.

    Raises:
        InputError: The dtype or the shape is another.
    """
    shape = images.shape
    if images.dtype != np.uint8 or len(shape) != 4 or shape[1] != 3 or shape[2] != shape[3]:
        problem = f"have dtype {images.dtype} and shape {shape}"
        mend = "give uint8 (n, 3, size, size)"
        raise InputError(where, problem, field="images", mend=mend)
    check_size(where, shape[-1])


def pixel_centres(side: int) -> tuple[Floats, Floats]:
    """The x and the y of the pixels `(side^2,)`, row by row, in sides of the image."""
    ticks = (np.arange(side, dtype=np.float32) + np.float32(0.5)) / np.float32(side)
    return np.tile(ticks, side), np.repeat(ticks, side)


def shrink(fine: Floats, side: int, factor: int) -> Floats:
    """Box averages: `(..., (factor side)^2)` becomes `(..., side^2)`."""
    blocks = fine.reshape(*fine.shape[:-1], side, factor, side, factor)
    return blocks.mean(axis=(-3, -1)).reshape(*fine.shape[:-1], side * side)


def rgb(colour: str) -> Floats:
    """The three channels, 0 to 255, of a colour such as `#c8372d`."""
    return np.array(list(bytes.fromhex(colour[1:])), dtype=np.float32)
