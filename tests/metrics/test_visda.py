"""The scores of VisDA and Syn2Real against closed forms and their definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.errors import InputError
from isthmus.metrics.visda import closed_set_score, open_set_score

PAIRS = st.integers(1, 40).flatmap(
    lambda n: st.tuples(*[st.lists(st.integers(0, 4), min_size=n, max_size=n)] * 2)
)


def test_the_score_weighs_classes_and_not_images():
    truth = [0] * 8 + [1] * 2
    found = closed_set_score(truth, [0] * 10, classes=2)
    assert found.accuracy == 50
    assert found.by_class == (100, 0)


def test_a_class_absent_from_the_truth_counts_as_zero():
    found = closed_set_score([0, 1, 1], [0, 1, 1], classes=4)
    assert found.accuracy == 50
    assert found.by_class == (100, 100, 0, 0)


@given(PAIRS)
def test_the_score_is_the_definition(pair):
    truth, predicted = pair
    shares = []
    for label in range(5):
        mine = [p == label for t, p in zip(truth, predicted, strict=True) if t == label]
        shares.append(sum(mine) / len(mine) if mine else 0)
    found = closed_set_score(truth, predicted, classes=5)
    assert found.accuracy == pytest.approx(100 * sum(shares) / 5)
    assert found.by_class == pytest.approx([100 * share for share in shares])
    assert 0 <= found.accuracy <= 100


@given(PAIRS, st.permutations(range(5)))
def test_the_score_does_not_depend_on_the_names_of_the_classes(pair, names):
    truth, predicted = (np.array(x) for x in pair)
    renamed = closed_set_score(np.array(names)[truth], np.array(names)[predicted], classes=5)
    assert renamed.accuracy == closed_set_score(truth, predicted, classes=5).accuracy


@given(PAIRS)
def test_the_open_set_scores_hang_together(pair):
    truth, predicted = pair
    found = open_set_score(truth, predicted, known=4)
    assert found.os == pytest.approx((4 * found.os_star + found.unk) / 5)
    assert found.os == closed_set_score(truth, predicted, classes=5).accuracy
    assert found.hos <= (found.os_star + found.unk) / 2 + 1e-9
    assert min(found.os_star, found.unk) - 1e-9 <= found.hos <= max(found.os_star, found.unk) + 1e-9


@pytest.mark.parametrize(
    ("predicted", "os_star", "unk", "hos"),
    [
        ([0, 1, 2, 2], 100, 100, 100),
        ([2, 2, 2, 2], 0, 100, 0),
        ([0, 1, 0, 1], 100, 0, 0),
        ([1, 0, 0, 0], 0, 0, 0),
        ([0, 2, 2, 2], 50, 100, 200 / 3),
    ],
)
def test_the_harmonic_score_asks_for_both(predicted, os_star, unk, hos):
    found = open_set_score([0, 1, 2, 2], predicted, known=2)
    assert (found.os_star, found.unk, found.hos) == pytest.approx((os_star, unk, hos))


@pytest.mark.parametrize(
    ("truth", "predicted", "said"),
    [
        ([0, 12], [0, 0], "truth: row 1: is 12"),
        ([0, 1], [0, -1], "predicted: row 1: is -1"),
        ([0, 1], [0], "holds 1 of 2"),
    ],
)
def test_labels_that_do_not_fit_are_refused(truth, predicted, said):
    with pytest.raises(InputError, match=said):
        closed_set_score(truth, predicted)
