from __future__ import annotations

from math import log

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from isthmus.alignment.dual import (
    MARGIN,
    dual_distance,
    dual_objective,
    gaussian_kernel,
    linear_kernel,
    primal_distance,
    project,
)
from isthmus.alignment.mmd import squared_mmd
from isthmus.errors import InputError

seeds = st.integers(0, 1000)


def normal(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def sets(
    seed: int, n: int = 40, m: int = 40, d: int = 2, shift: float = 1.0
) -> tuple[Tensor, Tensor]:
    return normal(n, d, seed=seed) + shift, normal(m, d, seed=seed + 10_000)


@given(
    seeds,
    st.sampled_from([(40, 40, 2), (1, 1, 1), (30, 70, 3), (5, 100, 8), (20, 20, 60)]),
    st.sampled_from([1e-3, 0.1, 1.0, 10.0, 1e3]),
    st.sampled_from([0.0, 1.0, 8.0]),
)
def test_the_dual_has_the_value_and_the_discriminator_of_the_primal(
    seed: int, size: tuple[int, int, int], regulariser: float, shift: float
) -> None:
    a, b = sets(seed, *size, shift=shift)
    primal = primal_distance(a, b, regulariser=regulariser)
    dual = dual_distance(a, b, regulariser=regulariser)
    assert abs(dual.value - primal.value) < 1e-8
    assert dual.gap < 1e-8
    assert dual.residual < 1e-10
    scores = a @ primal.weight + primal.bias
    torch.testing.assert_close(dual.discriminator(a), scores, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(dual.alpha_a, torch.sigmoid(-scores), rtol=1e-3, atol=1e-6)


def test_no_other_discriminator_is_better_and_no_other_weights_are() -> None:
    a, b = sets(3)
    primal, dual = primal_distance(a, b), dual_distance(a, b)
    blocks = linear_kernel(a, a), linear_kernel(b, b), linear_kernel(a, b)
    for seed in range(20):
        noise = 0.05 * normal(2, 40, seed=seed)
        alphas = project(dual.alpha_a + noise[0], dual.alpha_b + noise[1])
        assert dual_objective(*alphas, *blocks, 1.0) > dual.value
        weight, bias = primal.weight + noise[0, :2], primal.bias + noise[1, 0]
        odds = torch.cat([a @ weight + bias, -(b @ weight + bias)])
        likelihood = torch.nn.functional.logsigmoid(odds).sum() - weight @ weight / 2
        assert likelihood < primal.value


def test_one_point_a_side_has_a_closed_form() -> None:
    """By symmetry w = 2 alpha x / lambda and alpha = s(-w x) for the points x and -x."""
    x, regulariser = 1.5, 2.0
    point = torch.tensor([[x]], dtype=torch.float64)
    dual = dual_distance(point, -point, regulariser=regulariser)
    alpha = dual.alpha_a[0]
    torch.testing.assert_close(alpha, torch.sigmoid(-2 * alpha * x * x / regulariser))
    assert abs(dual.bias) < 1e-12
    likelihood = 2 * torch.log1p(-alpha)
    torch.testing.assert_close(dual.value, likelihood - 2 * (alpha * x) ** 2 / regulariser)


@pytest.mark.parametrize("width", [None, 0.7, "median"])
@pytest.mark.parametrize("n", [1, 40])
def test_sets_that_are_the_same_are_at_the_floor(width: float | None, n: int) -> None:
    a = torch.cat([normal(n, 3, seed=1), normal(n, 3, seed=2)])
    dual = dual_distance(a, a.flip(0), width=width)
    assert float(dual.value) == pytest.approx(-4 * n * log(2), abs=1e-10)
    half = torch.full_like(dual.alpha_a, 0.5)
    torch.testing.assert_close(torch.stack([dual.alpha_a, dual.alpha_b]), half.expand(2, -1))


def test_far_sets_are_separable() -> None:
    a, b = sets(0, shift=100.0)
    assert -0.02 < dual_distance(a, b).value < 0


@given(seeds, st.sampled_from([0.3, 1.0, 4.0]), st.sampled_from([0.1, 1.0, 10.0]))
def test_with_constant_weights_it_is_the_squared_mmd(
    seed: int, width: float, regulariser: float
) -> None:
    n = 30
    a, b = sets(seed, n, n)
    half = torch.full((n,), 0.5, dtype=torch.float64)
    blocks = (gaussian_kernel(x, y, width) for x, y in ((a, a), (b, b), (a, b)))
    expected = n**2 / (8 * regulariser) * squared_mmd(a, b, width=width) - 2 * n * log(2)
    torch.testing.assert_close(
        dual_objective(half, half, *blocks, regulariser), expected, rtol=0, atol=1e-9
    )


def test_the_gradient_in_the_points_is_that_of_the_primal_and_of_the_dual() -> None:
    a, b = (x.requires_grad_() for x in sets(5, 12, 17))
    by_dual = torch.autograd.grad(dual_distance(a, b, regulariser=0.5).value, (a, b))
    by_primal = torch.autograd.grad(primal_distance(a, b, regulariser=0.5).value, (a, b))
    torch.testing.assert_close(by_dual, by_primal, rtol=1e-6, atol=1e-7)
    for width in (None, 1.3):
        torch.autograd.gradcheck(
            lambda x, y, width=width: dual_distance(x, y, regulariser=0.5, width=width).value,
            (a, b),
        )
    torch.autograd.gradcheck(lambda x, y: primal_distance(x, y, regulariser=0.5).value, (a, b))


def test_the_kernel_discriminator_gives_the_weights() -> None:
    a, b = sets(6, 25, 35)
    dual = dual_distance(a, b, width=0.8)
    torch.testing.assert_close(dual.alpha_a, torch.sigmoid(-dual.discriminator(a)))
    torch.testing.assert_close(dual.alpha_b, torch.sigmoid(dual.discriminator(b)))


@given(seeds, st.sampled_from([None, "median"]))
def test_order_and_sides_do_not_matter(seed: int, width: float | None) -> None:
    a, b = sets(seed, 15, 20)
    order = torch.randperm(15, generator=torch.Generator().manual_seed(seed))
    one = dual_distance(a, b, width=width)
    permuted = dual_distance(a[order], b.flip(0), width=width)
    torch.testing.assert_close(permuted.value, one.value)
    torch.testing.assert_close(permuted.alpha_a, one.alpha_a[order], rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(dual_distance(b, a, width=width).value, one.value)
    torch.testing.assert_close(dual_distance(a + 3, b + 3, width=width).value, one.value)


@pytest.mark.parametrize("width", [None, 1.0, "median"])
def test_members_are_solved_each_for_itself(width: float | None) -> None:
    a, b = normal(2, 3, 20, 2, seed=1) + 1, normal(2, 3, 25, 2, seed=2)
    a[1, 2] += 5
    together = dual_distance(a, b, width=width)
    assert together.value.shape == together.bias.shape == (2, 3)
    alone = dual_distance(a[1, 2], b[1, 2], width=width)
    torch.testing.assert_close(together.value[1, 2], alone.value)
    torch.testing.assert_close(together.discriminator(a)[1, 2], alone.discriminator(a[1, 2]))
    primal = primal_distance(a, b)
    torch.testing.assert_close(primal.value[1, 2], primal_distance(a[1, 2], b[1, 2]).value)


@given(
    seeds, st.sampled_from([(1, 1), (7, 7), (3, 12), (40, 2)]), st.sampled_from([0.1, 1.0, 30.0])
)
def test_the_projection_is_the_nearest_point_allowed(
    seed: int, size: tuple[int, int], scale: float
) -> None:
    """Optimality: alpha - projection is a multiple of the signs wherever no bound is met."""
    a, b = (0.5 + scale * normal(2, n, seed=seed + n) for n in size)
    x, y = project(a, b)
    assert torch.allclose(x.sum(-1), y.sum(-1), rtol=0, atol=1e-12)
    assert torch.cat([x, y], -1).ge(MARGIN).all() and torch.cat([x, y], -1).le(1 - MARGIN).all()
    for member in range(2):
        moves = torch.cat([a[member] - x[member], y[member] - b[member]])
        landed = torch.cat([x[member], 1 - y[member]])
        inside = (landed > 2 * MARGIN) & (landed < 1 - 2 * MARGIN)
        low, high = landed <= 2 * MARGIN, landed >= 1 - 2 * MARGIN
        multiplier = moves[inside].mean() if inside.any() else None
        if multiplier is not None:
            torch.testing.assert_close(moves[inside], multiplier.expand(int(inside.sum())))
            assert (moves[low] <= multiplier + 1e-9).all()
            assert (moves[high] >= multiplier - 1e-9).all()
        elif low.any() and high.any():
            assert moves[low].max() <= moves[high].min() + 1e-9
    again = project(x, y)
    torch.testing.assert_close(again, (x, y), rtol=0, atol=1e-12)


def test_a_thousand_points_are_solved_in_few_steps() -> None:
    a, b = sets(0, 500, 500, 5, shift=0.3)
    dual = dual_distance(a, b, width="median")
    assert dual.steps <= 10
    assert dual.gap < 1e-8


def test_what_cannot_be_used_is_refused() -> None:
    a, b = sets(0, 5, 5)
    for solve in (primal_distance, dual_distance):
        with pytest.raises(InputError, match="features"):
            solve(a, b[:, :1])
        with pytest.raises(InputError, match="regulariser"):
            solve(a, b, regulariser=0.0)
        with pytest.raises(InputError, match="finite"):
            solve(a, b * torch.nan)
    for width in (0.0, -1.0):
        with pytest.raises(InputError, match="width"):
            dual_distance(a, b, width=width)
