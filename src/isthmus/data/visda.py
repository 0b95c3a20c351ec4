"""The files of VisDA-2017 and Syn2Real: folders of images with a list, and files of predictions.

A folder of one domain holds `image_list.txt`, one image a line: its path below the folder, a blank,
its class; a tab does as well. Lists of a test domain may leave the class out. A file of predictions holds one integer a
line, in the order of the list. On the real set: `train` (renders), `validation` (crops of COCO),
`test` (frames of YouTube-BB); class 12 is "unknown" in the open set.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from os import PathLike
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from isthmus.data.files import write_atomically
from isthmus.data.table import Table
from isthmus.errors import InputError

CLASSES = (
    *("aeroplane", "bicycle", "bus", "car", "horse", "knife"),
    *("motorcycle", "person", "plant", "skateboard", "train", "truck"),
)
UNKNOWN = "unknown"
LIST = "image_list.txt"
FACTOR = "class"
"""The factor of a table that holds the classes."""

_INTEGER = re.compile(r"[0-9]{1,9}")

Integers = npt.NDArray[np.int64]


def names(known: int, *, open_set: bool = False) -> tuple[str, ...]:
    """Names of the classes: those of VisDA where there are 12, else their numbers."""
    found = CLASSES if known == len(CLASSES) else tuple(map(str, range(known)))
    return (*found, UNKNOWN) if open_set else found


class ImageList(NamedTuple):
    """A list of images.

    Attributes:
        paths: Paths below the folder of the list.
        labels: Their classes `(n,)`; none, `(0,)`, of a list without classes.
    """

    paths: tuple[str, ...]
    labels: Integers


def read_image_list(
    path: str | PathLike[str], *, classes: int = len(CLASSES), labelled: bool = True
) -> ImageList:
    """Read a list of images.

    Args:
        path: The file.
        classes: Number of classes: 12, or 13 with "unknown".
        labelled: Whether a class stands behind every path; a line is a path and nothing else
            otherwise.

    Raises:
        InputError: The file cannot be read or holds nothing, or a line is not a path and a class.
    """
    if not labelled:
        return ImageList(tuple(line.strip() for line in _lines(path)), np.empty(0, np.int64))
    paths, labels = [], []
    for number, line in enumerate(_lines(path), 1):
        name, *label = line.strip().rsplit(maxsplit=1) or [""]
        if not label or not _INTEGER.fullmatch(label[0]):
            raise InputError(
                path,
                f"{line.strip()!r} is not a path, a blank and a class",
                field=f"line {number}",
                mend="give the labelled list; that of a test domain may come without classes",
            )
        paths.append(name)
        labels.append(_class(path, number, label[0], classes))
    return ImageList(tuple(paths), np.array(labels, np.int64))


def write_image_list(path: str | PathLike[str], paths: Sequence[str], labels: Integers) -> None:
    """Write a labelled list of images."""
    _write(path, (f"{name} {label}" for name, label in zip(paths, labels, strict=True)))


def read_predictions(
    path: str | PathLike[str], *, count: int, classes: int = len(CLASSES)
) -> Integers:
    """Read predicted classes `(n,)`, one integer a line.

    Args:
        path: The file.
        count: Number of images in the list.
        classes: Number of classes: 12, or 13 with "unknown".

    Raises:
        InputError: The file cannot be read, a line is not a class, or there are not `count`.
    """
    lines = _lines(path)
    if len(lines) != count:
        raise InputError(
            path,
            f"has {len(lines)} lines for {count} images",
            field=f"line {min(len(lines), count) + 1}",
            mend="write one integer a line, one line an image, in the order of the list",
        )
    found = []
    for number, line in enumerate(lines, 1):
        if not _INTEGER.fullmatch(line.strip()):
            raise InputError(
                path,
                f"{line.strip()!r} is not an integer",
                field=f"line {number}",
                mend="write the number of the class and nothing else",
            )
        found.append(_class(path, number, line.strip(), classes))
    return np.array(found, np.int64)


def write_predictions(path: str | PathLike[str], predicted: npt.ArrayLike) -> None:
    """Write predicted classes, one integer a line."""
    _write(path, (str(label) for label in np.asarray(predicted).tolist()))


def load(
    folder: str | PathLike[str],
    size: int,
    *,
    levels: Sequence[str] = CLASSES,
    most: int | None = None,
    labelled: bool = True,
) -> Table:
    """Read a domain: the images of its list, in the list's order, with the factor `class`.

    Args:
        folder: The domain's folder, which holds `image_list.txt`.
        size: Side to which every image is brought, in pixels, whatever its shape.
        levels: Names of the classes.
        most: Most images to read, evenly spaced over the list; all if None.
        labelled: Whether the list has classes; the table has no factor otherwise, as a target needs
            none.

    Raises:
        InputError: The list cannot be used, or an image is missing or cannot be read.
    """
    root = Path(folder)
    listed = read_image_list(root / LIST, classes=len(levels), labelled=labelled)
    count = len(listed.paths)
    kept = count if most is None else min(most, count)
    chosen = np.arange(kept) * count // kept
    images = np.empty((len(chosen), size, size, 3), np.uint8)
    for row, index in enumerate(chosen):
        images[row] = _read_image(root, listed.paths[index], int(index) + 1, size)
    return Table(
        kind="images",
        values=images,
        factors={FACTOR: listed.labels[chosen]} if labelled else {},
        levels={FACTOR: tuple(levels)} if labelled else {},
        value_range=(0.0, 255.0),
        source=f"Images of {root.name}",
    )


def write_folder(table: Table, folder: str | PathLike[str]) -> None:
    """Write a table as a domain: `{class}/{row}.png` and `image_list.txt`."""
    root, labels = Path(folder), table.factors[FACTOR]
    names = [f"{table.levels[FACTOR][k]}/{row:06d}.png" for row, k in enumerate(labels)]
    for name, image in zip(names, table.values, strict=True):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(root / name)
    write_image_list(root / LIST, names, labels)


def _read_image(root: Path, name: str, line: int, size: int) -> npt.NDArray[np.uint8]:
    try:
        with Image.open(root / name) as image:
            resized = image.convert("RGB").resize((size, size), Image.Resampling.BOX)
    except FileNotFoundError:
        raise InputError(
            root / LIST,
            f"names {name}, which is not there",
            field=f"line {line}",
            mend="unpack the whole archive beside its list",
        ) from None
    except (UnidentifiedImageError, OSError) as error:
        raise InputError(
            root / name, f"cannot be read as an image ({error})", mend="unpack it again"
        ) from None
    return np.asarray(resized)


def _lines(path: str | PathLike[str]) -> list[str]:
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").rstrip("\n").split("\n")
    except FileNotFoundError:
        raise InputError(path, "the file is missing", mend="name a file that exists") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(path, f"cannot be read ({error})", mend="name a text file") from None
    if lines == [""]:
        raise InputError(path, "is empty", mend="write one line an image")
    return lines


def _class(path: str | PathLike[str], number: int, text: str, classes: int) -> int:
    if int(text) >= classes:
        hint = ", or score the open set" if int(text) == classes else ""
        raise InputError(
            path,
            f"{text} is not a class",
            field=f"line {number}",
            mend=f"use classes from 0 to {classes - 1}{hint}",
        )
    return int(text)


def _write(path: str | PathLike[str], lines: Iterable[str]) -> None:
    with write_atomically(path) as file:
        file.write("".join(f"{line}\n" for line in lines).encode())
