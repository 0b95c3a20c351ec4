from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from isthmus.errors import InputError
from isthmus.metrics.puppets import (
    correlation,
    jeffreys,
    jensen_shannon,
    mean_correlation,
    response,
    rest_variation,
    score,
)

REALS, SEQUENCES, STEPS = 3, 4, 5


def quantiles(mean: float, deviation: float, count: int = 1000) -> npt.NDArray[np.float64]:
    return norm.ppf((np.arange(count) + 0.5) / count, mean, deviation)


@given(st.integers(0, 1000), st.floats(0.1, 10), st.floats(-5, 5))
def test_correlation_is_that_of_pearson(seed: int, slope: float, offset: float) -> None:
    x, y = np.random.default_rng(seed).normal(size=(2, 9))
    assert correlation(x, y) == pytest.approx(np.corrcoef(x, y)[0, 1])
    assert correlation(slope * x + offset, x) == pytest.approx(1)
    assert correlation(-slope * x + offset, x) == pytest.approx(-1)


def test_what_is_constant_follows_nothing_and_what_follows_a_constant_is_unknown() -> None:
    moving = np.arange(4.0)
    assert correlation(np.full(4, 0.1), moving) == 0
    assert math.isnan(correlation(moving, np.full(4, 0.1)))
    rows = np.stack([moving, moving, moving])
    guides = np.stack([moving, -moving, np.full(4, 0.1)])
    assert mean_correlation(rows, guides) == 0
    assert mean_correlation(rows[::2], guides[::2]) == pytest.approx(1)
    assert math.isnan(mean_correlation(rows[2:], guides[2:]))


def test_rest_variation_is_the_deviation_over_guides_of_one_step() -> None:
    outputs = np.zeros((2, 2, 3, 1, 2, 2), np.uint8)
    outputs[1] = 255
    outputs[:, :, 1] = 40
    assert rest_variation(outputs) == 0
    outputs[0, 1, :, :, 0, 0] = 255
    moved = [255 / 2, 215 / 2, 255 / 2]
    assert rest_variation(outputs) == pytest.approx(sum(moved) / 255 / (2 * 3 * 4))


@settings(max_examples=10)
@given(st.floats(0, 0.5), st.floats(-5, 5))
def test_divergences_of_gaussians(shift: float, mean: float) -> None:
    """Quantiles of N(m, 1) under Scott's kernel are N(m, 1 + h^2), and J of two such is d^2 / v."""
    p, q = quantiles(mean, 1), quantiles(mean + shift, 1)
    variance = 1 + len(p) ** -0.4
    closed = shift**2 / variance
    assert jeffreys(p, q) == pytest.approx(closed, rel=0.03, abs=1e-4)
    assert jeffreys(q, p) == pytest.approx(jeffreys(p, q))
    assert jensen_shannon(p, q) == pytest.approx(closed / 8, rel=0.06, abs=1e-4)


@settings(max_examples=10)
@given(st.floats(0, 3), st.floats(0.5, 2))
def test_divergences_are_integrals_of_mixtures_of_kernels(shift: float, stretch: float) -> None:
    a, b = np.array([-1.0, 0.5, 2.0]), stretch * np.array([0.0, 1.0, 1.5, 3.0]) + shift

    def density(data: npt.NDArray[np.float64], x: float) -> float:
        width = data.std(ddof=1) * len(data) ** -0.2
        return float(norm.pdf(x, data, width).mean())

    def integrand(x: float) -> float:
        p, q = density(a, x), density(b, x)
        return (p - q) * math.log(p / q) if p and q else 0.0

    assert jeffreys(a, b) == pytest.approx(quad(integrand, -15, 25, limit=200)[0], rel=1e-4)


def test_the_divergence_of_the_data_has_a_bound_and_jeffreys_has_none() -> None:
    near, far = quantiles(0, 1, 200), quantiles(100, 1, 200)
    assert jensen_shannon(near, near) == pytest.approx(0, abs=1e-12)
    assert jeffreys(near, near) == pytest.approx(0, abs=1e-12)
    assert jensen_shannon(near, far) == pytest.approx(math.log(2), abs=1e-6)
    assert jeffreys(near, far) > 100


@settings(max_examples=20)
@given(st.integers(0, 100), st.floats(0, 3))
def test_jensen_shannon_is_symmetric_bounded_and_below_a_quarter_of_jeffreys(
    seed: int, shift: float
) -> None:
    a, b = np.random.default_rng(seed).normal(size=(2, 40))
    b += shift
    found = jensen_shannon(a, b)
    assert found == pytest.approx(jensen_shannon(b, a))
    assert 0 <= found <= min(math.log(2), jeffreys(a, b) / 4) + 1e-9


@pytest.mark.parametrize("wrong", [[1.0], [2.0, 2.0, 2.0]])
def test_a_measure_without_spread_has_no_density(wrong: list[float]) -> None:
    with pytest.raises(InputError, match="no spread"):
        jensen_shannon(quantiles(0, 1, 10), wrong)


def cells() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images of one pixel in three channels: class, attribute and rest."""
    real, guides = np.zeros((REALS, 3, 1, 1), np.uint8), np.zeros((SEQUENCES, STEPS, 3, 1, 1))
    real[:, 0, 0, 0] = np.arange(REALS)
    real[:, 2, 0, 0] = 10
    guides[:, :, 0] = 7
    guides[:, :, 1, 0, 0] = 40 * np.arange(STEPS)
    guides[:, :, 2, 0, 0] = 50 * np.arange(SEQUENCES)[:, None]
    shape = (REALS, SEQUENCES, STEPS, 3, 1, 1)
    guides = guides.astype(np.uint8)
    return (
        np.broadcast_to(real[:, None, None], shape).copy(),
        np.broadcast_to(guides, shape).copy(),
        guides,
    )


def channel(number: int) -> object:
    return lambda images: np.rint(255 * images[:, number, 0, 0]).astype(np.int64)


def scored(outputs: np.ndarray, guides: np.ndarray) -> object:
    return score(
        outputs,
        np.arange(REALS),
        guides,
        classify=channel(0),  # type: ignore[arg-type]
        attribute=channel(1),  # type: ignore[arg-type]
        rest=channel(2),  # type: ignore[arg-type]
    )


def test_the_perfect_model_the_copy_of_the_real_image_and_the_copy_of_the_guide() -> None:
    copied, guiding, guides = cells()
    perfect = copied.copy()
    perfect[:, :, :, 1] = guiding[:, :, :, 1]
    numbers = ("r_attribute", "r_attribute_sequence", "r_rest", "r_rest_step", "v_rest")
    expected = {
        "perfect": (perfect, 1, [1, 1, 0, 0, 0]),
        "real": (copied, 1, [0, 0, 0, 0, 0]),
        "guide": (guiding, 0, [1, 1, 1, 1, 50 * np.std(np.arange(4)) / 255 / 3]),
    }
    for outputs, accuracy, values in expected.values():
        found = scored(outputs, guides)
        assert found.accuracy.value == accuracy  # type: ignore[attr-defined]
        assert [getattr(found, name) for name in numbers] == pytest.approx(values)


def test_pooled_and_within_differ_where_real_images_set_the_level() -> None:
    copied, guiding, guides = cells()
    copied[:, :, :, 1] = (
        guiding[:, :, :, 1] // 20 + 60 * np.arange(REALS)[:, None, None, None, None]
    )
    found = scored(copied, guides)
    assert found.r_attribute_sequence == pytest.approx(1)  # type: ignore[attr-defined]
    spread = np.var(np.arange(5) * 2), np.var(np.arange(3) * 60)
    pooled = math.sqrt(spread[0] / sum(spread))
    assert found.r_attribute == pytest.approx(pooled)  # type: ignore[attr-defined]


def test_outputs_must_be_of_every_pair() -> None:
    copied, _, guides = cells()
    with pytest.raises(InputError, match="one output for each"):
        scored(copied[:, :2], guides)


@given(st.floats(-2, 2), st.floats(-2, 2), st.integers(0, 1000))
def test_slopes_inside_and_outside(inside: float, outside: float, seed: int) -> None:
    """An output that follows by one slope in the middle and by another at the ends."""
    rng = np.random.default_rng(seed)
    steps = np.full((3, 6), inside)
    steps[:, [0, -1]] = outside
    guide = 5 * np.tile(np.arange(7.0), (3, 1))
    moved = 5 * np.concatenate([np.zeros((3, 1)), steps.cumsum(1)], 1)
    output = moved + rng.normal(size=(4, 3, 1))
    scored = np.array([False, False, True, True, True, False, False])
    assert response(output, guide, scored) == pytest.approx((inside, outside), abs=1e-9)


def test_an_axis_that_turns_over_does_not_count() -> None:
    guide = np.tile(np.arange(7.0), (5, 1))
    output = np.tile(np.arange(7.0), (2, 5, 1))
    output[0, 0, 3:] -= 180
    scored = np.array([False, False, True, True, True, False, False])
    assert response(output, guide, scored) == (1, 1)
