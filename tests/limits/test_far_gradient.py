from __future__ import annotations

import math

import pytest
import torch

from isthmus.limits.far_gradient import DISTANCES, gradients

SHIFTS = [1.0, 4.0, 16.0]


@pytest.fixture(scope="module")
def found() -> dict[str, list[float]]:
    return gradients(SHIFTS, 100, seed=0)


def test_the_gradient_of_emd_grows_with_the_distance(found: dict[str, list[float]]) -> None:
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn(2, 100, 1, dtype=torch.float64, generator=generator)
    gap = float(a.mean() - b.mean())
    assert found["emd"] == pytest.approx([2 * (shift + gap) for shift in SHIFTS])


def test_one_gaussian_decays_like_the_inverse_distance(found: dict[str, list[float]]) -> None:
    assert found["lrmf-gaussian"][-1] == pytest.approx(2 / 16, rel=0.2)


def test_coral_does_not_see_means(found: dict[str, list[float]]) -> None:
    assert max(found["coral"]) < 1e-12


def test_a_narrow_kernel_and_a_perfect_discriminator_leave_nothing(
    found: dict[str, list[float]],
) -> None:
    for method in ("mmd", "gan"):
        assert found[method][-1] < 1e-6 * found[method][0]


@pytest.mark.parametrize("name", DISTANCES)
def test_slopes_are_those_of_finite_differences(name: str) -> None:
    generator = torch.Generator().manual_seed(1)
    a, b = torch.randn(2, 40, 1, dtype=torch.float64, generator=generator)
    h = 1e-5
    up, down = (float(DISTANCES[name](a + 2 + s * h, b)) for s in (1, -1))
    (slope,) = gradients([2.0], 40, seed=1)[name]
    assert math.isclose(slope, abs(up - down) / (2 * h), rel_tol=1e-4, abs_tol=1e-6)
