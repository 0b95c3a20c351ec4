"""Folders that a user names."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from isthmus.errors import InputError


def made_folder(path: str | PathLike[str]) -> Path:
    """A folder to write into, made if absent.

    Raises:
        InputError: A file is in its place, or it cannot be made.
    """
    path = Path(path)
    if path.is_file():
        raise InputError(path, "is a file", mend="give a folder")
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        problem = f"cannot be made ({error.strerror or error})"
        raise InputError(path, problem, mend="choose another folder") from error
    return path
