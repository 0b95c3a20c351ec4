from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.data import shapes3d
from isthmus.data.shapes3d import FACTORS, SPLITS, counterfactual, from_index, split, to_index
from isthmus.errors import InputError
from isthmus.metrics.correctness import Role
from isthmus.metrics.score_files import DATASETS

ROWS = 480_000
DOMAINS: tuple[Any, Any] = ("a", "b")
DIRECTIONS: tuple[Any, Any] = ("a2b", "b2a")


@given(st.lists(st.integers(0, ROWS - 1), min_size=1, max_size=50))
def test_the_index_is_a_bijection(rows: list[int]) -> None:
    factors = from_index(np.array(rows))
    floor, wall, body, scale, shape, orientation = factors.values()
    by_hand = ((((floor * 10 + wall) * 10 + body) * 8 + scale) * 4 + shape) * 15 + orientation
    assert by_hand.tolist() == rows
    assert to_index(factors).tolist() == rows


def test_rows_of_the_released_labels() -> None:
    # The first images of domain A: their file names, and floor, wall, object, size, shape, angle.
    factors = from_index(np.array([300, 315, 330, 345, 780]))
    assert np.stack(list(factors.values()), axis=1).tolist() == [
        [0, 0, 0, 5, 0, 0],
        [0, 0, 0, 5, 1, 0],
        [0, 0, 0, 5, 2, 0],
        [0, 0, 0, 5, 3, 0],
        [0, 0, 1, 5, 0, 0],
    ]


@pytest.mark.parametrize("rows", [[ROWS], [-1], [0.5]])
def test_rows_out_of_range(rows: list[float]) -> None:
    with pytest.raises(InputError, match="index"):
        from_index(np.array(rows))


def test_levels() -> None:
    assert tuple(map(len, FACTORS.values())) == shapes3d.COUNTS == (10, 10, 10, 8, 4, 15)
    assert (shapes3d.SCALES[0], shapes3d.SCALES[7]) == (0.75, pytest.approx(1.25))
    assert shapes3d.SCALES[5] == pytest.approx(1.107, abs=1e-3)
    assert shapes3d.ORIENTATIONS[::7] == (-30, pytest.approx(0), pytest.approx(30))


@pytest.mark.parametrize("name", SPLITS)
def test_every_factor_has_one_role(name: str) -> None:
    chosen = SPLITS[name]
    assert {*chosen.shared, *chosen.specific["a"], *chosen.specific["b"]} == set(FACTORS)
    assert chosen.fixed["a"].keys() == set(chosen.specific["b"])
    assert chosen.fixed["b"].keys() == set(chosen.specific["a"])
    roles = DATASETS[name].roles.values()
    wanted = {Role.SHARED: chosen.shared, Role.A: chosen.specific["a"]}
    for role, factors in wanted.items():
        columns = [factor for factor, other in zip(FACTORS, roles) if other is role]
        assert columns == sorted(factors, key=list(FACTORS).index)


def test_the_first_split_is_the_released_one() -> None:
    fixed = SPLITS["shapes3d-a"].fixed
    released = dict(DATASETS["shapes3d-a"].fixed)
    assert {**fixed["a"], **fixed["b"]} == {"scale": released.pop("size"), **released}


def test_every_factor_is_shared_once() -> None:
    shared = [factor for chosen in SPLITS.values() for factor in chosen.shared]
    assert sorted(shared) == sorted(FACTORS)


@pytest.mark.parametrize(
    ("name", "a", "b"),
    [("shapes3d-a", 3960, 4760), ("shapes3d-b", 3120, 11920), ("shapes3d-c", 11850, 5850)],
)
def test_domains(name: str, a: int, b: int) -> None:
    chosen, found = SPLITS[name], {}
    for domain, size in zip(DOMAINS, (a, b)):
        factors = split(name, domain, seed=3)
        found[domain] = set(to_index(factors).tolist())
        assert len(found[domain]) == len(factors["shape"]) == size
        for factor, levels in FACTORS.items():
            fixed = chosen.fixed[domain].get(factor)
            wanted = range(len(levels)) if fixed is None else [fixed]
            assert np.unique(factors[factor]).tolist() == list(wanted)
    assert not found["a"] & found["b"]


def test_a_draw_depends_on_the_seed_and_begins_a_larger_one() -> None:
    first = to_index(split("shapes3d-a", "b", count=40, seed=0))
    longer = to_index(split("shapes3d-a", "b", count=90, seed=0))
    other = to_index(split("shapes3d-a", "b", count=40, seed=1))
    assert first.tolist() == longer[:40].tolist() != other.tolist()


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("name", SPLITS)
def test_counterfactual(name: str, direction: Any) -> None:
    chosen = SPLITS[name]
    sides = {domain: split(name, domain, count=300, seed=5) for domain in DOMAINS}
    source, target = direction.split("2")
    right = counterfactual(sides["a"], sides["b"], name, direction)
    assert list(right) == list(FACTORS)
    for factor in chosen.shared:
        np.testing.assert_array_equal(right[factor], sides[source][factor])
    for factor in chosen.specific[target]:
        np.testing.assert_array_equal(right[factor], sides[target][factor])
    for factor in chosen.specific[source]:
        assert set(right[factor].tolist()) == {chosen.fixed[target][factor]}
    domain = set(to_index(split(name, target, seed=0)).tolist())
    assert set(to_index(right).tolist()) <= domain


def test_two_translations_lead_back() -> None:
    a, b = (split("shapes3d-c", domain, count=200, seed=2) for domain in DOMAINS)
    there = counterfactual(a, b, "shapes3d-c", "a2b")
    back = counterfactual(a, there, "shapes3d-c", "b2a")
    assert to_index(back).tolist() == to_index(a).tolist()


IMAGE = {factor: np.array([0]) for factor in FACTORS}
TWO: dict[str, Any] = {factor: np.array([0, 1]) for factor in FACTORS}


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda: split("shapes3d-d", "a", seed=0), "split"),
        (lambda: split("shapes3d-a", "c", seed=0), "domain"),  # type: ignore[arg-type]
        (lambda: split("shapes3d-a", "a", count=3961, seed=0), "count"),
        (lambda: split("shapes3d-a", "a", count=0, seed=0), "count"),
        (lambda: counterfactual(IMAGE, IMAGE, "3DS", "a2b"), "split"),
        (lambda: counterfactual(IMAGE, IMAGE, "shapes3d-a", "a"), "direction"),  # type: ignore[arg-type]
        (lambda: counterfactual(IMAGE, TWO, "shapes3d-a", "a2b"), "pairs"),
        (lambda: to_index(IMAGE | {"shape": np.array([4])}), "shape"),
        (lambda: to_index({"shape": np.array([3])}), "floor_hue"),
        (lambda: shapes3d.load(IMAGE, 28, cache=Path()), "size"),
    ],
)
def test_bad_arguments(call: Callable[[], Any], field: str) -> None:
    with pytest.raises(InputError) as caught:
        call()
    assert caught.value.field == field


class SparseArray:
    """An array as an HDF5 file has it, of which a few rows are not zero."""

    def __init__(self, shape: tuple[int, ...], dtype: Any, rows: dict[int, Any]) -> None:
        self.shape, self.dtype, self.rows = shape, np.dtype(dtype), rows
        self.chunks = (5000, *shape[1:]) if len(shape) > 2 else None
        self.reads: list[int] = []

    def __getitem__(self, part: slice) -> Any:
        start, stop, _ = part.indices(self.shape[0])
        self.reads.append(start)
        values = np.zeros((stop - start, *self.shape[1:]), self.dtype)
        for row, value in self.rows.items():
            if start <= row < stop:
                values[row - start] = value
        return values


@dataclass
class Store:
    """What a file holds; `write` makes one that the installed h5py, or a stand-in, can open."""

    arrays: dict[str, SparseArray]
    real: bool
    patch: pytest.MonkeyPatch

    def write(self, path: Path) -> Path:
        if self.real:
            import h5py

            with h5py.File(path, "w") as file:
                for name, array in self.arrays.items():
                    chunks = (50, *array.shape[1:])
                    stored = file.create_dataset(name, array.shape, array.dtype, chunks=chunks)
                    for row, value in array.rows.items():
                        stored[row] = value
            return path
        path.write_bytes(b"stand-in")
        self.patch.setitem(sys.modules, "h5py", SimpleNamespace(File=self.open))
        return path

    def open(self, path: Path, mode: str) -> Store:
        assert mode == "r"
        if not path.exists():
            raise FileNotFoundError(path)
        if path.read_bytes() != b"stand-in":
            raise OSError("file signature not found")
        return self

    def __enter__(self) -> dict[str, SparseArray]:
        return self.arrays

    def __exit__(self, *_: object) -> None:
        pass


CHOSEN = np.array([470_123, 7, 300, 299_999, 4999, 5000, 7])


def stored_image(row: int) -> Any:
    return np.random.default_rng(row).integers(256, size=(64, 64, 3), dtype=np.uint8)


def stored_label(row: int) -> list[float]:
    floor, wall, body, scale, shape, orientation = (
        int(codes[0]) for codes in from_index(np.array([row])).values()
    )
    angle = np.linspace(-30, 30, 15)[orientation]
    return [floor / 10, wall / 10, body / 10, np.linspace(0.75, 1.25, 8)[scale], shape, angle]


@pytest.fixture(params=["stand-in", *(["h5py"] if importlib.util.find_spec("h5py") else [])])
def store(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Store:
    images = {int(row): stored_image(row) for row in CHOSEN}
    labels = {int(row): stored_label(row) for row in CHOSEN}
    arrays = {
        "images": SparseArray((ROWS, 64, 64, 3), np.uint8, images),
        "labels": SparseArray((ROWS, 6), np.float64, labels),
    }
    return Store(arrays, request.param == "h5py", monkeypatch)


def test_load_the_real_file(store: Store, tmp_path: Path) -> None:
    path = store.write(tmp_path / "3dshapes größe.h5")
    factors = from_index(CHOSEN)
    table = shapes3d.load(factors, 64, path=path, cache=tmp_path)
    np.testing.assert_array_equal(table.values, [stored_image(row) for row in CHOSEN])
    assert list(table.levels) == list(FACTORS)
    assert to_index(table.factors).tolist() == CHOSEN.tolist()
    assert table.sha256 is not None
    if not store.real:
        assert sorted(store.arrays["images"].reads) == [0, 5000, 295_000, 470_000]


@pytest.mark.parametrize("size", [32, 16])
def test_smaller_images_are_area_averages(size: int, store: Store, tmp_path: Path) -> None:
    path = store.write(tmp_path / "3dshapes.h5")
    table = shapes3d.load(from_index(CHOSEN[:2]), size, path=path, cache=tmp_path)
    block = 64 // size
    corner = stored_image(CHOSEN[1])[block : 2 * block, :block].astype(float).mean(axis=(0, 1))
    assert table.values.shape == (2, size, size, 3)
    np.testing.assert_array_equal(table.values[1, 1, 0], np.rint(corner))


def test_load_from_a_mirror(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shapes3d").mkdir()
    path = store.write(tmp_path / "shapes3d" / "3dshapes.h5")
    sha256 = shapes3d.hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setattr(shapes3d, "FILE", replace(shapes3d.FILE, urls=(), sha256=sha256))
    arguments: Any = {"cache": tmp_path / "cache", "mirror": str(tmp_path)}
    assert shapes3d.load(from_index([300]), 64, **arguments).sha256 == sha256
    path.write_bytes(b"other")
    with pytest.raises(InputError, match="sha256"):
        shapes3d.load(from_index([300]), 64, **arguments)


def shift_label(store: Store) -> None:
    store.arrays["labels"].rows[300][3] += 0.0714


@pytest.mark.parametrize(
    ("damage", "field", "problem"),
    [
        (lambda store: store.arrays.pop("images"), "", "images"),
        (lambda store: store.arrays.pop("labels"), "", "labels"),
        (
            lambda store: store.arrays.update(images=SparseArray((99, 64, 64, 3), np.uint8, {})),
            "images",
            "480000",
        ),
        (
            lambda store: store.arrays.update(labels=SparseArray((ROWS, 5), np.float64, {})),
            "labels",
            "480000, 6",
        ),
        (
            lambda store: store.arrays.update(
                images=SparseArray((ROWS, 64, 64, 3), np.float32, {})
            ),
            "images",
            "float32",
        ),
        (shift_label, "labels, row 300", "1.1071"),
    ],
)
def test_other_layouts_are_refused(
    damage: Callable[[Store], Any], field: str, problem: str, store: Store, tmp_path: Path
) -> None:
    damage(store)
    path = store.write(tmp_path / "3dshapes.h5")
    with pytest.raises(InputError) as caught:
        shapes3d.load(from_index(CHOSEN), 64, path=path, cache=tmp_path)
    assert (caught.value.where, caught.value.field) == (str(path), field)
    assert problem in caught.value.problem


def test_damaged_and_absent_files(store: Store, tmp_path: Path) -> None:
    path = store.write(tmp_path / "3dshapes.h5")
    path.write_bytes(b"no HDF5")
    with pytest.raises(InputError, match="readable HDF5"):
        shapes3d.load(IMAGE, 64, path=path, cache=tmp_path)
    path.unlink()
    with pytest.raises(InputError, match="does not exist"):
        shapes3d.load(IMAGE, 64, path=path, cache=tmp_path)


def test_without_h5py_nothing_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    monkeypatch.setattr(shapes3d, "fetch", lambda *_: pytest.fail("fetched"))
    with pytest.raises(InputError, match=r"needs the package h5py.*pip install h5py"):
        shapes3d.load(IMAGE, 64, cache=tmp_path)
