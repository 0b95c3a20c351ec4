from __future__ import annotations

import gzip
import hashlib
import struct
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from isthmus.data import mnist
from isthmus.data.download import RemoteFile
from isthmus.data.mnist import read_idx, read_pair
from isthmus.errors import InputError


def idx(array: np.ndarray, shape: tuple[int, ...] | None = None, code: int = 8) -> bytes:
    shape = array.shape if shape is None else shape
    header = struct.pack(f">HBB{len(shape)}I", 0, code, len(shape), *shape)
    return header + array.astype(np.uint8).tobytes()


def zipped(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


ARRAY = np.arange(24).reshape(2, 3, 4)
GOOD = idx(ARRAY)


@given(array=hnp.arrays(np.uint8, hnp.array_shapes(max_dims=4, max_side=5)), gzipped=st.booleans())
def test_idx_round_trip(
    array: np.ndarray, gzipped: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("idx ü") / "images"
    path.write_bytes(zipped(idx(array)) if gzipped else idx(array))
    np.testing.assert_array_equal(read_idx(path), array)


@pytest.mark.parametrize(
    ("content", "field", "problem"),
    [
        (b"", "magic", "no IDX"),
        (b"\0\0\x08", "magic", "no IDX"),
        (b"<html>not found</html>", "magic", "no IDX"),
        (idx(ARRAY, ()), "magic", "no IDX"),
        (idx(ARRAY, code=0x0D), "magic", "0x0d"),
        (GOOD[:13], "dimensions", "cut off"),
        (GOOD[:-1], "dimensions", "only 23"),
        (GOOD + b"x", "dimensions", "more"),
        (idx(ARRAY, (3, 3, 4)), "dimensions", "36 bytes"),
        (idx(ARRAY, (0, 3, 4)), "dimensions", "empty"),
        (idx(ARRAY, (2**32 - 1,) * 3), "dimensions", "only 24"),
        (idx(ARRAY, (1,) * 255), "dimensions", "more"),
        (zipped(GOOD)[:-12], "", "gzip"),
        (zipped(GOOD)[:6], "", "gzip"),
        (zipped(GOOD)[:10] + b"\xff" * 9, "", "gzip"),
        (zipped(GOOD)[:-8] + bytes(8), "", "gzip"),
        (zipped(GOOD) + b"more", "", "gzip"),
    ],
)
def test_idx_refuses(content: bytes, field: str, problem: str, tmp_path: Path) -> None:
    path = tmp_path / "images.gz"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_idx(path)
    assert caught.value.where == str(path)
    assert caught.value.field == field
    assert problem in caught.value.problem
    assert caught.value.mend


def test_idx_memory_follows_the_file_not_its_header(tmp_path: Path) -> None:
    path = tmp_path / "images.gz"
    path.write_bytes(zipped(idx(ARRAY, (60_000, 100, 28, 28))))
    tracemalloc.start()
    with pytest.raises(InputError, match="claims"):
        read_idx(path)
    assert tracemalloc.get_traced_memory()[1] < 10e6
    tracemalloc.stop()


def test_idx_absent_or_a_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "absent", tmp_path):
        with pytest.raises(InputError, match="cannot be read"):
            read_idx(path)


@pytest.mark.parametrize(
    ("images", "labels", "file", "field"),
    [
        (np.zeros((2, 28, 27)), np.zeros(2), "images", "dimensions"),
        (np.zeros(2), np.zeros(2), "images", "dimensions"),
        (np.zeros((2, 28, 28)), np.zeros(3), "labels", "dimensions"),
        (np.zeros((2, 28, 28)), np.zeros((2, 1)), "labels", "dimensions"),
        (np.zeros((2, 28, 28)), np.array([9, 10]), "labels", "row 1"),
    ],
)
def test_a_pair_that_does_not_fit(
    images: np.ndarray, labels: np.ndarray, file: str, field: str, tmp_path: Path
) -> None:
    for name, array in (("images", images), ("labels", labels)):
        (tmp_path / name).write_bytes(idx(array))
    with pytest.raises(InputError) as caught:
        read_pair(tmp_path / "images", tmp_path / "labels")
    assert (caught.value.where, caught.value.field) == (str(tmp_path / file), field)


def test_packaged_digits(tmp_path: Path) -> None:
    tables = mnist.load(32, train_size=4000, seed=3, cache=tmp_path)
    assert {name: len(table) for name, table in tables.items()} == {"train": 4000, "test": 1000}
    for table, share in ((tables["train"], 400), (tables["test"], 100)):
        assert table.shape == (32, 32, 1)
        assert np.bincount(table.factors["digit"]).tolist() == [share] * 10
        border = table.values.copy()
        border[:, 2:-2, 2:-2] = 0
        assert not border.any()
        assert (table.values[:, 12:20, 12:20] > 128).any(axis=(1, 2, 3)).mean() > 0.95
    both = np.concatenate([tables["train"].values, tables["test"].values])
    assert len(np.unique(both.reshape(5000, -1), axis=0)) == 5000
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def small_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A mirror with a small set in the official layout, 30 to train and 20 to test."""
    rng = np.random.default_rng(0)
    for attribute, prefix, rows in (("TRAIN", "train", 30), ("TEST", "t10k", 20)):
        arrays = {
            f"{prefix}-images-idx3-ubyte.gz": rng.integers(256, size=(rows, 28, 28)),
            f"{prefix}-labels-idx1-ubyte.gz": np.arange(rows) % 10,
        }
        remote = []
        for old, (name, array) in zip(getattr(mnist, attribute), arrays.items(), strict=True):
            assert old.name == name
            content = zipped(idx(array))
            path = tmp_path / "mnist" / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
            sha256 = hashlib.sha256(content).hexdigest()
            remote.append(replace(old, urls=(), sha256=sha256))
        monkeypatch.setattr(mnist, attribute, tuple(remote))
    return tmp_path


def load_small(small: Path, **changes: Any) -> dict[str, Any]:
    settings = {"train": "official", "test": "official", "train_size": None, "seed": 0} | changes
    return mnist.load(28, cache=small / "cache", mirror=str(small), **settings)


def test_official_files(small_files: Path) -> None:
    tables = load_small(small_files)
    assert [len(tables[part]) for part in ("train", "test")] == [30, 20]
    path = small_files / "mnist" / mnist.TEST[0].name
    np.testing.assert_array_equal(tables["test"].values[..., 0], read_idx(path))
    assert tables["test"].sha256 == mnist.TEST[0].sha256
    fewer = load_small(small_files, train_size=10)
    assert np.bincount(fewer["train"].factors["digit"]).tolist() == [1] * 10
    np.testing.assert_array_equal(fewer["test"].values, tables["test"].values)
    mixed = load_small(small_files, train="packaged", train_size=100)
    assert [len(mixed[part]) for part in ("train", "test")] == [100, 20]


def test_official_files_that_are_absent(tmp_path: Path, small_files: Path) -> None:
    (small_files / "mnist" / mnist.TEST[1].name).unlink()
    with pytest.raises(InputError, match="t10k-labels"):
        load_small(small_files)


def test_sizes_keep_the_digits_share_of_the_frame(small_files: Path) -> None:
    original = load_small(small_files)["test"].values[..., 0]

    def at(size: int) -> np.ndarray:
        settings = {"train": "official", "test": "official", "train_size": None}
        tables = mnist.load(size, seed=0, cache=small_files, mirror=str(small_files), **settings)
        return tables["test"].values[..., 0]

    np.testing.assert_array_equal(at(32)[:, 2:-2, 2:-2], original)
    blocks = at(32).reshape(20, 16, 2, 16, 2).mean(axis=(2, 4))
    assert np.abs(at(16) - blocks).max() <= 1
    assert at(31).shape == (20, 31, 31)
    np.testing.assert_array_equal(at(31)[:, 1:-2, 1:-2], original)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"size": 4}, "size"),
        ({"size": 1000}, "size"),
        ({"train": "official"}, "test"),
        ({"train_size": None}, "train_size"),
        ({"train_size": 5}, "train_size"),
        ({"train_size": 4995}, "train_size"),
        ({"train_size": 5000}, "train_size"),
        ({"train_size": -1}, "train_size"),
    ],
)
def test_settings_that_make_no_sense(changes: dict[str, Any], field: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        mnist.load(**({"size": 16, "seed": 0, "cache": tmp_path} | changes))
    assert caught.value.field == field


def test_official_addresses_are_pinned() -> None:
    files: list[RemoteFile] = [*mnist.TRAIN, *mnist.TEST]
    assert all(len(file.sha256) == 64 and len(file.urls) == 2 for file in files)
    assert all(url.endswith(f"/mnist/{file.name}") for file in files for url in file.urls)
