"""Points of the user's own: rows of numbers in Parquet, CSV or NPY, in and out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from isthmus.data.files import write_atomically
from isthmus.data.table import read_table
from isthmus.errors import InputError

SUFFIXES = (".parquet", ".csv", ".npy")


def read_points(path: str | Path) -> tuple[npt.NDArray[np.float64], list[str]]:
    """Read points from a file.

    Args:
        path: A `.parquet` (a table of this project, or plain numeric columns), a `.csv` with a
            header line, or a `.npy` of shape (N, D).

    Returns:
        The points, float64 of shape (N, D), and the names of the columns.

    Raises:
        InputError: The file is missing, damaged or empty, or a column is not numeric, holds NaN,
            infinity or a blank, or never changes; the message names column and row.
    """
    path = check_suffix(path)
    if not path.is_file():
        raise InputError(path, "the file is missing", mend="check the path")
    if path.suffix == ".npy":
        return _checked(path, *_npy(path))
    try:
        table = pa.csv.read_csv(path) if path.suffix == ".csv" else pa.parquet.read_table(path)
    except (pa.ArrowException, OSError) as error:
        kind = path.suffix[1:]
        raise InputError(path, f"not {kind} ({error})", mend="write the file anew") from None
    if b"isthmus" in (table.schema.metadata or {}):
        values = read_table(path, kind="points").values.astype(np.float64)
        return _checked(path, values, [f"x{i}" for i in range(values.shape[1])])
    columns = []
    for name, column in zip(table.column_names, table.columns, strict=True):
        if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
            raise InputError(
                path, f"not numbers but {column.type}", field=name, mend="drop or encode the column"
            )
        columns.append(column.cast(pa.float64()).to_numpy())
    if not columns:
        raise InputError(path, "there are no columns", mend="give at least one")
    return _checked(path, np.stack(columns, 1), table.column_names)


def write_points(
    points: npt.ArrayLike, path: str | Path, columns: Sequence[str] | None = None
) -> None:
    """Write points (N, D) as the suffix says, atomically.

    Raises:
        InputError: The suffix is unknown, or the folder cannot be written.
    """
    path, array = check_suffix(path), np.asarray(points, dtype=np.float64)
    with write_atomically(path) as file:
        if path.suffix == ".npy":
            np.save(file, array)
            return
        names = columns or [f"x{i}" for i in range(array.shape[1])]
        table = pa.table({name: array[:, i] for i, name in enumerate(names)})
        if path.suffix == ".csv":
            pa.csv.write_csv(table, file)
        else:
            pa.parquet.write_table(table, file)


def check_suffix(path: str | Path) -> Path:
    """The path, if its suffix says a kind of file that is known.

    Raises:
        InputError: It does not.
    """
    path = Path(path)
    if path.suffix not in SUFFIXES:
        raise InputError(path, "unknown kind of file", mend=f"use one of {', '.join(SUFFIXES)}")
    return path


def _npy(path: Path) -> tuple[npt.NDArray[np.float64], list[str]]:
    try:
        array = np.load(path, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise InputError(path, f"not npy ({error})", mend="write it with numpy.save") from None
    if array.ndim != 2 or array.dtype.kind not in "iuf":
        raise InputError(
            path,
            f"shape {array.shape} of {array.dtype}, not (rows, columns) of numbers",
            mend="save a two-dimensional array of numbers",
        )
    return array.astype(np.float64), [f"x{i}" for i in range(array.shape[1])]


def _checked(
    path: Path, values: npt.NDArray[np.float64], columns: list[str]
) -> tuple[npt.NDArray[np.float64], list[str]]:
    if len(values) < 2:
        raise InputError(path, f"{len(values)} rows", mend="give at least two")
    for index, name in enumerate(columns):
        column = values[:, index]
        wrong = np.flatnonzero(~np.isfinite(column))
        if len(wrong):
            raise InputError(
                path,
                f"{column[wrong[0]]} in row {wrong[0] + 1}",
                field=name,
                mend="drop or fill such rows",
            )
        if column.min() == column.max():
            raise InputError(
                path, f"always {column[0]:g}", field=name, mend="drop the constant column"
            )
    return values, list(columns)
