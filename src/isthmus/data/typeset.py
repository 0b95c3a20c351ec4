"""Typeset digits: drawn with fonts that matplotlib ships, rotated and scaled at will.

They stand in for the typewritten digits of PuppetGAN (Usman et al., ICCV 2019), which uses the font
Roboto. Every image is a pure function of its factors, so exact counterfactuals are one call away.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path

import matplotlib
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from isthmus.data.digits import LEVELS, Codes, Images, check_size
from isthmus.data.table import Table
from isthmus.errors import InputError
from isthmus.seeding import derive

FONTS = ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSansMono", "DejaVuSerif", "DejaVuSerif-Bold")

_MASTER_POINTS = 160
_MASTER_SIDE = 256
_SUPERSAMPLING = 4


def load(
    size: int,
    *,
    train_size: int = 4000,
    test_size: int = 1000,
    seed: int,
    fonts: Sequence[str] = FONTS,
    rotation_range: tuple[float, float] = (-35.0, 35.0),
    rotation_levels: int = 7,
    height_range: tuple[float, float] = (0.45, 0.8),
    size_levels: int = 4,
) -> dict[str, Table]:
    """Typeset digits as grey images of one size, white on black, antialiased and centred.

    Digit, font, rotation and height are drawn independently and uniformly. The factors `rotation`
    and `size` are equal bins of the two ranges; the measures `rotation_degrees` and `size_pixels`
    are the exact values. The other factors are `digit` and `font`.

    Args:
        size: Side of the images in pixels.
        train_size: How many images to draw for training.
        test_size: How many images to draw for testing, independently of those for training.
        seed: Decides both draws.
        fonts: Names of TrueType files, without suffix, among those of matplotlib.
        rotation_range: Lowest and highest rotation in degrees, positive is counter-clockwise.
        rotation_levels: Number of bins of the rotation.
        height_range: Lowest and highest height of the upright digit as a share of `size`. Above
            0.8 the corners of a turned digit may leave the frame.
        size_levels: Number of bins of the height.

    Returns:
        Tables `train` and `test`.

    Raises:
        InputError: A setting makes no sense, or a font is not there.
    """
    check_size(size)
    if not fonts or len(set(fonts)) < len(fonts):
        raise _wrong("fonts", f"is {list(fonts)}", "name at least one font, each once")
    _check_range("rotation_range", rotation_range, -180.0, 180.0)
    _check_range("height_range", height_range, 0.1, 1.0)
    counts = {
        "train_size": train_size,
        "test_size": test_size,
        "rotation_levels": rotation_levels,
        "size_levels": size_levels,
    }
    for name, count in counts.items():
        if count < 1:
            raise _wrong(name, f"is {count}", "use at least 1")
    heights = (height_range[0] * size, height_range[1] * size)

    def draw(part: str, rows: int) -> Table:
        rng = np.random.default_rng(derive(seed, "typeset", part))
        digits = rng.integers(len(LEVELS), size=rows)
        styles = rng.integers(len(fonts), size=rows)
        rotations = rng.uniform(*rotation_range, size=rows)
        pixels = rng.uniform(*heights, size=rows)
        rotation, rotation_names = _bins(rotations, rotation_range, rotation_levels)
        height, height_names = _bins(pixels, heights, size_levels)
        return Table(
            kind="images",
            values=render(digits, [fonts[style] for style in styles], rotations, pixels, size),
            factors={"digit": digits, "font": styles, "rotation": rotation, "size": height},
            levels={
                "digit": LEVELS,
                "font": tuple(fonts),
                "rotation": rotation_names,
                "size": height_names,
            },
            measures={"rotation_degrees": rotations, "size_pixels": pixels},
            value_range=(0.0, 255.0),
            source="Typeset digits, fonts packaged with matplotlib",
            seed=seed,
        )

    return {"train": draw("train", train_size), "test": draw("test", test_size)}


def render(
    digits: npt.ArrayLike,
    fonts: Sequence[str],
    rotation_degrees: npt.ArrayLike,
    size_pixels: npt.ArrayLike,
    size: int,
) -> Images:
    """Draw digits, one a row; the same arguments give the same pixels.

    The outline is drawn once a digit and font at high resolution, then turned and scaled about the
    centre of its ink box at four times the output resolution, and area-averaged.

    Args:
        digits: Integers 0 to 9, `(n,)`.
        fonts: Font of each row, a TrueType file of matplotlib without suffix.
        rotation_degrees: Counter-clockwise rotation of each row, `(n,)`.
        size_pixels: Height of the upright digit's ink in output pixels, `(n,)`.
        size: Side of the images in pixels.

    Returns:
        Images, uint8 `(n, size, size, 1)`, 255 is ink.

    Raises:
        InputError: A font is not there, or the size makes no sense.
    """
    check_size(size)
    side = size * _SUPERSAMPLING
    turns = np.deg2rad(np.asarray(rotation_degrees, dtype=np.float64))
    images = np.empty((len(turns), size, size, 1), dtype=np.uint8)
    rows = zip(np.asarray(digits), fonts, turns, np.asarray(size_pixels), strict=True)
    for row, (digit, font, turn, pixels) in enumerate(rows):
        master, ink_height = outline(int(digit), font)
        scale = ink_height / (pixels * _SUPERSAMPLING)
        cosine, sine = scale * np.cos(turn), scale * np.sin(turn)
        middle, centre = _MASTER_SIDE / 2, side / 2
        to_master = (
            *(cosine, -sine, middle - centre * (cosine - sine)),
            *(sine, cosine, middle - centre * (sine + cosine)),
        )
        drawn = master.transform(
            (side, side), Image.Transform.AFFINE, to_master, Image.Resampling.BILINEAR
        )
        images[row, :, :, 0] = np.asarray(drawn.resize((size, size), Image.Resampling.BOX))
    return images


@cache
def outline(digit: int, font: str) -> tuple[Image.Image, int]:
    """A digit centred by its ink box on a large canvas, and the height of that box in pixels.

    Args:
        digit: From 0 to 9.
        font: A TrueType file of matplotlib without suffix.

    Raises:
        InputError: The font is not there, or has no digits.
    """
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    try:
        face = ImageFont.truetype(
            folder / f"{font}.ttf", _MASTER_POINTS, layout_engine=ImageFont.Layout.BASIC
        )
    except OSError:
        raise _wrong("fonts", f"holds no {font}.ttf", "name a font of matplotlib", folder) from None
    canvas = Image.new("L", (_MASTER_SIDE, _MASTER_SIDE))
    ImageDraw.Draw(canvas).text((_MASTER_SIDE // 4, 0), str(digit), fill=255, font=face)
    box = canvas.getbbox()
    if box is None:
        raise _wrong("fonts", f"has no digits in {font}", "name a font of matplotlib with digits")
    ink = canvas.crop(box)
    centred = Image.new("L", canvas.size)
    centred.paste(ink, ((_MASTER_SIDE - ink.width) // 2, (_MASTER_SIDE - ink.height) // 2))
    return centred, ink.height


def _bins(
    values: npt.NDArray[np.float64], bounds: tuple[float, float], count: int
) -> tuple[Codes, tuple[str, ...]]:
    """The bin of each value among equal bins, and the bins' names."""
    edges = np.linspace(*bounds, count + 1)
    names = tuple(f"{low:.4g} to {high:.4g}" for low, high in pairwise(edges))
    return np.searchsorted(edges[1:-1], values, side="right").astype(np.int64), names


def _check_range(name: str, bounds: tuple[float, float], lowest: float, highest: float) -> None:
    if not lowest <= bounds[0] < bounds[1] <= highest:
        raise _wrong(name, f"is {bounds}", f"use two rising numbers in [{lowest:g}, {highest:g}]")


def _wrong(field: str, problem: str, mend: str, where: Path | str = "typeset") -> InputError:
    return InputError(where, problem, field=field, mend=mend)
