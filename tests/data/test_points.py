"""Points of the user's own."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from isthmus.data.points import read_points, write_points
from isthmus.data.table import write_table
from isthmus.data.toys import moons
from isthmus.errors import InputError

NUMBERS = arrays(np.float64, (4, 2), elements=st.floats(-1e6, 1e6))


@given(NUMBERS.filter(lambda x: (x.min(0) < x.max(0)).all()), st.sampled_from(["parquet", "npy"]))
def test_what_is_written_is_read(tmp_path_factory, points, suffix):
    path = tmp_path_factory.mktemp("points") / f"täst punkte.{suffix}"
    write_points(points, path)
    values, columns = read_points(path)
    np.testing.assert_array_equal(values, points)
    assert columns == ["x0", "x1"]


def test_csv_keeps_its_column_names(tmp_path):
    write_points([[1, 2], [3, 4]], tmp_path / "a.csv", ["height", "width"])
    values, columns = read_points(tmp_path / "a.csv")
    assert columns == ["height", "width"]
    assert values.tolist() == [[1, 2], [3, 4]]


def test_a_table_of_the_pipeline_is_read(tmp_path):
    a, _ = moons(10, seed=0)
    write_table(a, tmp_path / "a.parquet")
    assert read_points(tmp_path / "a.parquet")[0].shape == (10, 2)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", "x,y\n1,a\n2,b\n", "y: not numbers"),
        ("a.csv", "x,y\n1,2\n3,nan\n", "y: nan in row 2"),
        ("a.csv", "x,y\n1,2\n3,\n", "y: nan in row 2"),
        ("a.csv", "x,y\n1,2\n3,2\n", "y: always 2"),
        ("a.csv", "x,y\n1,2\n", "1 rows"),
        ("a.csv", "", "not csv"),
        ("a.parquet", "nonsense", "not parquet"),
        ("a.npy", "nonsense", "not npy"),
        ("a.txt", "1 2", "unknown kind"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path, name, content, said):
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(InputError, match=said) as caught:
        read_points(path)
    assert str(path) in str(caught.value)


def test_a_file_that_is_not_there_and_an_array_of_the_wrong_shape(tmp_path):
    with pytest.raises(InputError, match="missing"):
        read_points(tmp_path / "none.csv")
    np.save(tmp_path / "a.npy", np.zeros(3))
    with pytest.raises(InputError, match=r"shape \(3,\)"):
        read_points(tmp_path / "a.npy")
    with pytest.raises(InputError, match="unknown kind"):
        write_points([[1.0]], tmp_path / "a.xls")
