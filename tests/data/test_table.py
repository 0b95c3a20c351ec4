from __future__ import annotations

import json
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from isthmus.data import table as module
from isthmus.data.table import Table, read_table, write_table
from isthmus.errors import InputError


def image_table(rows: int = 5) -> Table:
    rng = np.random.default_rng(0)
    return Table(
        kind="images",
        values=rng.integers(256, size=(rows, 4, 3, 2)).astype(np.uint8),
        factors={"digit": np.arange(rows) % 3},
        levels={"digit": ("zero", "one", "zwölf")},
        measures={"angle": rng.normal(size=rows)},
        value_range=(0.0, 255.0),
        source="test images",
        seed=7,
        sha256="ab" * 32,
    )


def point_table(rows: int = 5, dtype: str = "float32") -> Table:
    values = np.random.default_rng(1).normal(size=(rows, 2)).astype(dtype)
    return Table(kind="points", values=values, source="test points")


def assert_same(one: Table, other: Table) -> None:
    assert one.values.dtype == other.values.dtype
    np.testing.assert_array_equal(one.values, other.values)
    for mine, theirs in ((one.factors, other.factors), (one.measures, other.measures)):
        assert list(mine) == list(theirs)
        for name in mine:
            assert mine[name].dtype == theirs[name].dtype
            np.testing.assert_array_equal(mine[name], theirs[name])
    for name in ("kind", "levels", "value_range", "source", "seed", "sha256"):
        assert getattr(one, name) == getattr(other, name)


names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8)


@st.composite
def tables(draw: st.DrawFn) -> Table:
    rows = draw(st.integers(1, 6))
    if draw(st.booleans()):
        kind, sides = "images", draw(st.tuples(*[st.integers(1, 4)] * 3))
        values = draw(hnp.arrays(np.uint8, (rows, *sides)))
    else:
        kind, dtype = "points", draw(st.sampled_from([np.float32, np.float64]))
        finite = {"allow_nan": False, "allow_infinity": False}
        values = draw(hnp.arrays(dtype, (rows, draw(st.integers(1, 4))), elements=finite))
    columns = draw(
        st.lists(names.filter(lambda n: n not in ("image", "point")), unique=True, max_size=4)
    )
    factors, levels, measures = {}, {}, {}
    for column in columns:
        if draw(st.booleans()):
            levels[column] = tuple(draw(st.lists(names, unique=True, min_size=1, max_size=3)))
            codes = st.integers(0, len(levels[column]) - 1)
            factors[column] = draw(hnp.arrays(np.int64, rows, elements=codes))
        else:
            finite = st.floats(allow_nan=False, allow_infinity=False)
            measures[column] = draw(hnp.arrays(np.float64, rows, elements=finite))
    return Table(
        kind=kind,
        values=values,
        factors=factors,
        levels=levels,
        measures=measures,
        source=draw(names),
        seed=draw(st.none() | st.integers(0, 2**40)),
    )


@settings(max_examples=60, deadline=None)
@given(table=tables())
def test_round_trip_and_bytes(table: Table, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("round trip é")
    write_table(table, folder / "one.parquet")
    read = read_table(folder / "one.parquet", kind=table.kind, shape=table.shape)
    assert_same(table, read)
    write_table(read, folder / "two.parquet")
    assert (folder / "one.parquet").read_bytes() == (folder / "two.parquet").read_bytes()


def test_many_row_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_GROUP_BYTES", 50)
    for table in (image_table(20), point_table(20, "float64")):
        write_table(table, tmp_path / "t.parquet")
        assert pq.ParquetFile(tmp_path / "t.parquet").num_row_groups > 1
        assert_same(table, read_table(tmp_path / "t.parquet"))


def test_a_table_that_is_not_contiguous(tmp_path: Path) -> None:
    table = image_table()
    flipped = replace(table, values=table.values[:, ::-1])
    write_table(flipped, tmp_path / "t.parquet")
    assert_same(flipped, read_table(tmp_path / "t.parquet"))


def test_columns_are_readable_without_isthmus(tmp_path: Path) -> None:
    table = image_table()
    write_table(table, tmp_path / "t.parquet")
    stored = pq.read_table(tmp_path / "t.parquet")
    assert stored.schema.field("image").type == pa.binary(24)
    assert stored["image"][2].as_py() == table.values[2].tobytes()
    assert stored["digit"].to_pylist() == table.factors["digit"].tolist()
    assert json.loads(stored.schema.metadata[b"isthmus"])["levels"] == {
        "digit": ["zero", "one", "zwölf"]
    }


def test_images_are_channels_first_in_the_unit_interval() -> None:
    table = image_table()
    images = table.images()
    assert (images.shape, images.dtype, len(table)) == ((5, 2, 4, 3), np.float32, 5)
    np.testing.assert_array_equal(np.rint(images * 255).transpose(0, 2, 3, 1), table.values)
    with pytest.raises(InputError, match="points"):
        point_table().images()


def test_take() -> None:
    table = image_table()
    assert_same(table.take([0, 1, 2, 3, 4]), table)
    taken = table.take([3, 3, 1])
    np.testing.assert_array_equal(taken.values, table.values[[3, 3, 1]])
    np.testing.assert_array_equal(taken.measures["angle"], table.measures["angle"][[3, 3, 1]])
    assert_same(table.take(table.factors["digit"] == 0), table.take([0, 3]))
    for wrong in ([5], [], [0.5]):
        with pytest.raises(InputError):
            table.take(wrong)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"kind": "sounds"}, "kind"),
        ({"values": np.zeros((5, 4, 3, 2))}, "image"),
        ({"values": np.zeros((5, 4, 3), np.uint8)}, "image"),
        ({"values": np.zeros((0, 4, 3, 2), np.uint8)}, "image"),
        ({"values": np.zeros((5, 0, 3, 2), np.uint8)}, "image"),
        ({"factors": {"digit": np.zeros(4, np.int64)}}, "digit"),
        ({"factors": {"digit": np.zeros(5, np.int32)}}, "digit"),
        ({"factors": {"digit": np.array([0, 1, 3, 0, 0])}}, "digit, row 2"),
        ({"factors": {"digit": np.array([0, 1, 1, 0, -1])}}, "digit, row 4"),
        ({"factors": {}}, "digit"),
        ({"levels": {"digit": ("zero", "zero", "one")}}, "digit"),
        ({"levels": {"digit": ()}}, "digit"),
        ({"levels": {"digit": ["zero", "one", "two"]}}, "digit"),
        ({"measures": {"angle": np.zeros((5, 1))}}, "angle"),
        ({"measures": {"angle": np.zeros(5, np.float32)}}, "angle"),
        ({"measures": {"angle": np.array([0, 1, np.nan, 0, 0])}}, "angle, row 2"),
        ({"measures": {"angle": np.array([0, 1, 0, 0, np.inf])}}, "angle, row 4"),
        ({"measures": {"digit": np.zeros(5)}}, "digit"),
        ({"measures": {"image": np.zeros(5)}}, "image"),
        ({"measures": {"": np.zeros(5)}}, ""),
        ({"value_range": (0.0, 100.0)}, "image, row 0"),
        ({"value_range": (1.0, 1.0)}, "value_range"),
        ({"value_range": (0.0, float("inf"))}, "value_range"),
        ({"source": ""}, "source"),
        ({"seed": -1}, "seed"),
        ({"sha256": "AB" * 32}, "sha256"),
    ],
)
def test_a_table_refuses(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError) as caught:
        replace(image_table(), **changes)
    assert caught.value.field == field
    assert caught.value.mend


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_point_that_is_not_finite(bad: float) -> None:
    values = np.zeros((4, 2))
    values[3, 1] = bad
    with pytest.raises(InputError, match="point, row 3"):
        Table(kind="points", values=values, source="test")


def set_header(**changes: Any) -> Callable[[pa.Table], pa.Table]:
    def change(stored: pa.Table) -> pa.Table:
        header = json.loads(stored.schema.metadata[b"isthmus"])
        return stored.replace_schema_metadata({"isthmus": json.dumps(header | changes)})

    return change


def set_column(name: str, column: Any, kind: pa.DataType) -> Callable[[pa.Table], pa.Table]:
    def change(stored: pa.Table) -> pa.Table:
        place = stored.schema.get_field_index(name)
        return stored.set_column(place, name, pa.array(column, kind))

    return change


def raw_header(text: str) -> Callable[[pa.Table], pa.Table]:
    return lambda stored: stored.replace_schema_metadata({"isthmus": text})


IMAGES = pa.binary(24)
POINTS = pa.list_(pa.float32(), 2)
CASES: dict[str, tuple[Table, Callable[[pa.Table], pa.Table], str, str]] = {
    "no isthmus metadata": (
        image_table(),
        lambda t: t.replace_schema_metadata({}),
        "metadata",
        "isthmus",
    ),
    "metadata are no JSON": (image_table(), raw_header("{"), "metadata", "JSON"),
    "metadata are a list": (image_table(), raw_header("[]"), "metadata", "object"),
    "newer format": (image_table(), set_header(format=2), "metadata.format", "1"),
    "unknown key": (image_table(), set_header(more=1), "metadata.more", "Extra"),
    "unknown kind": (image_table(), set_header(kind="sounds"), "metadata.kind", "images"),
    "shape of zero": (image_table(), set_header(shape=[0, 3, 2]), "metadata.shape.0", "greater"),
    "shape of floats": (image_table(), set_header(shape=[4.5, 3, 2]), "metadata.shape.0", "int"),
    "shape of points": (image_table(), set_header(shape=[24]), "metadata, shape", "row of images"),
    "giant shape": (image_table(), set_header(shape=[2**40] * 3), "metadata, shape", "no row"),
    "images of floats": (image_table(), set_header(dtype="float32"), "metadata, shape", "no row"),
    "lying image size": (image_table(), set_header(shape=[4, 4, 2]), "image", "32"),
    "lying point size": (point_table(), set_header(shape=[3]), "point", "[3]"),
    "lying point dtype": (point_table(), set_header(dtype="float64"), "point", "double"),
    "lying levels": (image_table(), set_header(levels={"digit": ["0"]}), "digit, row 1", "code"),
    "lying range": (image_table(), set_header(value_range=[0, 9]), "image, row 0", "range"),
    "bad sha256": (image_table(), set_header(sha256="x"), "sha256", "x"),
    "missing image": (image_table(), lambda t: t.drop(["image"]), "image", "missing"),
    "missing factor": (image_table(), lambda t: t.drop(["digit"]), "digit", "missing"),
    "missing measure": (image_table(), lambda t: t.drop(["angle"]), "angle", "missing"),
    "undeclared column": (
        image_table(),
        lambda t: t.append_column("more", pa.array(range(5))),
        "more",
        "not in the metadata",
    ),
    "column twice": (
        image_table(),
        lambda t: t.append_column("digit", t["digit"]),
        "digit",
        "twice",
    ),
    "text factor": (image_table(), set_column("digit", list("abcde"), pa.string()), "digit", "str"),
    "float factor": (image_table(), set_column("digit", [0.5] * 5, pa.float64()), "digit", "doub"),
    "wide image": (
        image_table(),
        set_column("image", [b"x" * 25] * 5, pa.binary(25)),
        "image",
        "25",
    ),
    "loose image": (
        image_table(),
        set_column("image", [b"x" * 24] * 5, pa.binary()),
        "image",
        "bin",
    ),
    "loose point": (
        point_table(),
        set_column("point", [[0.0, 1.0]] * 5, pa.list_(pa.float32())),
        "point",
        "list",
    ),
    "null image": (
        image_table(),
        set_column("image", [b"x" * 24, None] + [b"x" * 24] * 3, IMAGES),
        "image, row 1",
        "null",
    ),
    "null factor": (
        image_table(),
        set_column("digit", [0, 0, 0, None, 0], pa.int64()),
        "digit, row 3",
        "null",
    ),
    "null measure": (
        image_table(),
        set_column("angle", [None, 0, 0, 0, 0], pa.float64()),
        "angle, row 0",
        "null",
    ),
    "null point": (
        point_table(),
        set_column("point", [[0, 1], [0, 1], None, [0, 1], [0, 1]], POINTS),
        "point",
        "list",
    ),
    "null in a point": (
        point_table(),
        set_column("point", [[0, 1], [0, 1], [0, 1], [0, None], [0, 1]], POINTS),
        "point, row 3",
        "null",
    ),
    "NaN measure": (
        image_table(),
        set_column("angle", [0, 0, 0, np.nan, 0], pa.float64()),
        "angle, row 3",
        "finite",
    ),
    "NaN point": (
        point_table(),
        set_column("point", [[0, 1]] * 4 + [[0, np.nan]], POINTS),
        "point, row 4",
        "finite",
    ),
    "infinite point": (
        point_table(),
        set_column("point", [[-np.inf, 1]] + [[0, 1]] * 4, POINTS),
        "point, row 0",
        "finite",
    ),
    "code out of range": (
        image_table(),
        set_column("digit", [0, 1, 2, 3, 0], pa.int64()),
        "digit, row 3",
        "code",
    ),
    "empty": (image_table(), lambda t: t.slice(0, 0), "", "empty"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_reader_refuses(case: str, tmp_path: Path) -> None:
    table, change, field, problem = CASES[case]
    path = tmp_path / "my tables" / "fünf.parquet"
    write_table(table, path)
    pq.write_table(change(pq.read_table(path)), path)
    with pytest.raises(InputError) as caught:
        read_table(path)
    assert caught.value.where == str(path)
    assert caught.value.field == field
    assert problem in caught.value.problem
    assert caught.value.mend


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: b"not a table at all",
        lambda data: data[: len(data) // 2],
        lambda data: data[len(data) // 2 :],
        lambda data: data[:4] + bytes(len(data) - 8) + data[-4:],
        lambda data: data[:40] + b"\xff" * 60 + data[100:],
        lambda data: data[:60] + bytes([data[60] ^ 1]) + data[61:],
    ],
)
def test_a_reader_refuses_damaged_bytes(damage: Callable[[bytes], bytes], tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    write_table(image_table(), path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(InputError, match=r"t\.parquet"):
        read_table(path)


def test_a_reader_names_an_absent_file_and_a_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.parquet", tmp_path):
        with pytest.raises(InputError) as caught:
            read_table(path)
        assert caught.value.where == str(path)


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        ({"kind": "points"}, "kind"),
        ({"shape": (4, 3, 1)}, "image"),
        ({"factors": ["digit", "font"]}, "font"),
    ],
)
def test_a_reader_refuses_what_was_not_asked_for(
    request_: dict[str, Any], field: str, tmp_path: Path
) -> None:
    write_table(image_table(), tmp_path / "t.parquet")
    read_table(tmp_path / "t.parquet", kind="images", shape=[4, 3, 2], factors=["digit"])
    with pytest.raises(InputError) as caught:
        read_table(tmp_path / "t.parquet", **request_)
    assert caught.value.field == field


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_fills_while_a_table_is_written(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    write_table(point_table(), path)
    before = path.read_bytes()
    with pytest.raises(InputError) as caught, file_size_limit(4096):
        write_table(point_table(100_000), path)
    assert caught.value.where == str(tmp_path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match="cannot write"):
        write_table(point_table(), tmp_path / "file" / "t.parquet")
