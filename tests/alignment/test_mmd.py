from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from isthmus.alignment.mmd import median_width, squared_mmd
from isthmus.errors import InputError

seeds = st.integers(0, 1000)


def cloud(seed: int, n: int = 30, d: int = 3) -> Tensor:
    return torch.randn(n, d, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def naive(a: Tensor, b: Tensor, width: float, unbiased: bool) -> float:
    def mean(x: Tensor, y: Tensor, own: bool) -> float:
        kernel = [
            float((-(p - q).square().sum() / (2 * width**2)).exp())
            for i, p in enumerate(x)
            for j, q in enumerate(y)
            if not (own and unbiased and i == j)
        ]
        return sum(kernel) / len(kernel)

    return mean(a, a, True) + mean(b, b, True) - 2 * mean(a, b, False)


@pytest.mark.parametrize("estimator", ["biased", "unbiased"])
@pytest.mark.parametrize("width", [0.3, 2.0])
def test_it_is_the_double_sum(estimator: str, width: float) -> None:
    a, b = cloud(0, 12), cloud(1, 9) + 1
    found = squared_mmd(a, b, width=width, estimator=estimator)  # type: ignore[arg-type]
    assert found.item() == pytest.approx(naive(a, b, width, estimator == "unbiased"), abs=1e-12)


@pytest.mark.parametrize("estimator", ["biased", "unbiased", "linear"])
def test_between_gaussians_it_nears_the_closed_form(estimator: str) -> None:
    d, s, delta, width = 2, 1.5, 2.0, 1.0
    n = 200_000 if estimator == "linear" else 4000
    a, b = s * cloud(0, n, d), s * cloud(1, n, d)
    b[:, 0] += delta
    r = width**2 / (width**2 + 2 * s**2)
    shift = torch.tensor(-r * delta**2 / (2 * width**2), dtype=torch.float64)
    expected = 2 * r ** (d / 2) * (1 - shift.exp()).item()
    found = squared_mmd(a, b, width=width, estimator=estimator)  # type: ignore[arg-type]
    assert found.item() == pytest.approx(expected, abs=0.004)


@given(seeds, st.floats(0.1, 10))
def test_zero_on_the_same_sample_and_never_negative(seed: int, width: float) -> None:
    a, b = cloud(seed), cloud(seed + 1, 20)
    assert abs(squared_mmd(a, a.flip(0), width=width).item()) < 1e-12
    assert squared_mmd(a, b, width=width).item() >= -1e-14


def test_the_unbiased_estimate_is_zero_on_average() -> None:
    found = [
        squared_mmd(cloud(2 * k), cloud(2 * k + 1), width=1.0, estimator="unbiased").item()
        for k in range(200)
    ]
    assert min(found) < 0 < max(found)
    assert abs(sum(found) / 200) < 0.004


def test_several_widths_add_their_kernels() -> None:
    a, b = cloud(0), cloud(1)
    both = squared_mmd(a, b, width=[0.5, 2.0])
    torch.testing.assert_close(both, squared_mmd(a, b, width=0.5) + squared_mmd(a, b, width=2.0))


def test_an_ensemble_is_its_members() -> None:
    a, b = torch.stack([cloud(0), cloud(1)]), cloud(2, 20)
    found = squared_mmd(a, b, width=1.0)
    torch.testing.assert_close(
        found, torch.stack([squared_mmd(x, b, width=1.0) for x in a]), atol=1e-14, rtol=0
    )


@pytest.mark.parametrize("estimator", ["biased", "unbiased", "linear"])
def test_gradients(estimator: str) -> None:
    a, b = cloud(0, 6).requires_grad_(), (cloud(1, 6) + 1).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda x, y: squared_mmd(x, y, width=[0.7, 2.0], estimator=estimator),  # type: ignore[arg-type]
        (a, b),
    )


def test_far_points_give_numbers() -> None:
    a = cloud(0).requires_grad_()
    value = squared_mmd(a, cloud(1) + 1e6, width=1e-3)
    value.backward()
    assert value.isfinite()
    assert a.grad is not None
    assert a.grad.isfinite().all()


def test_the_median_rule() -> None:
    a, b = torch.tensor([[0.0], [1.0]]), torch.tensor([[3.0]])
    assert median_width(a, b) == 2.0
    with pytest.raises(InputError, match="median distance 0"):
        median_width(a[:1], a[:1].repeat(3, 1))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"width": 0}, "positive"),
        ({"width": []}, "positive"),
        ({"width": float("nan")}, "positive"),
    ],
)
def test_an_impossible_width_is_refused(arguments: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        squared_mmd(cloud(0), cloud(1), **arguments)  # type: ignore[arg-type]


def test_samples_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match="features"):
        squared_mmd(cloud(0), cloud(0, d=2), width=1.0)
    with pytest.raises(InputError, match="paired"):
        squared_mmd(cloud(0), cloud(0, 20), width=1.0, estimator="linear")
    with pytest.raises(InputError, match="give more"):
        squared_mmd(cloud(0, 1), cloud(0), width=1.0, estimator="unbiased")
