"""Source files: from the cache, from a data mirror, or from their public addresses."""

from __future__ import annotations

import hashlib
import os
import sys
import time
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path
from urllib.parse import quote, urlsplit
from urllib.request import url2pathname

import requests
from pooch import HTTPDownloader

from isthmus.data.files import write_atomically
from isthmus.errors import InputError

MIRROR_VARIABLE = "ISTHMUS_DATA_MIRROR"
RETRY_PAUSES = (0.5, 1.5)
"""Seconds to wait before each further attempt at one address."""
TIMEOUTS = (10, 60)
"""Seconds to wait for a connection, and for the next bytes."""


@dataclass(frozen=True)
class RemoteFile:
    """A file that is downloaded once and always checked.

    Attributes:
        name: The file's name.
        folder: The folder it lives in, under the cache and under a mirror.
        urls: Its public addresses, in the order in which they are tried.
        sha256: The checksum of its bytes, lower-case hexadecimal.
    """

    name: str
    folder: str
    urls: tuple[str, ...]
    sha256: str


class _WrongChecksumError(InputError):
    pass


def fetch(file: RemoteFile, cache: Path, mirror: str | None = None) -> Path:
    """The path of a file whose checksum is right.

    A file in the cache is used first, then the mirror, then the public addresses in turn. A file in
    a mirror folder is used where it lies; what comes over the network is stored in the cache, at
    `<cache>/<folder>/<name>`, once it is complete. A connection that breaks is taken up again where
    it broke, a few times. An existing file is never changed or removed.

    Args:
        file: What to fetch.
        cache: The folder for downloads.
        mirror: A folder or an http, https or file address that holds `<folder>/<name>`; by default
            the value of the environment variable `ISTHMUS_DATA_MIRROR`, if it is set.

    Raises:
        InputError: The cached or mirrored file has another checksum; or the file is nowhere to be
            had, and the message says where to put it; or the cache cannot be written.
    """
    cached = Path(cache) / file.folder / file.name
    if cached.exists():
        return _checked(cached, file)
    mirror = mirror or os.environ.get(MIRROR_VARIABLE) or None
    failures = []
    if mirror is not None:
        try:
            folder = _local_folder(mirror)
            if folder is not None:
                return _checked(folder / file.folder / file.name, file)
            url = f"{mirror.rstrip('/')}/{quote(file.folder)}/{quote(file.name)}"
            return _download(url, cached, file)
        except OSError as error:
            failures.append(f"mirror {mirror}: {_reason(error)}")
    for url in file.urls:
        try:
            return _download(url, cached, file)
        except _WrongChecksumError as error:
            failures.append(f"{url}: {error.problem}")
        except OSError as error:
            failures.append(f"{url}: {_reason(error)}")
    mirrored = Path((mirror and _local_folder(mirror)) or "MIRROR") / file.folder / file.name
    raise InputError(
        f"{file.folder}/{file.name}",
        f"could not be fetched ({'; '.join(failures) or 'it has no public address'})",
        mend=f"put the file with sha256 {file.sha256} at {cached}, or at {mirrored} with "
        f"{MIRROR_VARIABLE} set to {mirrored.parents[1]}",
    )


def _local_folder(mirror: str) -> Path | None:
    parts = urlsplit(mirror)
    if parts.scheme in ("http", "https"):
        return None
    return Path(url2pathname(parts.path) if parts.scheme == "file" else mirror).expanduser()


def _checked(path: Path, file: RemoteFile) -> Path:
    with path.open("rb") as stored:
        _check(stored, str(path), file)
    return path


def _check(stored: BufferedIOBase, where: str, file: RemoteFile) -> None:
    found = hashlib.file_digest(stored, "sha256").hexdigest()
    if found != file.sha256:
        raise _WrongChecksumError(
            where,
            f"expected sha256 {file.sha256}, found {found}",
            mend="replace the file, or remove it so that it is fetched again",
        )


def _download(url: str, target: Path, file: RemoteFile) -> Path:
    with write_atomically(target) as partial:
        for pause in (*RETRY_PAUSES, None):
            try:
                _request(url, partial)
                break
            except requests.RequestException as error:
                if pause is None or not _transient(error):
                    raise
                time.sleep(pause)
        partial.seek(0)
        _check(partial, url, file)
    return target


def _request(url: str, partial: BufferedIOBase) -> None:
    """Append what is missing to a partial file, or start it again if the server sends it all."""

    def start_again(response: requests.Response, **_: object) -> None:
        if response.status_code == 200:
            partial.seek(0)
            partial.truncate()

    done = partial.seek(0, os.SEEK_END)
    download = HTTPDownloader(
        progressbar=sys.stderr.isatty(),
        chunk_size=1 << 16,
        timeout=TIMEOUTS,
        headers={"Accept-Encoding": "identity"} | ({"Range": f"bytes={done}-"} if done else {}),
        hooks={"response": start_again},
    )
    download(url, partial, None)


def _transient(error: requests.RequestException) -> bool:
    return error.response is None or error.response.status_code in (408, 429, 500, 502, 503, 504)


def _reason(error: OSError) -> str:
    response = getattr(error, "response", None)
    if response is not None:
        return f"HTTP status {response.status_code}"
    return error.strerror or type(error).__name__
