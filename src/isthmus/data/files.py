"""Files that are either complete or absent."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedRandom
from os import PathLike
from pathlib import Path

from isthmus.errors import InputError

_STORAGE_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO}


def refuse_inputs(out: str | PathLike[str], *inputs: str | PathLike[str]) -> None:
    """Refuse an output, a file or a folder, that is one of the inputs.

    Raises:
        InputError: It is.
    """
    if Path(out).resolve() in [Path(each).resolve() for each in inputs]:
        raise InputError(out, "is one of the inputs", mend="name another output")


@contextmanager
def write_atomically(path: str | PathLike[str]) -> Iterator[BufferedRandom]:
    """Open a file for writing that appears under its name only when it is complete.

    What is written goes to a temporary file in the same folder (made if absent), which is flushed
    to the disk and renamed at the end of the `with` block. Whatever interrupts the block, the
    temporary file is removed and a file that was there before is left as it was.

    Args:
        path: The file to write, replaced if it exists.

    Yields:
        The open binary file, readable and writable; its `name` is the temporary path.

    Raises:
        InputError: The folder cannot be written, or the disk is full.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name[:200]}.{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = temporary.open("x+b")
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        if error.errno in _STORAGE_ERRORS or error.filename == str(temporary):
            raise _unwritable(path, error) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


def _unwritable(path: Path, error: OSError) -> InputError:
    return InputError(
        path.parent,
        f"cannot write {path.name} here ({error.strerror or error})",
        mend="free space, make the folder writable, or choose another folder",
    )
