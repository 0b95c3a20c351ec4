from __future__ import annotations

import errno
import hashlib
import os
import random
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from isthmus.data import download
from isthmus.data.download import MIRROR_VARIABLE, RemoteFile, fetch
from isthmus.errors import InputError

BODY = random.Random(0).randbytes(1 << 18)
NAME = "ziffern größer #1.gz"
FILE = RemoteFile(NAME, "my digits", (), hashlib.sha256(BODY).hexdigest())


@dataclass
class Server:
    """What each request gets, in turn; the last answer is repeated."""

    address: str = ""
    answers: list[str] = field(default_factory=list)
    seen: list[tuple[str, str | None]] = field(default_factory=list)

    def file(self, *answers: str) -> RemoteFile:
        self.answers = list(answers)
        return replace(FILE, urls=(f"{self.address}/public/file",))

    def next_answer(self) -> str:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range")
            state.seen.append((unquote(self.path), asked))
            assert self.headers["Accept-Encoding"] == "identity"
            answer = state.next_answer()
            if answer.isdigit():
                self.send_error(int(answer))
                return
            start = 0
            if asked is not None and answer in ("whole", "half", "drop"):
                start = int(asked.removeprefix("bytes=").removesuffix("-"))
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{len(BODY) - 1}/{len(BODY)}")
            else:
                self.send_response(200)
            body = b"an error page" if answer == "wrong" else BODY[start:]
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if answer in ("half", "half without range"):
                self.wfile.write(body[: len(body) // 2])
            elif answer != "drop":
                self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        state.address = f"http://127.0.0.1:{running.server_address[1]}"
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield state
        running.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def _quick_and_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "RETRY_PAUSES", (0.0, 0.0))
    monkeypatch.delenv(MIRROR_VARIABLE, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "der große cache"


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    folder = tmp_path / "mein spiegel é" / FILE.folder
    folder.mkdir(parents=True)
    (folder / NAME).write_bytes(BODY)
    return folder.parent


def left_in(cache: Path) -> list[str]:
    return [path.name for path in cache.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("answers", "shares"),
    [
        (["whole"], [0]),
        (["500", "503", "whole"], [0, 0, 0]),
        (["drop", "whole"], [0, 0]),
        (["half", "whole"], [0, 1 / 2]),
        (["half", "half", "whole"], [0, 1 / 2, 3 / 4]),
        (["half", "429", "whole"], [0, 1 / 2, 1 / 2]),
        (["half", "whole without range"], [0, 1 / 2]),
        (["half without range", "half without range", "whole without range"], [0, 1 / 2, 1 / 2]),
    ],
)
def test_a_broken_download_is_taken_up_again(
    server: Server, cache: Path, answers: list[str], shares: list[float]
) -> None:
    path = fetch(server.file(*answers), cache)
    assert path == cache / FILE.folder / NAME
    assert path.read_bytes() == BODY
    assert left_in(cache) == [NAME]
    asked = [f"bytes={int(share * len(BODY))}-" if share else None for share in shares]
    assert [header for _, header in server.seen] == asked


@pytest.mark.parametrize(
    ("answers", "requests", "reason"),
    [
        (["404"], 1, "404"),
        (["403"], 1, "403"),
        (["500"], 3, "500"),
        (["drop"], 3, "ChunkedEncodingError"),
        (["half without range"], 3, "ChunkedEncodingError"),
        (["wrong"], 1, FILE.sha256),
    ],
)
def test_a_failed_download_leaves_nothing(
    server: Server, cache: Path, answers: list[str], requests: int, reason: str
) -> None:
    with pytest.raises(InputError) as caught:
        fetch(server.file(*answers), cache)
    assert reason in caught.value.problem
    assert server.address in caught.value.problem
    assert len(server.seen) == requests
    assert left_in(cache) == []


def test_wrong_bytes_name_both_checksums(server: Server, cache: Path) -> None:
    found = hashlib.sha256(b"an error page").hexdigest()
    for answers in (["wrong"], ["half", "wrong"]):
        with pytest.raises(InputError, match=rf"{FILE.sha256}.*{found}"):
            fetch(server.file(*answers), cache)


def test_addresses_are_tried_in_turn(server: Server, cache: Path) -> None:
    urls = tuple(f"{server.address}/{name}" for name in "abc")
    server.answers = ["404", "wrong", "whole"]
    assert fetch(replace(FILE, urls=urls), cache).read_bytes() == BODY
    assert [path for path, _ in server.seen] == ["/a", "/b", "/c"]


def test_the_cache_needs_no_network_and_is_checked(server: Server, cache: Path) -> None:
    path = fetch(server.file("whole"), cache)
    assert fetch(server.file("500"), cache) == path
    assert len(server.seen) == 1
    path.write_bytes(b"mine")
    with pytest.raises(InputError) as caught:
        fetch(server.file("whole"), cache)
    assert caught.value.where == str(path)
    assert FILE.sha256 in caught.value.problem
    assert hashlib.sha256(b"mine").hexdigest() in caught.value.problem
    assert path.read_bytes() == b"mine"


@pytest.mark.parametrize("as_", ["folder", "file address", "variable"])
def test_a_mirror_folder_is_used_in_place(
    server: Server, cache: Path, mirror: Path, as_: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    argument: str | None = mirror.as_uri() if as_ == "file address" else str(mirror)
    if as_ == "variable":
        monkeypatch.setenv(MIRROR_VARIABLE, str(mirror))
        argument = None
    assert fetch(server.file("whole"), cache, argument) == mirror / FILE.folder / NAME
    assert server.seen == []
    assert not cache.exists()


def test_the_argument_goes_before_the_variable(
    cache: Path, mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(MIRROR_VARIABLE, str(tmp_path / "elsewhere"))
    assert fetch(FILE, cache, str(mirror)).is_relative_to(mirror)


def test_a_mirror_address(server: Server, cache: Path) -> None:
    server.answers = ["half", "whole"]
    path = fetch(FILE, cache, f"{server.address}/data/")
    assert path.read_bytes() == BODY
    assert {asked for asked, _ in server.seen} == {f"/data/{FILE.folder}/{NAME}"}


def test_a_mirror_without_the_file_gives_way(server: Server, cache: Path, tmp_path: Path) -> None:
    assert fetch(server.file("whole"), cache, str(tmp_path)).read_bytes() == BODY
    server.answers = ["404", "whole"]
    urls = (f"{server.address}/public",)
    path = fetch(replace(FILE, urls=urls), tmp_path / "other", server.address)
    assert path.read_bytes() == BODY


def test_wrong_bytes_in_a_mirror_are_an_error(server: Server, cache: Path, mirror: Path) -> None:
    mirrored = mirror / FILE.folder / NAME
    mirrored.write_bytes(b"mine")
    with pytest.raises(InputError) as caught:
        fetch(server.file("whole"), cache, str(mirror))
    assert caught.value.where == str(mirrored)
    assert FILE.sha256 in caught.value.problem
    assert hashlib.sha256(b"mine").hexdigest() in caught.value.problem
    assert mirrored.read_bytes() == b"mine"
    with pytest.raises(InputError, match="expected sha256"):
        fetch(server.file("wrong"), cache, server.address)
    assert left_in(cache) == []


def test_offline_the_message_says_what_to_put_where(cache: Path, tmp_path: Path) -> None:
    file = replace(FILE, urls=("http://127.0.0.1:9/file",))
    mirror = tmp_path / "empty"
    with pytest.raises(InputError) as caught:
        fetch(file, cache, str(mirror))
    assert caught.value.where == f"{FILE.folder}/{NAME}"
    assert str(mirror) in caught.value.problem
    assert "ConnectionError" in caught.value.problem
    for part in (FILE.sha256, cache / FILE.folder / NAME, mirror / FILE.folder / NAME):
        assert str(part) in caught.value.mend
    assert f"{MIRROR_VARIABLE} set to {mirror}" in caught.value.mend
    assert not list(tmp_path.rglob("*.part"))
    with pytest.raises(InputError, match=f"MIRROR/.*{MIRROR_VARIABLE} set to MIRROR"):
        fetch(file, cache)


def test_a_full_disk_stops_the_download(
    server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError) as caught:
        fetch(server.file("whole"), cache)
    assert caught.value.where == str(cache / FILE.folder)
    assert "No space left" in caught.value.problem
    assert len(server.seen) == 1
    assert left_in(cache) == []


def test_a_cache_that_cannot_be_written(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match="cannot write"):
        fetch(server.file("whole"), tmp_path / "file" / "cache")


def test_progress_on_a_terminal(
    server: Server,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fetch(server.file("whole"), cache)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    fetch(server.file("half", "whole"), cache.with_name("other"))
    assert "100%" in capsys.readouterr().err
