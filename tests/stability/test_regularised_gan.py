from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from isthmus.errors import InputError
from isthmus.stability.regularised_gan import (
    MODE_DEVIATION,
    Networks,
    Normal,
    annealed,
    centres,
    coverage,
    in_plane,
    omega,
    order,
    penalty_against_noise,
    regularised_objective,
    seven_normals,
    train,
)
from isthmus.stages.regularised_gan import NOISE, PAIRS, draw, judge


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_omega_of_a_linear_logit_is_its_closed_form() -> None:
    w = torch.tensor([3.0, -4.0])
    real, fake = torch.randn(6, 2, generator=rng()), torch.randn(9, 2, generator=rng(1))
    d_real, d_fake = torch.sigmoid(real @ w), torch.sigmoid(fake @ w)
    found = omega(real @ w, w.expand(6, 2), fake @ w, w.expand(9, 2))
    expected = 25 * ((1 - d_real).square().mean() + d_fake.square().mean())
    torch.testing.assert_close(found, expected)


def test_the_objective_of_a_linear_logit_is_its_closed_form_for_each_member() -> None:
    real, fake = torch.randn(2, 6, 3, generator=rng()), torch.randn(2, 4, 3, generator=rng(1))
    w = torch.tensor([1.0, 2.0, -2.0])
    weight = torch.tensor([0.0, 0.3])
    found = regularised_objective(lambda x: x @ w, real, fake, weight)
    d_real, d_fake = torch.sigmoid(real @ w), torch.sigmoid(fake @ w)
    plain = d_real.log().mean(-1) + (1 - d_fake).log().mean(-1)
    penalty = 9 * ((1 - d_real).square().mean(-1) + d_fake.square().mean(-1))
    torch.testing.assert_close(found, plain - weight / 2 * penalty)


def test_a_blind_discriminator_is_worth_minus_2_log_2_at_any_weight() -> None:
    x = torch.randn(5, 2, generator=rng())
    found = regularised_objective(lambda x: 0 * x.sum(-1), x, x + 1, 7.0)
    assert found.item() == pytest.approx(-2 * math.log(2))


def test_the_objective_reaches_the_parameters_through_the_penalty() -> None:
    network = Networks((2, 5, 1), [rng()]).double()
    x = torch.randn(1, 4, 2, dtype=torch.float64, generator=rng(1))
    first = network.weights[0]

    def value(weight: Tensor) -> Tensor:
        def logit(x: Tensor) -> Tensor:
            out = torch.func.functional_call(network, {"weights.0": weight}, (x,))
            return out.squeeze(-1)

        return regularised_objective(logit, x, x.flip(-1) + 0.5, 3.0).sum()

    assert torch.autograd.gradcheck(value, first.detach().clone().requires_grad_())


@given(st.floats(-1, 1), st.floats(0.5, 1.5), st.floats(0.5, 1.5))
def test_the_penalty_is_the_noise_up_to_the_fourth_power(
    gap: float, first: float, second: float
) -> None:
    pair = Normal(gap + 1.0, first), Normal(-1.0, second)
    noise = torch.tensor([0.02, 0.04])
    assert order(noise, penalty_against_noise(*pair, noise)) > 3.5


@pytest.mark.parametrize("pair", PAIRS)
def test_away_from_the_best_discriminator_only_up_to_the_second(pair) -> None:
    found = order(NOISE, penalty_against_noise(*pair, NOISE, confidence=0.5))
    assert found == pytest.approx(2, abs=0.1)


def test_the_order_of_a_power_is_its_exponent() -> None:
    noise = torch.tensor([0.1, 0.2, 0.4], dtype=torch.float64)
    assert order(noise, 5 * noise**3) == pytest.approx(3)


def test_the_mixture_lies_on_a_unit_circle_in_a_tilted_plane() -> None:
    x = seven_normals(7000, rng())
    flat = in_plane(x)
    torch.testing.assert_close(in_plane(centres()).norm(dim=-1), torch.ones(7))
    assert int(torch.linalg.matrix_rank(x - x.mean(0), tol=1e-2)) == 2
    assert float((flat.norm(dim=-1) - 1).std()) == pytest.approx(MODE_DEVIATION, rel=0.05)
    nearest = torch.cdist(x, centres()).argmin(-1)
    assert torch.bincount(nearest, minlength=7).min() > 850


def test_coverage_of_the_mixture_of_one_mode_and_of_the_middle() -> None:
    one = centres()[2].expand(50, 3)
    middle = centres().mean(0).expand(50, 3)
    found = coverage(torch.stack([seven_normals(50, rng()), one, middle]))
    assert found.modes.tolist() == [7, 1, 0]
    assert found.good[0] > 0.9 and found.good[1:].tolist() == [1, 0]
    torch.testing.assert_close(found.distance[1:], torch.tensor([0.0, 1.0]))


def test_the_annealed_weight_falls_geometrically() -> None:
    weight = annealed(0.1, 0.01, 5)
    torch.testing.assert_close(weight[[0, 2, 4]], torch.tensor([0.1, 0.01, 0.001]))
    torch.testing.assert_close(weight[1:] / weight[:-1], torch.full((4,), 0.01**0.25))


def trained(steps: int, seeds: list[int], **schedules: float) -> dict[str, Tensor]:
    weights = {name: torch.full((steps,), weight) for name, weight in schedules.items()}
    return train(weights, batch=16, hidden=8, learning_rate=1e-2, samples=20, seeds=seeds)


def test_members_are_alone_and_begin_alike() -> None:
    both = trained(10, [1, 2], plain=0.0, strong=5.0)
    alone = trained(10, [2], strong=5.0)
    torch.testing.assert_close(both["strong"][1], alone["strong"][0])
    assert not torch.allclose(both["plain"], both["strong"])
    begun = trained(1, [1], one=0.0, other=0.0)
    assert torch.equal(begun["one"], begun["other"])


def test_same_seed_same_samples() -> None:
    assert torch.equal(trained(3, [4], a=0.1)["a"], trained(3, [4], a=0.1)["a"])


def test_training_brings_the_samples_nearer() -> None:
    first, last = (coverage(trained(n, [0], a=0.1)["a"]).distance for n in (1, 300))
    assert last < 0.8 * first


def test_schedules_of_different_lengths_are_refused() -> None:
    with pytest.raises(InputError, match="steps"):
        train(
            {"a": torch.zeros(2), "b": torch.zeros(3)},
            batch=4,
            hidden=4,
            learning_rate=1e-3,
            samples=4,
            seeds=[0],
        )


def test_the_study_judges_and_draws(tmp_path) -> None:
    samples = trained(2, [0, 1], unregularised=0.0, constant=0.1)
    assert judge(samples["constant"])["modes"]["seeds"] == 2
    gaps = [penalty_against_noise(*PAIRS[0], NOISE, confidence=c) for c in (1.0, 0.5)]
    draw(samples, *gaps, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 10_000
