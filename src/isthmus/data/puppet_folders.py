"""The user's own puppets: a folder of real images, and one of synthetic triplets."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from isthmus.data.aligned_pairs import SUFFIXES
from isthmus.data.puppets import MEMBERS, stack
from isthmus.data.synaction import check_size, read_image
from isthmus.data.table import Table
from isthmus.errors import InputError


def load(real: str | Path, triplets: str | Path, size: int) -> tuple[Table, Table]:
    """Colour images of one size, in the order of their names; they are squeezed to squares.

    Args:
        real: A folder of images of any size, directly in it or in one folder a class.
        triplets: A folder with `attribute/`, `rest/` and `both/`, each with the same file names:
            the third image has the attribute of interest of the first and the rest of the second.
        size: Side of the images in pixels; they are resampled bilinearly with antialiasing.

    Returns:
        Real images `(n, size, size, 3)`, with the factor `label` where there are folders of
        classes, and triplets, see `isthmus.data.puppets.stack`.

    Raises:
        InputError: The size makes no sense, a folder is absent or without images, some images are
            in a class and others are not, a triplet is incomplete, or an image is damaged.
    """
    check_size("puppet folders", size)
    real, triplets = Path(real), Path(triplets)
    paths = _images(real, "*") + _images(real, "*/*")
    if not paths:
        raise InputError(real, "holds no images", mend=f"put {_named(SUFFIXES)} files there")
    classes = [path.parent.relative_to(real).as_posix() for path in paths]
    names = tuple(sorted(set(classes)))
    if "." in names and len(names) > 1:
        raise InputError(real, "holds images beside folders of images", mend="use one of the two")
    labelled = names != (".",)
    codes = np.searchsorted(names, classes).astype(np.int64)
    table = Table(
        kind="images",
        values=_read(paths, size),
        factors={"label": codes} if labelled else {},
        levels={"label": names} if labelled else {},
        value_range=(0.0, 255.0),
        source=f"Real images of {real.name}",
    )
    return table, _triplets(triplets, size)


def _triplets(folder: Path, size: int) -> Table:
    members = {name: _images(folder / name, "*") for name in MEMBERS}
    found = {name: {path.name for path in paths} for name, paths in members.items()}
    everything = set.union(*found.values())
    if not everything:
        raise InputError(folder, "holds no triplets", mend=f"put images in {_named(MEMBERS)}")
    for name, names in found.items():
        if names != everything:
            problem = f"has no {min(everything - names)}"
            mend = f"give every image in {_named(MEMBERS)} under one name"
            raise InputError(folder / name, problem, mend=mend)
    return stack(
        *(_read(paths, size) for paths in members.values()),
        source=f"Synthetic triplets of {folder.name}",
    )


def _images(folder: Path, pattern: str) -> list[Path]:
    return sorted(path for path in folder.glob(pattern) if path.suffix.lower() in SUFFIXES)


def _read(paths: list[Path], size: int) -> npt.NDArray[np.uint8]:
    squares = [
        np.asarray(read_image(path).resize((size, size), Image.Resampling.BILINEAR))
        for path in paths
    ]
    return np.stack(squares)


def _named(words: Iterable[str]) -> str:
    return ", ".join(sorted(words))
