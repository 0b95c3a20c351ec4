"""The one table format: images or points with their factors and measures, stored as Parquet."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import Annotated, Any, Literal, cast, get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from isthmus.data.files import write_atomically
from isthmus.errors import InputError

Kind = Literal["images", "points"]
Dtype = Literal["uint8", "float32", "float64"]

_VALUE_COLUMN: dict[Kind, str] = {"images": "image", "points": "point"}
_DTYPES: dict[Kind, tuple[Dtype, ...]] = {"images": ("uint8",), "points": ("float32", "float64")}
_DIMENSIONS: dict[Kind, str] = {"images": "(rows, height, width, channels)", "points": "(rows, d)"}
_METADATA_KEY = b"isthmus"
_GROUP_BYTES = 1 << 26
_WIDEST_ROW = (1 << 31) - 1
_REWRITE = "write the file with isthmus.data.table.write_table"


@dataclass(frozen=True, eq=False, kw_only=True)
class Table:
    """Images or points of one source, one a row, with what is known about each.

    Attributes:
        kind: What a row is.
        values: Images, uint8 `(n, height, width, channels)`, or points, float32 or float64
            `(n, d)`; finite, at least one row, no empty dimension.
        factors: Categorical annotations, each int64 `(n,)`: codes into `levels`.
        levels: The names of each factor's levels; the same keys as `factors`.
        measures: Continuous annotations, each float64 `(n,)`, finite; the docstring of the source
            gives the unit.
        value_range: The interval `values` must lie in; None if there is no bound.
        source: Where the data come from, in words.
        seed: The seed they were drawn with; None if nothing was drawn.
        sha256: The checksum of the file they were read from; None if made by the program or
            packaged with a dependency.

    Raises:
        InputError: An attribute breaks one of these rules; it names the attribute and the row.
    """

    kind: Kind
    values: npt.NDArray[Any]
    factors: dict[str, npt.NDArray[np.int64]] = field(default_factory=dict)
    levels: dict[str, tuple[str, ...]] = field(default_factory=dict)
    measures: dict[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    value_range: tuple[float, float] | None = None
    source: str
    seed: int | None = None
    sha256: str | None = None

    def __post_init__(self) -> None:
        try:
            self._check_header()
            self._check_values()
            self._check_annotations()
        except _Wrong as wrong:
            where = f"table of {self.source}" if self.source else "table"
            raise InputError(where, wrong.problem, field=wrong.field, mend=wrong.mend) from None

    def _check_header(self) -> None:
        if self.kind not in get_args(Kind):
            raise _Wrong("kind", f"is {self.kind!r}", "use 'images' or 'points'")
        if not isinstance(self.source, str) or not self.source:
            raise _Wrong("source", "is empty", "say in words where the data come from")
        if self.seed is not None and (not isinstance(self.seed, int) or self.seed < 0):
            raise _Wrong("seed", f"is {self.seed!r}", "use a non-negative integer or None")
        if self.sha256 is not None and not re.fullmatch("[0-9a-f]{64}", self.sha256):
            raise _Wrong(
                "sha256", f"is {self.sha256!r}", "use 64 lower-case hexadecimal digits or None"
            )
        if self.value_range is not None:
            low, high = self.value_range
            if not (math.isfinite(low) and math.isfinite(high) and low < high):
                raise _Wrong("value_range", f"is ({low}, {high})", "use two finite, rising numbers")

    def _check_values(self) -> None:
        name, values = _VALUE_COLUMN[self.kind], self.values
        if values.dtype.name not in _DTYPES[self.kind]:
            wanted = " or ".join(_DTYPES[self.kind])
            raise _Wrong(name, f"has dtype {values.dtype}", f"convert it to {wanted}")
        if values.ndim != _DIMENSIONS[self.kind].count(",") + 1:
            raise _Wrong(name, f"has shape {values.shape}", f"use {_DIMENSIONS[self.kind]}")
        if values.size == 0:
            raise _Wrong(name, f"is empty, shape {values.shape}", "give at least one row and value")
        flat = values.reshape(len(values), -1)
        if self.kind == "points":
            _refuse_rows(name, ~np.isfinite(flat).all(axis=1), "is not finite", "drop or mend it")
        if self.value_range is not None:
            low, high = self.value_range
            outside = (flat.min(axis=1) < low) | (flat.max(axis=1) > high)
            problem = f"leaves the value range [{low}, {high}]"
            _refuse_rows(name, outside, problem, "clip the values or mend value_range")

    def _check_annotations(self) -> None:
        names = [_VALUE_COLUMN[self.kind], *self.factors, *self.measures]
        twice = [name for name in names if not name or names.count(name) > 1]
        if twice:
            raise _Wrong(twice[0], "is empty or names two columns", "name every column once")
        if self.factors.keys() != self.levels.keys():
            odd = sorted(self.factors.keys() ^ self.levels.keys())[0]
            raise _Wrong(odd, "is in only one of factors and levels", "name it in both")
        for name, codes in self.factors.items():
            levels = self.levels[name]
            distinct = isinstance(levels, tuple) and len(set(levels)) == len(levels)
            if not distinct or not levels or not all(levels):
                raise _Wrong(name, f"has levels {levels}", "give a tuple of one or more, each once")
            self._check_column(name, codes, np.dtype(np.int64))
            outside = (codes < 0) | (codes >= len(levels))
            problem = f"holds a code outside 0 to {len(levels) - 1}"
            _refuse_rows(name, outside, problem, "mend the code or name the missing level")
        for name, measure in self.measures.items():
            self._check_column(name, measure, np.dtype(np.float64))
            _refuse_rows(name, ~np.isfinite(measure), "is not finite", "drop or mend it")

    def _check_column(self, name: str, column: npt.NDArray[Any], dtype: np.dtype[Any]) -> None:
        if column.dtype != dtype:
            raise _Wrong(name, f"has dtype {column.dtype}", f"convert it to {dtype}")
        if column.shape != (len(self.values),):
            wanted = f"({len(self.values)},)"
            raise _Wrong(name, f"has shape {column.shape}", f"give one entry a row, {wanted}")

    def __len__(self) -> int:
        return len(self.values)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one row: `(height, width, channels)` or `(d,)`."""
        return tuple(self.values.shape[1:])

    def take(self, indices: npt.ArrayLike) -> Table:
        """The rows at these integer indices, in this order, or under this boolean mask.

        Raises:
            InputError: An index is out of range, or no row is left.
        """
        chosen = np.asarray(indices)
        try:
            return replace(
                self,
                values=self.values[chosen],
                factors={name: codes[chosen] for name, codes in self.factors.items()},
                measures={name: values[chosen] for name, values in self.measures.items()},
            )
        except IndexError as error:
            raise InputError(
                f"table of {self.source}",
                str(error),
                field="indices",
                mend=f"use integers below {len(self)}",
            ) from None

    def images(self) -> npt.NDArray[np.float32]:
        """The images as float32 `(n, channels, height, width)` in [0, 1].

        Raises:
            InputError: The table holds points.
        """
        if self.kind != "images":
            raise InputError(
                f"table of {self.source}", "holds points", field="kind", mend="give an image table"
            )
        images = np.ascontiguousarray(self.values.transpose(0, 3, 1, 2), dtype=np.float32)
        return images / np.float32(255)


class _Wrong(Exception):
    """What is wrong with one attribute of a table that does not yet know its name or file."""

    def __init__(self, field: str, problem: str, mend: str) -> None:
        self.field, self.problem, self.mend = field, problem, mend


def _refuse_rows(name: str, bad: npt.NDArray[np.bool_], problem: str, mend: str) -> None:
    if bad.any():
        raise _Wrong(f"{name}, row {int(bad.argmax())}", problem, mend)


class _Header(BaseModel):
    """The schema metadata of a stored table."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    format: Literal[1] = 1
    kind: Kind
    dtype: Dtype
    shape: tuple[Annotated[int, Field(ge=1)], ...]
    value_range: tuple[float, float] | None
    levels: dict[str, tuple[str, ...]]
    measures: tuple[str, ...]
    source: str
    seed: int | None
    sha256: str | None

    def columns(self) -> dict[str, pa.DataType]:
        """The columns these metadata promise."""
        size = math.prod(self.shape)
        wanted = _DIMENSIONS[self.kind].count(",")
        if self.dtype not in _DTYPES[self.kind] or len(self.shape) != wanted or size > _WIDEST_ROW:
            raise _Wrong(
                "metadata, shape",
                f"a row of {self.dtype} {self.shape} is no row of {self.kind}",
                _REWRITE,
            )
        value = (
            pa.binary(size)
            if self.kind == "images"
            else pa.list_(pa.float32() if self.dtype == "float32" else pa.float64(), size)
        )
        return (
            {_VALUE_COLUMN[self.kind]: value}
            | dict.fromkeys(self.levels, pa.int64())
            | dict.fromkeys(self.measures, pa.float64())
        )


def write_table(table: Table, path: str | PathLike[str]) -> None:
    """Write a table as Parquet, atomically; equal tables give equal bytes.

    Columns: `image` (fixed-size binary, row-major height, width, channel) or `point` (fixed-size
    list of floats), then one int64 column a factor and one double column a measure. All that is not
    a column (kind, shape, value range, levels, source, seed, checksum) is one JSON object in the
    schema metadata under the key `isthmus`.

    Args:
        table: The table to write.
        path: The file, replaced if it exists.

    Raises:
        InputError: The folder cannot be written, or the disk is full.
    """
    header = _Header(
        kind=table.kind,
        dtype=cast(Dtype, table.values.dtype.name),
        shape=table.shape,
        value_range=table.value_range,
        levels=table.levels,
        measures=tuple(table.measures),
        source=table.source,
        seed=table.seed,
        sha256=table.sha256,
    )
    columns = header.columns()
    value_column = _VALUE_COLUMN[table.kind]
    values = table.values.reshape(-1)
    if table.kind == "images":
        buffers = [None, pa.py_buffer(values)]
        value_array = pa.Array.from_buffers(columns[value_column], len(table), buffers)
    else:
        value_array = pa.FixedSizeListArray.from_arrays(pa.array(values), table.shape[0])
    arrays = {value_column: value_array, **table.factors, **table.measures}
    schema = pa.schema(columns.items(), metadata={_METADATA_KEY: header.model_dump_json()})
    with write_atomically(path) as file:
        pq.write_table(
            pa.table(arrays, schema=schema),
            file,
            compression="zstd",
            use_dictionary=list(table.factors),
            write_statistics=list(table.factors) + list(table.measures),
            write_page_checksum=True,
            row_group_size=max(1, _GROUP_BYTES // (values.nbytes // len(table))),
        )


def read_table(
    path: str | PathLike[str],
    *,
    kind: Kind | None = None,
    shape: Sequence[int] | None = None,
    factors: Iterable[str] = (),
) -> Table:
    """Read a table that `write_table` wrote, or refuse it; everything is checked before use.

    Args:
        path: The Parquet file.
        kind: What the rows must be, if it matters.
        shape: The shape one row must have, `(height, width, channels)` or `(d,)`, if it matters.
        factors: Factors that must be there.

    Raises:
        InputError: The file is absent, is no Parquet, holds no isthmus table, contradicts its own
            metadata, holds a value that a `Table` may not hold, or is not what was asked for. It
            names the file, the column and the row (counted from 0).
    """
    path = Path(path)
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            header = _read_header(file.schema_arrow)
            _check_request(header, kind, shape, factors)
            _check_columns(file.schema_arrow, header)
            if not file.metadata.num_rows:
                raise _Wrong("", "the table is empty", "give at least one row")
            stored = {name: _read_column(file, name) for name in header.columns()}
        values = _read_values(stored[_VALUE_COLUMN[header.kind]], header)
    except FileNotFoundError:
        raise InputError(path, "does not exist", mend="check the path") from None
    except (pa.ArrowException, OSError) as error:
        problem = f"is not a readable Parquet file ({_one_line(error)})"
        raise InputError(path, problem, mend=_REWRITE) from error
    except _Wrong as wrong:
        raise InputError(path, wrong.problem, field=wrong.field, mend=wrong.mend) from None
    try:
        return Table(
            kind=header.kind,
            values=values,
            factors={name: np.array(stored[name]) for name in header.levels},
            levels=header.levels,
            measures={name: np.array(stored[name]) for name in header.measures},
            value_range=header.value_range,
            source=header.source,
            seed=header.seed,
            sha256=header.sha256,
        )
    except InputError as error:
        raise InputError(path, error.problem, field=error.field, mend=error.mend) from None


def _read_header(schema: pa.Schema) -> _Header:
    text = (schema.metadata or {}).get(_METADATA_KEY)
    if text is None:
        raise _Wrong(
            "metadata",
            "are not those of an isthmus table",
            _REWRITE,
        )
    try:
        return _Header.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(["metadata", *map(str, first["loc"])])
        raise _Wrong(place, first["msg"], _REWRITE) from None


def _check_request(
    header: _Header, kind: Kind | None, shape: Sequence[int] | None, factors: Iterable[str]
) -> None:
    if kind is not None and header.kind != kind:
        raise _Wrong("kind", f"holds {header.kind}", f"give a table of {kind}")
    if shape is not None and header.shape != tuple(shape):
        column = _VALUE_COLUMN[header.kind]
        raise _Wrong(column, f"has shape {header.shape}", f"give a table of shape {tuple(shape)}")
    for name in factors:
        if name not in header.levels:
            present = ", ".join(header.levels) or "none"
            raise _Wrong(name, f"is no factor of this table (it has: {present})", "add the factor")


def _check_columns(schema: pa.Schema, header: _Header) -> None:
    columns = header.columns()
    for name in schema.names:
        if name not in columns or schema.names.count(name) > 1:
            raise _Wrong(name, "the column is not in the metadata, or is there twice", _REWRITE)
    for name, wanted in columns.items():
        if name not in schema.names:
            raise _Wrong(name, "the column is missing, though the metadata promise it", _REWRITE)
        found = schema.field(name).type
        if not _same_type(found, wanted):
            raise _Wrong(name, f"the column is {found}, the metadata promise {wanted}", _REWRITE)


def _same_type(found: pa.DataType, wanted: pa.DataType) -> bool:
    if pa.types.is_fixed_size_list(wanted):
        return (
            pa.types.is_fixed_size_list(found)
            and found.list_size == wanted.list_size
            and found.value_type == wanted.value_type
        )
    return found == wanted


def _read_column(file: pq.ParquetFile, name: str) -> pa.ChunkedArray:
    try:
        column = file.read([name])[name]
    except (pa.ArrowException, OSError) as error:
        raise _Wrong(name, f"the column cannot be read ({_one_line(error)})", _REWRITE) from error
    null = column.is_null().to_numpy()
    if pa.types.is_fixed_size_list(column.type) and not null.any():
        inner = np.concatenate([c.flatten().is_null().to_numpy(False) for c in column.chunks])
        null = inner.reshape(len(column), -1).any(axis=1)
    _refuse_rows(name, null, "is null", "fill or drop it")
    return column


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def _read_values(column: pa.ChunkedArray, header: _Header) -> npt.NDArray[Any]:
    if header.kind == "points":
        flat = np.concatenate([chunk.flatten().to_numpy() for chunk in column.chunks])
    else:
        size = math.prod(header.shape)
        flat = np.concatenate(
            [
                np.frombuffer(chunk.buffers()[1], np.uint8)[
                    chunk.offset * size : (chunk.offset + len(chunk)) * size
                ]
                for chunk in column.chunks
            ]
        )
    return flat.reshape(len(column), *header.shape)
