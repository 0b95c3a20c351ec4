"""USPS handwritten digits from envelopes (Le Cun et al., 1990), 7,291 to train and 2,007 to test.

The files are those of the data page of Hastie, Tibshirani and Friedman, "The Elements of
Statistical Learning".
"""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import numpy as np

from isthmus.data.digits import Codes, Images, check_size, digit_table, resize
from isthmus.data.download import RemoteFile, fetch
from isthmus.data.table import Table
from isthmus.errors import InputError

_SIDE = 16


def _remote(name: str, sha256: str) -> RemoteFile:
    url = f"https://hastie.su.domains/ElemStatLearn/datasets/{name}"
    return RemoteFile(name, "usps", (url,), sha256)


FILES = {
    "train": _remote(
        "zip.train.gz", "66ebf231ab51f2cf6ac1a892d0f98ccffee1079d7a5db638c1f11f366046ca16"
    ),
    "test": _remote(
        "zip.test.gz", "8dacc3c6e136af6c3488de9e5113a7daf140c8c2f1f0b61c54ee02f03f1a962f"
    ),
}


def load(size: int, *, cache: Path, mirror: str | None = None) -> dict[str, Table]:
    """USPS as grey images of one size, white on black, factor `digit`.

    A source image is 16 x 16 and the digit fills it. It is resampled as a whole, bilinearly, with
    no margin: that a USPS digit fills its frame and an MNIST digit does not is part of the gap.

    Args:
        size: Side of the images in pixels.
        cache: Folder for downloads.
        mirror: Data mirror, see `isthmus.data.download.fetch`.

    Returns:
        Tables `train` and `test`, the official split.

    Raises:
        InputError: The size makes no sense, or a file is absent or damaged.
    """
    check_size(size)
    tables = {}
    for part, file in FILES.items():
        images, digits = read_rows(fetch(file, cache, mirror))
        tables[part] = digit_table(
            resize(images, size),
            digits,
            source=f"USPS, {part} set",
            seed=None,
            sha256=file.sha256,
        )
    return tables


def read_rows(path: Path) -> tuple[Images, Codes]:
    """Read gzipped text, one image a row: the digit, then 256 greys in [-1, 1], -1 is black.

    Returns:
        Images, uint8 `(n, 16, 16)`, and digits, int64 `(n,)`.

    Raises:
        InputError: The file is absent, truncated or empty, or a row is no such image.
    """
    mend = "fetch the file again"
    try:
        with gzip.open(path, "rt", encoding="ascii") as file:
            lines = file.read().splitlines()
    except (EOFError, gzip.BadGzipFile, zlib.error, UnicodeDecodeError) as error:
        raise InputError(path, f"is damaged gzip or no text ({error})", mend=mend) from error
    except OSError as error:
        problem = f"cannot be read ({error.strerror or error})"
        raise InputError(path, problem, mend="check the path") from error
    if not lines:
        raise InputError(path, "is empty", mend=mend)
    rows = np.empty((len(lines), 1 + _SIDE**2))
    for number, line in enumerate(lines):
        try:
            rows[number] = np.array(line.split(), dtype=np.float64).reshape(rows.shape[1])
        except ValueError:
            problem = f"is not {rows.shape[1]} numbers"
            raise InputError(path, problem, field=f"row {number}", mend=mend) from None
    digits, greys = rows[:, 0], rows[:, 1:]
    wrong = ~(np.isin(digits, np.arange(10)) & (np.abs(greys) <= 1).all(axis=1))
    if wrong.any():
        problem = "is not a digit and greys in [-1, 1]"
        raise InputError(path, problem, field=f"row {int(wrong.argmax())}", mend=mend)
    images = np.rint((greys + 1) * 127.5).astype(np.uint8)
    return images.reshape(-1, _SIDE, _SIDE), digits.astype(np.int64)
