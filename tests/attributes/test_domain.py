from __future__ import annotations

import numpy as np
import pytest
import torch

from isthmus.attributes.domain import audit
from isthmus.errors import InputError


def normal(seed: int, n: int, d: int = 4) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d))


def test_one_law_looks_like_chance_without_bias() -> None:
    rates = [audit(normal(i, 200), normal(i + 50, 200), steps=100, seed=i) for i in range(12)]
    mean = np.mean([rate.value for rate in rates])
    assert abs(mean - 0.5) < 4 * 0.5 / np.sqrt(12 * 200)
    assert rates[0].error == pytest.approx(0.5 / np.sqrt(200), rel=0.05)


def test_far_clouds_are_told_apart() -> None:
    assert audit(normal(0, 200), normal(1, 200) + 5, seed=0).value == 1


def test_equal_moments_do_not_deceive_it() -> None:
    ring = normal(0, 1000, 2)
    ring *= np.sqrt(2) / np.linalg.norm(ring, axis=1, keepdims=True)
    assert audit(ring, normal(1, 1000, 2), seed=0).value > 0.7


def test_chance_is_a_half_however_unequal_the_sets() -> None:
    rate = audit(normal(0, 4000), normal(1, 400), seed=0)
    assert rate.value == pytest.approx(0.5, abs=0.1)
    assert rate.error == pytest.approx(0.025, rel=0.05)


def test_neither_units_nor_a_shift_of_both_matter_much() -> None:
    a, b = normal(0, 400), normal(1, 400) + 1
    plain, moved = (audit(x, y, seed=0).value for x, y in ((a, b), (1e-3 * a + 9, 1e-3 * b + 9)))
    assert moved == pytest.approx(plain, abs=0.03)


def test_the_seed_decides_and_the_global_generator_stays() -> None:
    a, b = normal(0, 100), normal(1, 100) + 0.5
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    found = [audit(a, b, steps=50, seed=seed) for seed in (0, 0, 1, 2, 3)]
    assert torch.equal(torch.rand(2), expected)
    assert found[0] == found[1]
    assert len(set(found)) > 1


@pytest.mark.parametrize("count", [2, 3])
def test_constant_points_and_tiny_sets_are_judged(count: int) -> None:
    assert audit(np.zeros((count, 2)), np.zeros((count, 2)), steps=5, seed=0).value == 0.5
    assert audit(np.zeros((count, 2)), np.ones((count, 2)), steps=200, seed=0).value == 1


def test_unusable_points_are_refused() -> None:
    with pytest.raises(InputError, match="at least two"):
        audit(normal(0, 1), normal(1, 9), seed=0)
    with pytest.raises(InputError, match="target: has 3 features where aligned has 4"):
        audit(normal(0, 9), normal(1, 9, 3), seed=0)
    with pytest.raises(InputError, match="target: row 0"):
        audit(normal(0, 9), np.full((9, 4), np.inf), seed=0)
