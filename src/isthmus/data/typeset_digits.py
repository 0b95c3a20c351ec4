"""Typeset digits against handwritten ones: a source and two targets of 8 x 8 pixels.

A stand-in for VisDA that needs no download (Peng, Usman et al. 2017: synthetic source, a validation
target to choose settings on, another target to test them).
"""

from __future__ import annotations

from functools import cache

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter
from sklearn.datasets import load_digits

from isthmus.data.digits import LEVELS, Codes, Images, resize
from isthmus.data.table import Table
from isthmus.data.typeset import outline
from isthmus.data.visda import FACTOR
from isthmus.errors import InputError
from isthmus.seeding import derive

SIDE = 8
FONTS = (
    *(f"DejaVuSans{style}" for style in ("", "-Bold", "-Oblique", "-BoldOblique")),
    *(f"DejaVuSansMono{style}" for style in ("", "-Bold", "-Oblique", "-BoldOblique")),
    *(f"DejaVuSerif{style}" for style in ("", "-Bold", "-Italic", "-BoldItalic")),
    *(f"STIXGeneral{style}" for style in ("", "Bol", "Italic", "BolIta")),
    *("cmb10", "cmr10", "cmss10", "cmti10", "cmtt10"),
)
"""The fonts of matplotlib that have upright or slanted arabic digits."""

REDUCTION = 4
"""By which outlines shrink before they are moved; still eight times as fine as the images."""

ROTATION, SHEAR, STRETCH = np.deg2rad(12), 0.2, 0.25
"""Largest rotation in radians, shear, and change of the width as a share."""

BLUR, CONTRAST, COARSE = 0.5, 0.6, 6
"""Of the test target: deviation of the blur in pixels, its share of the contrast, and the side to
which its digits are resampled on the way."""


def load(*, source_size: int, source_test_size: int, seed: int) -> dict[str, Table]:
    """The source, held-out digits of it, and both targets, with the factor `class`.

    Source: digits in 21 fonts, turned, sheared and stretched at random, cropped to their ink and
    averaged over blocks, as the handwritten ones were. Validation target: the first half of
    scikit-learn's 1,797 handwritten digits; test target: the second half, blurred, resampled by way
    of 6 x 6 pixels, with less contrast. The file stands in the order of collection, so the halves
    come mostly from other writers.

    Args:
        source_size: How many typeset digits to train with.
        source_test_size: How many to test with, drawn independently.
        seed: Decides both draws.

    Returns:
        Tables `source`, `source_test`, `validation`, `test` of grey images, white on black.

    Raises:
        InputError: A size is not positive.
    """
    for name, size in (("source_size", source_size), ("source_test_size", source_test_size)):
        if size < 1:
            raise InputError("typeset-digits", f"is {size}", field=name, mend="use at least 1")
    packaged = load_digits()
    images = np.rint(packaged.images * (255 / 16)).astype(np.uint8)
    digits = packaged.target.astype(np.int64)
    half = len(images) // 2
    return {
        "source": _typeset(source_size, derive(seed, "source")),
        "source_test": _typeset(source_test_size, derive(seed, "source_test")),
        "validation": _table(images[:half], digits[:half], "Handwritten digits of scikit-learn"),
        "test": _table(degraded(images[half:]), digits[half:], "The same, others, degraded"),
    }


def degraded(images: Images) -> Images:
    """Grey images `(n, 8, 8)` as a worse camera would give them: what tells test from validation."""
    blurred = gaussian_filter(images.astype(np.float64), (0, BLUR, BLUR))
    coarse = [
        Image.fromarray(image.astype(np.uint8))
        .resize((COARSE, COARSE), Image.Resampling.BOX)
        .resize((SIDE, SIDE), Image.Resampling.BILINEAR)
        for image in blurred
    ]
    faded = 127.5 + CONTRAST * (np.stack([np.asarray(image) for image in coarse]) - 127.5)
    return np.rint(faded).astype(np.uint8)


def _typeset(count: int, seed: int) -> Table:
    rng = np.random.default_rng(seed)
    digits = rng.integers(10, size=count)
    fonts = rng.integers(len(FONTS), size=count)
    turns = ROTATION * rng.uniform(-1, 1, count)
    shears, stretches = SHEAR * rng.uniform(-1, 1, count), STRETCH * rng.uniform(-1, 1, count)
    images = np.empty((count, SIDE, SIDE), np.uint8)
    for row, (digit, font, turn, shear, stretch) in enumerate(
        zip(digits, fonts, turns, shears, stretches, strict=True)
    ):
        images[row] = _drawn(int(digit), FONTS[font], turn, shear, 1 + stretch)
    return _table(images, digits, "Typeset digits, fonts packaged with matplotlib", seed)


def _drawn(digit: int, font: str, turn: float, shear: float, stretch: float) -> Images:
    """One digit, its ink fitted into the frame and centred, `(8, 8)`."""
    image = _outline(digit, font)
    cosine, sine, middle = np.cos(turn), np.sin(turn), image.width / 2
    matrix = np.array([[cosine, -sine], [sine, cosine]]) @ [[1 / stretch, shear], [0, 1]]
    start = middle - matrix @ [middle, middle]
    moved = image.transform(
        image.size,
        Image.Transform.AFFINE,
        (*matrix[0], start[0], *matrix[1], start[1]),
        Image.Resampling.BILINEAR,
    )
    ink = moved.crop(moved.getbbox())
    frame = Image.new("L", (max(ink.size), max(ink.size)))
    frame.paste(ink, ((frame.width - ink.width) // 2, (frame.height - ink.height) // 2))
    return resize(np.asarray(frame)[np.newaxis], SIDE)[0]


@cache
def _outline(digit: int, font: str) -> Image.Image:
    return outline(digit, font)[0].reduce(REDUCTION)


def _table(images: Images, digits: Codes, source: str, seed: int | None = None) -> Table:
    return Table(
        kind="images",
        values=images[..., np.newaxis],
        factors={FACTOR: np.asarray(digits, np.int64)},
        levels={FACTOR: LEVELS},
        value_range=(0.0, 255.0),
        source=source,
        seed=seed,
    )
