from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.errors import InputError
from isthmus.metrics.classification import accuracy, confusion, kept

pairs = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=60).map(
    lambda rows: np.array(rows).T
)


def test_accuracy_and_its_error_in_closed_form() -> None:
    found = accuracy([0, 1, 2, 2], [0, 1, 2, 0])
    assert found.value == 0.75
    assert found.error == pytest.approx(np.sqrt(0.75 * 0.25 / 4))


def test_the_error_is_the_scatter_of_repeated_trials() -> None:
    drawn = np.random.default_rng(0).integers(0, 10, (4000, 50))
    rates = [accuracy(row, np.zeros(50, int)) for row in drawn]
    scatter = np.std([rate.value for rate in rates])
    assert np.sqrt(0.1 * 0.9 / 50) == pytest.approx(scatter, rel=0.05)
    assert np.sqrt(np.mean([rate.error**2 for rate in rates])) == pytest.approx(scatter, rel=0.05)


@given(pairs)
def test_the_confusion_matrix_counts_every_sample(pair: np.ndarray) -> None:
    labels, predicted = pair
    counts = confusion(labels, predicted, 5)
    assert counts.sum() == len(labels)
    assert np.array_equal(counts.sum(1), np.bincount(labels, minlength=5))
    assert np.array_equal(counts.sum(0), np.bincount(predicted, minlength=5))
    assert np.trace(counts) / len(labels) == pytest.approx(accuracy(predicted, labels).value)
    assert np.array_equal(counts.T, confusion(predicted, labels, 5))


@given(pairs, st.permutations(range(5)))
def test_names_of_classes_do_not_matter(pair: np.ndarray, names: list[int]) -> None:
    before, after = pair
    renamed = np.array(names)
    assert kept(renamed[before], renamed[after]) == kept(before, after) == kept(after, before)


def test_rows_are_labels_and_columns_predictions() -> None:
    assert confusion([0, 0, 1], [1, 1, 1], 2).tolist() == [[0, 2], [0, 1]]


def test_a_repeated_mistake_is_kept() -> None:
    assert kept([3, 3, 1], [3, 2, 1]).value == pytest.approx(2 / 3)


@pytest.mark.parametrize("measure", [accuracy, kept])
def test_sets_of_different_size_are_refused(measure: object) -> None:
    with pytest.raises(InputError, match="1 of 2"):
        measure([0, 1], [0]) if measure is kept else measure([0], [0, 1])  # type: ignore[operator]


def test_a_class_too_many_is_refused() -> None:
    with pytest.raises(InputError, match="predicted: row 1"):
        confusion([0, 1], [0, 2], 2)
