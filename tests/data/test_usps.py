from __future__ import annotations

import gzip
import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from isthmus.data import usps
from isthmus.errors import InputError


def row(digit: str = "3.0000", first: str = "-1", count: int = 256) -> str:
    return " ".join([digit, first, *["0.5"] * (count - 1)]) + " \n"


def zipped(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def test_grey_levels(tmp_path: Path) -> None:
    path = tmp_path / "zip größe.gz"
    path.write_bytes(zipped((row() + row("9", "1") + row("0", "0")).encode()))
    images, digits = usps.read_rows(path)
    assert (images.dtype, images.shape, digits.tolist()) == (np.uint8, (3, 16, 16), [3, 9, 0])
    assert images[:, 0, 0].tolist() == [0, 255, 128]
    assert images[0, 0, 1] == np.rint(1.5 * 127.5)


@pytest.mark.parametrize(
    ("content", "field", "problem"),
    [
        (zipped(b""), "", "empty"),
        (b"plain text", "", "gzip"),
        (zipped(row().encode())[:-9], "", "gzip"),
        (zipped("3 \u00e9".encode()), "", "no text"),
        (zipped((row() + row(count=255)).encode()), "row 1", "257 numbers"),
        (zipped((row() + row() + "\n").encode()), "row 2", "257 numbers"),
        (zipped((row() + "7\n").encode()), "row 1", "257 numbers"),
        (zipped(row(first="x").encode()), "row 0", "257 numbers"),
        (zipped((row() + row("10")).encode()), "row 1", "digit"),
        (zipped((row() + row("2.5")).encode()), "row 1", "digit"),
        (zipped((row() + row(first="1.01")).encode()), "row 1", "digit"),
        (zipped((row() + row(first="-1.01")).encode()), "row 1", "digit"),
        (zipped((row() + row(first="nan")).encode()), "row 1", "digit"),
        (zipped((row() + row(first="inf")).encode()), "row 1", "digit"),
    ],
)
def test_rows_are_refused(content: bytes, field: str, problem: str, tmp_path: Path) -> None:
    path = tmp_path / "zip.gz"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        usps.read_rows(path)
    assert (caught.value.where, caught.value.field) == (str(path), field)
    assert problem in caught.value.problem


def test_an_absent_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        usps.read_rows(tmp_path / "absent.gz")


def test_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {}
    for part, text in (("train", row("1") * 4), ("test", row("2") * 3)):
        content = zipped(text.encode())
        path = tmp_path / "usps" / usps.FILES[part].name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        sha256 = hashlib.sha256(content).hexdigest()
        files[part] = replace(usps.FILES[part], urls=(), sha256=sha256)
    monkeypatch.setattr(usps, "FILES", files)
    tables = usps.load(32, cache=tmp_path / "cache", mirror=str(tmp_path))
    assert {part: table.values.shape for part, table in tables.items()} == {
        "train": (4, 32, 32, 1),
        "test": (3, 32, 32, 1),
    }
    assert set(tables["test"].factors["digit"]) == {2}
    assert tables["train"].sha256 == files["train"].sha256
    plain = usps.load(16, cache=tmp_path / "cache", mirror=str(tmp_path))["test"]
    np.testing.assert_array_equal(
        plain.values[..., 0], usps.read_rows(tmp_path / "usps" / files["test"].name)[0]
    )
    with pytest.raises(InputError, match="size"):
        usps.load(3, cache=tmp_path, mirror=str(tmp_path))
