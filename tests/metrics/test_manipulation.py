from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.errors import InputError
from isthmus.metrics.manipulation import (
    Accuracy,
    categorical,
    mean,
    real_valued,
    relative_discrepancy,
)

triples = st.lists(st.tuples(*[st.integers(-2, 3)] * 3), min_size=1, max_size=40).map(
    lambda rows: np.array(rows).T
)
rates = st.lists(st.tuples(st.floats(0.01, 1), st.floats(0.01, 1)), min_size=1, max_size=6)
SHAPES3D = (10, 10, 10, 8, 4, 15)


def exactly(value: float) -> Accuracy:
    return Accuracy(value, 0.0, 1)


def test_only_pairs_that_differ_count() -> None:
    found = categorical([1, 2, 2, 7, 0], [1, 2, 3, 5, 4], [0, 2, 2, 5, 0])
    assert found == Accuracy(1 / 3, pytest.approx(np.sqrt(2 / 27)), 3)


def test_no_pair_that_differs_is_no_accuracy() -> None:
    value, error, pairs = categorical([1, 2], [3, 3], [3, 3])
    assert np.isnan([value, error]).all()
    assert pairs == 0


def test_nearer_counts_and_a_tie_is_right() -> None:
    found = real_valued([0.4, 0.5, 0.6, 0.1], [0.0, 0.0, 0.0, 2.0], [1.0, 1.0, 1.0, 2.0])
    assert found.value == pytest.approx(2 / 3)
    assert found.pairs == 3


def test_coordinates_are_compared_in_l1() -> None:
    wanted, other = np.zeros((1, 2)), np.array([[3.0, 3.0]])
    assert real_valued([[2.9, 0.0]], wanted, other).value == 1
    assert real_valued([[2.9, 0.2]], wanted, other).value == 0
    assert real_valued([[0.0, 9.0]], wanted, [[0.0, 3.0]]) == (0, 0, 1)


@pytest.mark.parametrize("measure", [categorical, real_valued])
@given(triples)
def test_a_copy_of_the_wanted_is_right_and_of_the_other_wrong(
    measure: type[Accuracy], triple: np.ndarray
) -> None:
    _, wanted, other = triple
    differ = (wanted != other).sum()
    right, wrong = measure(wanted, wanted, other), measure(other, wanted, other)
    assert right.pairs == wrong.pairs == differ
    assert not differ or (right.value, wrong.value) == (1, 0)


@pytest.mark.parametrize("measure", [categorical, real_valued])
@given(triples, st.randoms())
def test_the_order_of_pairs_does_not_matter(
    measure: type[Accuracy], triple: np.ndarray, random: object
) -> None:
    order = list(range(triple.shape[1]))
    random.shuffle(order)  # type: ignore[attr-defined]
    assert np.array_equal(measure(*triple[:, order]), measure(*triple), equal_nan=True)


@given(triples, st.permutations(range(6)))
def test_names_of_classes_do_not_matter(triple: np.ndarray, names: list[int]) -> None:
    renamed = np.array(names)[triple + 2]
    assert np.array_equal(categorical(*renamed), categorical(*triple), equal_nan=True)


@given(triples, st.integers(1, 9), st.integers(-9, 9))
def test_units_of_a_real_factor_do_not_matter(triple: np.ndarray, scale: int, shift: int) -> None:
    assert np.array_equal(
        real_valued(*(-scale * triple + shift)), real_valued(*triple), equal_nan=True
    )


def test_random_output_is_at_chance() -> None:
    draw = np.random.default_rng(0)
    factors = [categorical(*draw.integers(0, size, (3, 20_000))) for size in SHAPES3D]
    for found, size in zip(factors, SHAPES3D, strict=True):
        assert abs(found.value - 1 / size) < 4 * found.error
    together = mean(factors)
    assert abs(together.value - 0.124) < 4 * together.error
    nearer = real_valued(*draw.uniform(size=(3, 20_000, 2)))
    assert abs(nearer.value - 1 / 2) < 4 * nearer.error


def test_a_mean_weighs_factors_alike_and_leaves_out_the_unmeasured() -> None:
    nothing = Accuracy(float("nan"), float("nan"), 0)
    found = mean([Accuracy(0.5, 0.03, 10), nothing, Accuracy(1.0, 0.04, 1000)])
    assert found == (0.75, pytest.approx(0.025), 1010)
    assert mean([nothing]).pairs == 0


def test_relative_discrepancy_in_closed_form() -> None:
    specific, common = [exactly(0.9), exactly(0.2)], [exactly(0.5), exactly(0.4)]
    assert relative_discrepancy(specific, common).value == pytest.approx(100 * 0.6 / 2.0)


def test_a_copy_has_discrepancy_100_and_the_oracle_none() -> None:
    right, wrong = [exactly(1.0)] * 6, [exactly(0.0)] * 6
    assert relative_discrepancy(wrong, right) == (100, 0)
    assert relative_discrepancy(right, wrong) == (100, 0)
    assert relative_discrepancy(right, right) == (0, 0)


@given(rates)
def test_discrepancy_is_symmetric_and_free_of_scale(pairs: list[tuple[float, float]]) -> None:
    one, two = ([exactly(pair[side]) for pair in pairs] for side in (0, 1))
    found = relative_discrepancy(one, two).value
    assert 0 <= found <= 100
    assert relative_discrepancy(two, one).value == pytest.approx(found)
    half = [[exactly(each.value / 2) for each in role] for role in (one, two)]
    assert relative_discrepancy(*half).value == pytest.approx(found)


def test_the_error_of_the_discrepancy_is_its_scatter() -> None:
    draw, n = np.random.default_rng(0), 1000
    true = np.array([[0.9, 0.8, 0.7], [0.6, 0.5, 0.2]])
    found = []
    for shares in draw.binomial(n, true, (2000, 2, 3)) / n:
        specific, common = (
            [Accuracy(share, float(np.sqrt(share * (1 - share) / n)), n) for share in role]
            for role in shares
        )
        found.append(relative_discrepancy(specific, common))
    values, errors = np.array(found).T
    assert errors.mean() == pytest.approx(values.std(), rel=0.05)


def test_discrepancy_needs_both_roles_of_every_factor() -> None:
    with pytest.raises(InputError, match="holds 1 factors where specific holds 2"):
        relative_discrepancy([exactly(1.0)] * 2, [exactly(1.0)])
    with pytest.raises(InputError, match="common: factor 1: was not measured"):
        relative_discrepancy([exactly(1.0)] * 2, [exactly(1.0), categorical([1], [1], [1])])
    with pytest.raises(InputError, match="all 0"):
        relative_discrepancy([exactly(0.0)], [exactly(0.0)])


@pytest.mark.parametrize(
    ("arrays", "reason"),
    [
        (([1], [1, 2], [1]), "wanted: has shape"),
        (([1.0], [1], [2]), "translated: has dtype"),
        (([1], [1], [[2]]), "other: has shape"),
    ],
)
def test_arrays_that_are_no_classes_are_refused(arrays: tuple[object, ...], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        categorical(*arrays)  # type: ignore[arg-type]


def test_values_that_are_not_finite_are_refused() -> None:
    with pytest.raises(InputError, match="other: row 1: is not finite"):
        real_valued([1.0, 2.0], [1.0, 2.0], [1.0, np.nan])
    with pytest.raises(InputError, match="wanted: has shape"):
        real_valued([1.0, 2.0], [1.0], [1.0, 2.0])
