from __future__ import annotations

import numpy as np
import pytest

from isthmus.errors import InputError
from isthmus.metrics.arrays import as_labels, as_points


@pytest.mark.parametrize(
    ("points", "problem"),
    [
        (np.array([["a"]]), "dtype"),
        (np.array([[1j]]), "dtype"),
        (np.zeros(3), "shape"),
        (np.zeros((0, 3)), "shape"),
        (np.zeros((3, 0)), "shape"),
        (np.array([[0.0], [np.nan]]), "row 1"),
        (np.array([[np.inf], [0.0]]), "row 0"),
    ],
)
def test_what_is_no_point_set_is_refused(points: np.ndarray, problem: str) -> None:
    with pytest.raises(InputError, match=f"x: .*{problem}"):
        as_points(points, "x")


def test_widths_must_agree() -> None:
    with pytest.raises(InputError, match="b: has 3 features where a has 2"):
        as_points(np.zeros((1, 3)), "b", width_of=("a", np.zeros((5, 2))))


def test_points_are_copied_to_float64() -> None:
    given = np.ones((2, 2))
    found = as_points(given, "x")
    found[:] = 0
    assert given.all()
    assert as_points(np.ones((2, 2), np.int8), "x").dtype == np.float64


@pytest.mark.parametrize(
    ("labels", "problem"),
    [
        ([0.0, 1.0, 2.0], "dtype float64"),
        ([True, False, True], "dtype bool"),
        ([[0, 1, 2]], "shape"),
        ([0, 1], "2 of 3"),
        ([0, -1, 2], "row 1"),
        ([0, 1, 3], "row 2"),
    ],
)
def test_what_is_no_label_set_is_refused(labels: list, problem: str) -> None:
    with pytest.raises(InputError, match=f"y: .*{problem}"):
        as_labels(labels, "y", count=3, classes=3)


def test_no_labels_are_refused() -> None:
    with pytest.raises(InputError, match="shape"):
        as_labels(np.zeros(0, int), "y")
