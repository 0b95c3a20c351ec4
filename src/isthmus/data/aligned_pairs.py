"""Pairs of images side by side in one file, as pix2pix (Isola et al. 2017) distributes them.

The Google Maps set of 1,096 pairs for training (folder `train`) and 1,098 for testing (`val`) has
the aerial photograph, A, on the left and the map, B, on the right. The user brings a copy.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from isthmus.data.paired import two_domains
from isthmus.data.synaction import check_size, read_image
from isthmus.data.table import Table
from isthmus.errors import InputError

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".gif"}
"""Of image files."""


def load(folder: str | Path, size: int) -> Table:
    """The pairs of one folder, in the order of their names.

    Args:
        folder: Where the files are, PNG, JPEG, TIFF, GIF, BMP or WebP, each two squares side by side; subfolders are not
            read.
        size: Side of the images in pixels; the squares are resampled bilinearly with antialiasing.

    Returns:
        Images uint8 `(n, size, size, 3)` with the factor `domain`: the left squares (a) before the
        right ones (b), in the same order.

    Raises:
        InputError: The size makes no sense, the folder holds no pairs, or a file is damaged or
            is no two squares.
    """
    check_size("pairs", size)
    folder = Path(folder)
    paths = images_in(folder)
    if not paths:
        raise InputError(folder, "holds no images", mend="give a folder such as maps/train")
    halves = np.stack([_halves(path, size) for path in paths], axis=1)
    return two_domains(*halves.transpose(0, 1, 4, 2, 3), source=f"Aligned pairs, {folder.name}")


def images_in(folder: Path) -> list[Path]:
    """The image files of a folder, by name; none if it is not there."""
    found = folder.iterdir() if folder.is_dir() else ()
    return sorted(path for path in found if path.suffix.lower() in SUFFIXES)


def _halves(path: Path, size: int) -> npt.NDArray[np.uint8]:
    """Left and right `(2, size, size, 3)`."""
    image = read_image(path)
    width, height = image.size
    if width != 2 * height:
        problem = f"is {width} x {height} pixels"
        raise InputError(path, problem, mend="give two squares side by side, such as 1200 x 600")
    boxes = (0, 0, height, height), (height, 0, width, height)
    squares = (image.crop(box).resize((size, size), Image.Resampling.BILINEAR) for box in boxes)
    return np.stack([np.asarray(square) for square in squares])
