"""SynAction stills (Sun, Xu, Saenko, WACV 2020) as a translation benchmark: one actor, one scene.

The split is that of "Evaluation of Correctness in Unsupervised Many-to-Many Image Translation"
(Bashkirova, Usman, Saenko, WACV 2022): both domains show the same poses, A one actor before eight
backgrounds, B nine actors before another background.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from isthmus.data.table import Table
from isthmus.errors import InputError

Domain = Literal["a", "b"]
Codes = npt.NDArray[np.int64]

DOMAINS: tuple[Domain, Domain] = ("a", "b")
IDENTITIES = tuple(f"{code:03d}" for code in range(10))
BACKGROUNDS = tuple(f"{code:03d}" for code in range(9))

SHARED = ("pose",)
"""Factors that vary in both domains."""
SPECIFIC: Mapping[Domain, tuple[str, ...]] = {"a": ("background",), "b": ("identity",)}
"""Factors that vary in one domain only."""
FIXED: Mapping[Domain, Mapping[str, int]] = {"a": {"identity": 0}, "b": {"background": 0}}
"""The code of what does not vary in a domain; that code never appears in the other domain."""

_NAME = re.compile(r"(\d{3})(\d{3})(\d{3})(\d{3})(\d{3})")
_SUFFIXES = {".png", ".jpg", ".jpeg"}
_SMALLEST, _LARGEST = 16, 256


def load(folder: str | Path, size: int) -> Table:
    """The stills below a folder as colour images of one size, in the order of their names.

    A name is five groups of three digits, identity, sequence, take, background and frame; the
    folders in between do not matter. The domain is read off identity and background.

    Args:
        folder: Where the stills are, PNG or JPEG of any size; 14,280 in the released set.
        size: Side of the images in pixels; the stills are resampled bilinearly with antialiasing.

    Returns:
        Images uint8 `(n, size, size, 3)` with the factors `domain` (a, b), `identity` (000 to 009),
        `background` (000 to 008) and `pose`, one level for each sequence, take and frame that
        occurs, named such as `003-001-006`.

    Raises:
        InputError: The size makes no sense, the folder holds no stills, a name is no such name or
            belongs to neither domain, or a still is damaged.
    """
    check_size("synaction", size)
    folder = Path(folder)
    paths = sorted(
        (path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES),
        key=lambda path: path.name,
    )
    if not paths:
        raise InputError(folder, "holds no stills", mend="give the folder of the released stills")
    parts = np.array([_parts(path) for path in paths])
    poses, pose = np.unique(parts[:, [1, 2, 4]], axis=0, return_inverse=True)
    identity, background = parts[:, 0], parts[:, 3]
    return Table(
        kind="images",
        values=np.stack([_still(path, size) for path in paths]),
        factors={
            "domain": (identity > 0).astype(np.int64),
            "identity": identity,
            "background": background,
            "pose": pose.reshape(-1).astype(np.int64),
        },
        levels={
            "domain": DOMAINS,
            "identity": IDENTITIES,
            "background": BACKGROUNDS,
            "pose": tuple("-".join(f"{number:03d}" for number in numbers) for numbers in poses),
        },
        value_range=(0.0, 255.0),
        source="SynAction, stills of the translation split",
    )


def read_image(path: Path) -> Image.Image:
    """Read an image file as RGB, upright as its EXIF data say, transparent pixels white.

    Sixteen bits of grey are brought to eight; of an animation the first image is read.

    Raises:
        InputError: The file is absent, is no image or a damaged one, or holds fractions.
    """
    try:
        with Image.open(path) as image:
            if image.mode == "F":
                raise InputError(path, "holds fractions", mend="save it with 8 or 16 bits")
            deep = image.mode.startswith("I")  # 16 bits of grey, which PIL would clip
            grey = (np.asarray(image) / 257).clip(0, 255).astype(np.uint8) if deep else None
            upright = ImageOps.exif_transpose(image) if grey is None else Image.fromarray(grey)
            seen = upright.convert("RGBA")
    except FileNotFoundError:
        raise InputError(path, "is not there", mend="check the path") from None
    except InputError:
        raise
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(path, f"is no readable image ({error})", mend="replace it") from error
    white = Image.new("RGBA", seen.size, "white")
    return Image.alpha_composite(white, seen).convert("RGB")


def check_size(where: str, size: int) -> None:
    """Refuse an image side, in pixels, on which a figure or a face cannot be read.

    Raises:
        InputError: The side is not between 16 and 256.
    """
    if not _SMALLEST <= size <= _LARGEST:
        mend = f"use a side from {_SMALLEST} to {_LARGEST} pixels, such as 32 or 64"
        raise InputError(where, f"is {size} pixels", field="size", mend=mend)


def _parts(path: Path) -> tuple[int, ...]:
    match = _NAME.fullmatch(path.stem)
    if match is None:
        raise InputError(path, "is not named by 15 digits", mend="keep the released names")
    identity, sequence, take, background, frame = map(int, match.groups())
    in_a = identity == 0 and 1 <= background < len(BACKGROUNDS)
    in_b = background == 0 and 1 <= identity < len(IDENTITIES)
    if not (in_a or in_b):
        raise InputError(
            path,
            f"identity {identity:03d} before background {background:03d} is in neither domain",
            mend="keep identity 000 before 001 to 008 (A), and 001 to 009 before 000 (B)",
        )
    return identity, sequence, take, background, frame


def _still(path: Path, size: int) -> npt.NDArray[np.uint8]:
    return np.asarray(read_image(path).resize((size, size), Image.Resampling.BILINEAR))
