from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.errors import InputError
from isthmus.metrics.moments import covariance_distance, mean_distance


def cloud(seed: int, n: int = 50, d: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d)) @ np.diag(np.arange(1.0, d + 1))


def test_a_shift_is_seen_by_the_means_alone() -> None:
    x, shift = cloud(0), np.array([3.0, 0.0, 4.0])
    assert mean_distance(x, x + shift) == pytest.approx(5.0)
    assert covariance_distance(x, x + shift) == pytest.approx(0, abs=1e-12)


@given(factor=st.floats(0.1, 10), seed=st.integers(0, 100))
def test_a_stretch_about_the_mean_is_seen_by_the_covariances_alone(
    factor: float, seed: int
) -> None:
    x = cloud(seed)
    stretched = x.mean(0) + factor * (x - x.mean(0))
    assert mean_distance(stretched, x) == pytest.approx(0, abs=1e-9)
    assert covariance_distance(stretched, x) == pytest.approx(abs(factor**2 - 1), abs=1e-9)


@given(seed=st.integers(0, 100), unit=st.floats(0.01, 100))
def test_rotations_and_units(seed: int, unit: float) -> None:
    a, b = cloud(seed), cloud(seed + 1000, 30) + 1
    q, _ = np.linalg.qr(cloud(seed + 2000, 3))
    assert mean_distance(unit * a @ q, unit * b @ q) == pytest.approx(unit * mean_distance(a, b))
    assert covariance_distance(unit * a @ q, unit * b @ q) == pytest.approx(
        covariance_distance(a, b)
    )


def test_covariances_are_unbiased() -> None:
    a, b = np.array([[0.0], [2.0]]), np.array([[0.0], [1.0], [2.0]])
    assert covariance_distance(a, b) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("a", "b", "where"),
    [
        (np.zeros((1, 2)), cloud(0, d=2), "a: is a single point"),
        (cloud(0, d=2), np.zeros((1, 2)), "b: is a single point"),
        (cloud(0, d=2), np.ones((9, 2)), "b: has no spread"),
        (cloud(0, d=2), cloud(0, d=3), "b: has 3 features where a has 2"),
    ],
)
def test_points_without_a_covariance_are_refused(a: np.ndarray, b: np.ndarray, where: str) -> None:
    with pytest.raises(InputError, match=where):
        covariance_distance(a, b)
