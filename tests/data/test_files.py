from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from isthmus.data.files import write_atomically
from isthmus.errors import InputError


def test_a_file_appears_only_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "größe.bin"
    with write_atomically(path) as file:
        file.write(b"whole")
        assert not path.exists()
    assert path.read_bytes() == b"whole"
    assert [entry.name for entry in path.parent.iterdir()] == ["größe.bin"]


def test_the_file_has_the_mode_of_any_new_file(tmp_path: Path) -> None:
    with write_atomically(tmp_path / "a") as file:
        file.write(b"x")
    (tmp_path / "b").write_bytes(b"x")
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in "ab"]
    assert modes[0] == modes[1]


@pytest.mark.parametrize("interruption", [RuntimeError("stop"), KeyboardInterrupt()])
def test_an_interrupted_write_keeps_the_old_file(
    tmp_path: Path, interruption: BaseException
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def write() -> None:
        with write_atomically(path) as file:
            file.write(b"half")
            raise interruption

    with pytest.raises(type(interruption)):
        write()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_a_full_disk_names_the_folder_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, code: int
) -> None:
    def full(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, call, full)
    with pytest.raises(InputError) as caught, write_atomically(tmp_path / "file") as file:
        file.write(b"data")
    assert caught.value.where == str(tmp_path)
    assert os.strerror(code) in caught.value.problem
    assert "file" in caught.value.problem
    assert caught.value.mend
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"mine")
    with pytest.raises(InputError) as caught, write_atomically(tmp_path / "file" / "x" / "y"):
        pass
    assert caught.value.where == str(tmp_path / "file" / "x")
    assert (tmp_path / "file").read_bytes() == b"mine"


def test_a_folder_in_the_place_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(InputError) as caught, write_atomically(tmp_path / "taken") as file:
        file.write(b"data")
    assert "taken" in caught.value.problem
    assert [entry.name for entry in tmp_path.iterdir()] == ["taken"]


def test_other_errors_of_the_block_stay_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), write_atomically(tmp_path / "file"):
        (tmp_path / "absent").read_bytes()
    assert list(tmp_path.iterdir()) == []
