from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from isthmus.audit.sensitivity import Counterfactuals, against_truth, flips, sensitivity, wilson
from isthmus.errors import InputError

Z = norm.ppf(0.975)


def moved(decisions, source, level, labels) -> Counterfactuals:
    return Counterfactuals(*map(np.array, (decisions, source, level, labels)))


@pytest.mark.parametrize("count", [1, 7, 1000])
def test_wilsons_interval_at_the_ends(count: int) -> None:
    assert wilson(0.0, count) == pytest.approx((0, Z**2 / (count + Z**2)))
    assert wilson(1.0, count) == pytest.approx((count / (count + Z**2), 1))


@given(st.integers(1, 500), st.data())
def test_wilsons_interval_solves_its_equation(count: int, data: st.DataObject) -> None:
    share = data.draw(st.integers(0, count)) / count
    low, high = wilson(share, count)
    assert 0 <= low <= share <= high <= 1
    for p in (low, high):
        assert abs(share - p) == pytest.approx(Z * np.sqrt(p * (1 - p) / count), abs=1e-9)
    assert wilson(1 - share, count) == pytest.approx((1 - high, 1 - low))


@pytest.mark.parametrize(("share", "count"), [(1.1, 3), (0.5, 0), (-0.1, 3)])
def test_a_share_of_nothing_is_refused(share: float, count: int) -> None:
    with pytest.raises(InputError, match="share"):
        wilson(share, count)


def test_rates_by_hand() -> None:
    images = moved([0, 1, 1, 1, 1], [0, 0, 1, 1, 1], [0, 1, 0, 1, 1], [0, 0, 1, 1, 1])
    found = sensitivity([0, 1], [0, 0], images, 3)
    assert found["accuracy"]["value"] == pytest.approx(4 / 5)
    assert found["flip_rate"]["value"] == pytest.approx(1 / 5)
    assert found["original_accuracy"]["value"] == 0.5
    assert [each["images"] for each in found["levels"]] == [2, 3, 0]
    assert found["levels"][1]["flip_rate"]["value"] == pytest.approx(1 / 3)
    assert found["levels"][1]["decided"] == [0, 1]
    assert found["levels"][2] == dict.fromkeys(("accuracy", "flip_rate", "decided")) | {"images": 0}
    assert flips([0, 1], images).tolist() == [False, True, False, False, False]


def test_intervals_count_originals_and_not_images() -> None:
    many = moved(*(np.tile(c, 50) for c in ([0, 1], [0, 1], [0, 0], [0, 0])))
    few = moved([0, 1], [0, 1], [0, 0], [0, 0])
    one, other = (sensitivity([0, 0], [0, 0], each, 1) for each in (many, few))
    assert one["accuracy"] == other["accuracy"]


@given(st.integers(1, 40), st.integers(0, 10_000))
def test_the_truth_predicts_itself(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    before, labels = rng.integers(3, size=(2, 5))
    source, level = rng.integers(5, size=count), rng.integers(4, size=count)
    images = moved(rng.integers(3, size=count), source, level, labels[source])
    found = sensitivity(before, labels, images, 4)
    same = against_truth(found, found)
    assert [same[f"{name}_error"] for name in ("accuracy", "flip_rate", "response")] == [0, 0, 0]
    for name in ("flip_correlation", "response_correlation"):
        assert same.get(name, 1) == pytest.approx(1)


def test_a_response_the_wrong_way_round() -> None:
    source, level, labels = [0, 0], [0, 1], [0, 0]
    up, down = (
        sensitivity([0], [0], moved(decisions, source, level, labels), 2)
        for decisions in ([0, 1], [1, 0])
    )
    found = against_truth(up, down)
    assert found["flip_correlation"] == found["response_correlation"] == pytest.approx(-1)
    assert found["response_error"] == 1
    assert found["accuracy_error"] == 0
    still = sensitivity([0], [0], moved([0, 0], source, level, labels), 2)
    assert "flip_correlation" not in against_truth(up, still)


def test_columns_must_fit() -> None:
    with pytest.raises(InputError, match="counterfactuals"):
        sensitivity([0], [0], moved([0, 1], [0], [0], [0]), 1)
