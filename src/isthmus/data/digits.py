"""What every source of digit images shares: one canvas, one factor, one way to split."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image
from sklearn.model_selection import train_test_split

from isthmus.data.table import Table
from isthmus.errors import InputError

LEVELS = tuple("0123456789")
_SMALLEST, _LARGEST = 8, 256

Images = npt.NDArray[np.uint8]
Codes = npt.NDArray[np.int64]


def check_size(size: int) -> None:
    """Refuse an image side, in pixels, on which no digit can be read.

    Raises:
        InputError: The side is not between 8 and 256.
    """
    if not _SMALLEST <= size <= _LARGEST:
        raise InputError(
            "digits",
            f"is {size} pixels",
            field="size",
            mend=f"use a side from {_SMALLEST} to {_LARGEST} pixels, such as 16, 28 or 32",
        )


def resize(images: Images, size: int) -> Images:
    """Square images `(n, side, side)` resampled to `(n, size, size)`, uint8.

    Smaller ones are area averages (box filter), larger ones bilinear; no margin is added.

    Raises:
        InputError: The size is not between 8 and 256.
    """
    check_size(size)
    side = images.shape[1]
    if size == side:
        return images
    resample = Image.Resampling.BOX if size < side else Image.Resampling.BILINEAR
    resized = [Image.fromarray(image).resize((size, size), resample) for image in images]
    return np.stack([np.asarray(image) for image in resized])


def digit_table(
    images: Images, digits: Codes, *, source: str, seed: int | None, sha256: str | None
) -> Table:
    """A table of grey images `(n, side, side)`, white on black, with the factor `digit`."""
    return Table(
        kind="images",
        values=images[..., np.newaxis],
        factors={"digit": digits.astype(np.int64)},
        levels={"digit": LEVELS},
        value_range=(0.0, 255.0),
        source=source,
        seed=seed,
        sha256=sha256,
    )


def split(digits: Codes, train_size: int, seed: int) -> tuple[Codes, Codes]:
    """Indices of a random split with equal class shares: `train_size` rows, and all the others.

    Raises:
        InputError: One side would have fewer rows than there are classes.
    """
    rows, classes = len(digits), len(np.unique(digits))
    if not classes <= train_size <= rows - classes:
        raise InputError(
            "digits",
            f"is {train_size} of {rows} images",
            field="train_size",
            mend=f"use {classes} to {rows - classes}, so that both splits can hold every class",
        )
    train, rest = train_test_split(
        np.arange(rows), train_size=train_size, stratify=digits, random_state=seed
    )
    return train, rest
