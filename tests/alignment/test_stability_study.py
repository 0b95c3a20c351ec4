from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from isthmus.alignment.dual import dual_distance, primal_distance, project
from isthmus.alignment.mmd import median_width, squared_mmd
from isthmus.alignment.stability_study import (
    GRADIENT_PENALTY,
    METHODS,
    Adda,
    Dual,
    Grid,
    Mmd,
    Runs,
    SourceNetwork,
    Stability,
    Start,
    WassersteinGp,
    adapt,
    logarithmic,
    stability_study,
)
from isthmus.data import typeset
from isthmus.errors import InputError

GRID = Grid([1e-3, 1e-2], [0.5, 1.0, 4.0])


def cloud(seed: int, n: int = 40, shift: float = 0.0) -> Tensor:
    return torch.randn(n, 3, generator=torch.Generator().manual_seed(seed)) + shift


def start(grid: Grid = GRID, *, shift: float = 1.0) -> Start:
    return Start(grid, cloud(0), cloud(1, shift=shift), batch_size=40, seed=0)


def per_run(x: Tensor, grid: Grid = GRID) -> Tensor:
    return x.expand(*grid.shape, *x.shape)


def images(seed: int, n: int = 60) -> Tensor:
    return torch.rand(n, 1, 8, 8, generator=torch.Generator().manual_seed(seed))


def network() -> SourceNetwork:
    return SourceNetwork(8, width=4, size=6, seed=0).requires_grad_(False)


def heads(method: str, grid: Grid) -> Tensor:
    """Final weights of two epochs of one method, `(L, R, H, D)`."""
    runs = adapt(
        method, network(), images(0), images(1), grid=grid, epochs=2, batch_size=20, seed=3
    )
    return list(runs)[-1].weight


@pytest.mark.parametrize("method", METHODS)
def test_a_grid_holds_the_runs_made_one_by_one(method: str) -> None:
    together = heads(method, GRID)
    for i, rate in enumerate(GRID.learning_rates):
        for j, regulariser in enumerate(GRID.regularisers):
            alone = heads(method, Grid([rate], [regulariser]))[0, 0]
            torch.testing.assert_close(together[i, j], alone, rtol=0, atol=rate / 100)
    assert torch.equal(together, heads(method, GRID))


@pytest.mark.parametrize("method", METHODS)
def test_a_run_starts_at_the_source_and_learns_at_its_rate(method: str) -> None:
    model = network()
    runs = adapt(method, model, images(0), images(1), grid=GRID, epochs=1, batch_size=20, seed=0)
    first, last = list(runs)
    x = torch.randn(5, model.head.in_features)
    torch.testing.assert_close(first(x), per_run(model.head(x).relu()))
    moved = (last.weight - first.weight).abs().amax((1, 2, 3))
    assert 0 < moved[0] < moved[1]


def test_each_run_of_adam_is_one_alone() -> None:
    runs = Runs(torch.tensor([1.0, -2.0]), grid=GRID, betas=(0.9, 0.999))
    for _ in range(5):
        (x,) = runs.tensors()
        runs.step((x**2).sum(-1))
    for i, rate in enumerate(GRID.learning_rates):
        alone = torch.tensor([1.0, -2.0], requires_grad=True)
        adam = torch.optim.Adam([alone], lr=rate)
        for _ in range(5):
            adam.zero_grad()
            (alone**2).sum().backward()
            adam.step()
        expected = alone.detach().expand(3, 2)
        torch.testing.assert_close(runs.tensors()[0][i].detach(), expected)


def test_the_discriminator_of_adda_finds_the_primal_optimum() -> None:
    grid = Grid([0.02], [1.0, 5.0])
    begin = start(grid)
    method, rows = Adda(begin), torch.arange(40)
    b = per_run(begin.b, grid)
    for _ in range(1000):
        loss = method(begin.a, b, rows, rows)
    for j, regulariser in enumerate(begin.logistic_regulariser.tolist()):
        best = primal_distance(begin.a, begin.b, regulariser=40 * regulariser)
        scores = begin.b.double() @ best.weight + best.bias
        torch.testing.assert_close(
            loss[0, j].double(), torch.nn.functional.softplus(-scores).mean(), rtol=1e-3, atol=0
        )


def test_the_wasserstein_critic_gets_the_slope_that_the_penalty_allows() -> None:
    """max over w of w.d - p (|w| - 1)^2 has |w| = 1 + |d| / (2 p), in the direction of d."""
    grid = Grid([0.003], [0.1, 1.0])
    begin = start(grid)
    method, rows = WassersteinGp(begin), torch.arange(40)
    b = per_run(begin.b, grid)
    for _ in range(400):
        method(begin.a, b, rows, rows)
    gap = begin.a.mean(0) - begin.b.mean(0)
    found = method._critic.scores(begin.a).mean(-1) - method._critic.scores(b).mean(-1)
    size = float(gap.norm())
    for j, factor in enumerate(grid.regularisers):
        slope = 1 + size / (2 * GRADIENT_PENALTY * factor)
        assert math.isclose(float(found[0, j]), size * slope, rel_tol=0.01)


def test_mmd_has_the_width_of_the_run() -> None:
    begin, rows = start(), torch.arange(40)
    found = Mmd(begin)(begin.a, per_run(begin.b), rows, rows)
    width = median_width(begin.a, begin.b)
    for j, factor in enumerate(GRID.regularisers):
        expected = squared_mmd(begin.a, begin.b, width=factor * width)
        torch.testing.assert_close(found[:, j], expected.expand(2))


def test_the_dual_starts_as_a_linear_mmd() -> None:
    """With every alpha 1/2: n^2 |mean a - mean b|^2 / (8 lambda) - 2 n log 2, n = 40."""
    begin, rows = start(), torch.arange(40)
    found = Dual(begin)(begin.a, per_run(begin.b), rows, rows)
    gap = (begin.a.mean(0) - begin.b.mean(0)).square().sum()
    expected = 40**2 * gap / (8 * 40 * begin.logistic_regulariser) - 80 * math.log(2)
    torch.testing.assert_close(found, expected.double().expand(2, 3), rtol=1e-5, atol=0)


def test_the_weights_of_the_dual_descend_to_its_solution_and_keep_their_sums() -> None:
    grid = Grid([0.005], [1.0, 5.0])
    begin, rows = start(grid), torch.randperm(40, generator=torch.Generator().manual_seed(0))
    method, b = Dual(begin), per_run(begin.b[rows], grid)
    values = torch.stack([method(begin.a[rows], b, rows, rows).detach() for _ in range(1000)])
    assert (values.diff(dim=0) <= 1e-9).all()
    torch.testing.assert_close(method._alpha_a.sum(-1), method._alpha_b.sum(-1))
    for j, regulariser in enumerate(begin.logistic_regulariser.tolist()):
        best = dual_distance(begin.a, begin.b, regulariser=40 * regulariser)
        torch.testing.assert_close(values[-1, 0, j], best.value, rtol=1e-5, atol=0)
        torch.testing.assert_close(method._alpha_a[0, j], best.alpha_a, rtol=0, atol=2e-3)


def test_a_weight_makes_up_for_being_met_once_in_a_pass() -> None:
    """At alpha = 1/2, H is flat: the step is the rate times 2 batches times x.w, w = sum y x / 2."""
    begin, rows = (
        Start(GRID, cloud(0), cloud(1, shift=1.0), batch_size=20, seed=0),
        torch.arange(20),
    )
    method = Dual(begin)
    method(begin.a[rows], per_run(begin.b[rows]), rows, rows)
    a, b = begin.a[:20].double(), begin.b[:20].double()
    for j, regulariser in enumerate(begin.logistic_regulariser.double().tolist()):
        weight = (a.sum(0) - b.sum(0)) / (2 * 20 * regulariser)
        for i, rate in enumerate(GRID.learning_rates):
            steps = (0.5 - 2 * rate * (a @ weight), 0.5 + 2 * rate * (b @ weight))
            expected = torch.cat(project(*steps))
            found = torch.cat([method._alpha_a[i, j, :20], method._alpha_b[i, j, :20]])
            torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    assert (method._alpha_a[..., 20:] == 0.5).all()


@pytest.mark.parametrize("method", METHODS)
def test_the_loss_pulls_the_target_to_the_source(method: str) -> None:
    grid = Grid([0.01], [1.0])
    begin, rows = start(grid, shift=2.0), torch.arange(40)
    loss = METHODS[method](begin)
    moved = Runs(torch.zeros(1, 3), grid=grid, betas=loss.betas)
    for _ in range(500):
        moved.step(loss(begin.a, begin.b + moved.tensors()[0], rows, rows))
    before, after = (
        (begin.a.mean(0) - begin.b.mean(0) - shift).norm()
        for shift in (torch.zeros(3), moved.tensors()[0].detach().flatten())
    )
    assert after < before / 3


def test_the_share_counts_runs_strictly_above_their_own_source() -> None:
    last = np.array([[[0.5, 0.6], [0.7, 0.4]], [[0.5, 0.6], [0.7, 0.4]]])
    accuracy = np.stack([np.ones_like(last), last], 1)
    found = Stability(np.array([0.5, 0.3]), {"dual": accuracy})
    assert found.share_above_source("dual").tolist() == [50.0, 100.0]


def test_a_study_judges_every_run_from_the_source_only_accuracy_on() -> None:
    tables = typeset.load(16, train_size=200, test_size=50, seed=0)
    train, test = tables["train"], tables["test"]
    found = stability_study(
        train.images(),
        train.factors["digit"],
        1 - train.images()[:80],
        1 - test.images(),
        test.factors["digit"],
        grid=GRID,
        epochs=2,
        batch_size=20,
        width=4,
        size=8,
        source_steps=60,
        seeds=[0, 1],
    )
    assert found.source_only.shape == (2,)
    assert list(found.accuracy) == list(METHODS)
    for accuracy in found.accuracy.values():
        assert accuracy.shape == (2, 3, *GRID.shape)
        assert (accuracy[:, 0] == found.source_only[:, None, None]).all()
        assert ((accuracy >= 0) & (accuracy <= 1)).all()


def test_a_logarithmic_grid_has_even_ratios() -> None:
    np.testing.assert_allclose(logarithmic(1e-5, 1e-2, 4), [1e-5, 1e-4, 1e-3, 1e-2])


def test_what_cannot_be_used_is_refused() -> None:
    with pytest.raises(InputError, match="learning_rates"):
        Grid([0.0], [1.0])
    with pytest.raises(InputError, match="regularisers"):
        Grid([1.0], [])
    for method, size, match in (("gan", 20, "method"), ("dual", 61, "batch_size")):
        with pytest.raises(InputError, match=match):
            next(
                adapt(
                    method,
                    network(),
                    images(0),
                    images(1),
                    grid=GRID,
                    epochs=1,
                    batch_size=size,
                    seed=0,
                )
            )
