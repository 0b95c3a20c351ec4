from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from isthmus.errors import InputError
from isthmus.stability.instance_noise import gradient, jensen_shannon, minimiser, noised
from isthmus.stages.instance_noise import draw, study

SETTINGS = {"gap": 2.0, "std": 0.28, "noise_std": 0.4734}
gaps = st.floats(-6, 6)
deviations = st.floats(0.2, 2)


def tensor(value: float) -> torch.Tensor:
    return torch.tensor(value, dtype=torch.float64)


@pytest.mark.parametrize(("gap", "std"), [(0.3, 1.0), (2.0, 0.28), (2.0, 0.55), (-5.0, 2.0)])
def test_divergence_against_adaptive_quadrature(gap, std):
    p, q = norm(-gap / 2, std), norm(gap / 2, std)

    def density(x):
        m = (p.pdf(x) + q.pdf(x)) / 2
        return (p.pdf(x) * math.log(p.pdf(x) / m) + q.pdf(x) * math.log(q.pdf(x) / m)) / 2

    reach = abs(gap) / 2 + 8 * std
    expected, _ = quad(density, -reach, reach, points=[-gap / 2, 0, gap / 2], epsabs=1e-12)
    assert float(jensen_shannon(tensor(gap), std)) == pytest.approx(expected, abs=1e-11)


@settings(deadline=None)
@given(gaps, deviations, st.floats(0, 2))
def test_divergence_properties(gap, std, noise_std):
    clean = float(jensen_shannon(tensor(gap), std))
    assert -1e-12 <= clean <= math.log(2) + 1e-12
    assert float(jensen_shannon(tensor(-gap), std)) == pytest.approx(clean, abs=1e-12)
    assert float(jensen_shannon(tensor(3 * gap), 3 * std)) == pytest.approx(clean, abs=1e-12)
    assert float(jensen_shannon(tensor(gap), noised(std, noise_std))) <= clean + 1e-12


@settings(deadline=None)
@given(gaps, deviations)
def test_gradient_against_differences(gap, std):
    h = 1e-5
    ends = jensen_shannon(tensor([gap - h, gap + h]), std)
    assert float(gradient(tensor(gap), std)) == pytest.approx(
        float(ends.diff()) / (2 * h), abs=1e-8
    )


def test_small_gaps_follow_the_fisher_information():
    std, gap = 0.7, 1e-3
    assert float(jensen_shannon(tensor(gap), std)) == pytest.approx(gap**2 / (8 * std**2), rel=1e-5)
    assert float(gradient(tensor(gap), std)) == pytest.approx(gap / (4 * std**2), rel=1e-5)


@settings(deadline=None, max_examples=20)
@given(deviations)
def test_equal_laws_are_the_minimum(std):
    assert minimiser(std, -3, 4) == pytest.approx(0, abs=1e-4)


def test_noise_turns_a_flat_gradient_into_a_useful_one():
    metrics = study(SETTINGS)
    without, with_noise = metrics["without-noise"], metrics["with-noise"]
    assert with_noise["std"] == pytest.approx(0.55, abs=1e-4)
    assert with_noise["gradient"]["mean"] >= 10 * without["gradient"]["mean"]
    assert without["gradient"]["mean"] < 0.005 * without["peak_gradient"]["mean"]
    assert abs(with_noise["minimiser"]["mean"]) < 1e-4


def test_figure_is_deterministic(tmp_path: Path):
    draw(SETTINGS, tmp_path / "first.png")
    draw(SETTINGS, tmp_path / "second.png")
    assert (tmp_path / "first.png").read_bytes() == (tmp_path / "second.png").read_bytes()


def test_deviation_must_be_positive():
    with pytest.raises(InputError, match="std"):
        jensen_shannon(tensor(1.0), 0.0)
