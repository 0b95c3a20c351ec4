from __future__ import annotations

import math

import pytest
import torch
import zuko
from torch import Tensor, nn

from isthmus.densities import Gaussian, RealNVPDensity, fit
from isthmus.densities.descent import descend, minibatches, split
from isthmus.densities.seeds import Seeds
from isthmus.errors import InputError


def cloud(n: int = 600, seed: int = 0) -> Tensor:
    noise = torch.randn(n, 2, generator=torch.Generator().manual_seed(seed))
    return noise @ torch.tensor([[1.0, 0.6], [0.0, 0.5]]) + 0.5


def small(seeds: int | tuple[int, ...] = 0, **options: object) -> RealNVPDensity:
    shape = () if isinstance(seeds, int) else (len(seeds),)
    return RealNVPDensity(2, couplings=4, hidden=(16,), batch_shape=shape, seeds=seeds, **options)


def test_gradient_descent_reaches_the_closed_form() -> None:
    x, test = cloud(), cloud(seed=1)
    density = Gaussian(2)
    result = fit(density, x, held_out=test, steps=600, learning_rate=0.05)
    best = -Gaussian(2).fit(x)().log_prob(test)
    assert result.nll.item() == pytest.approx(best.mean().item(), abs=0.005)
    assert result.error.item() == pytest.approx(best.std().item() / math.sqrt(600), rel=0.05)
    assert result.curve.shape == (600,)
    assert result.curve[-1] < result.curve[0]
    assert result.steps == 600


def test_realnvp_learns_a_gaussian() -> None:
    x, test = cloud(2000), cloud(1000, seed=1)
    result = fit(small(), x, held_out=test, steps=300, learning_rate=5e-3)
    best = -Gaussian(2).fit(x)().log_prob(test).mean()
    assert result.nll.item() == pytest.approx(best.item(), abs=0.05)


def test_a_member_trains_as_the_single_model_of_its_seed() -> None:
    x = torch.stack([cloud(seed=3), cloud(seed=4), cloud(seed=5)])
    ensemble = small((7, 1, 4))
    together = fit(ensemble, x, steps=30, batch_size=64, seeds=(7, 1, 4))
    assert together.curve.shape == (30, 3)
    for index, seed in enumerate((7, 1, 4)):
        single = small(seed)
        alone = fit(single, x[index], steps=30, batch_size=64, seeds=seed)
        torch.testing.assert_close(together.curve[:, index], alone.curve, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(together.nll[index], alone.nll, rtol=1e-4, atol=1e-4)


def test_the_same_seed_gives_the_same_bytes() -> None:
    densities = [small((0, 1)) for _ in range(2)]
    for density in densities:
        fit(density, cloud(), steps=20, seeds=(0, 1))
    assert torch.equal(densities[0].transform.weights, densities[1].transform.weights)


@pytest.mark.parametrize("flow", [zuko.flows.NSF, zuko.flows.MAF])
def test_a_density_of_zuko_drops_in(flow: type[nn.Module]) -> None:
    torch.manual_seed(0)
    density = flow(2, transforms=2, hidden_features=(16, 16))
    result = fit(density, cloud(), steps=60, learning_rate=5e-3)
    assert result.nll < result.curve[0] - 0.3


class Brittle(nn.Module):
    """One number for each member, lowered by each step; the chosen member's loss breaks at 30."""

    def __init__(self, members: tuple[int, ...], broken: int | None) -> None:
        super().__init__()
        self.level = nn.Parameter(torch.full((*members, 1), 10.0))
        self.broken = broken
        self.calls = 0

    def forward(self) -> Tensor:
        self.calls += 1
        loss = self.level.sum(-1)
        if self.calls > 30 and self.broken is not None:
            poison = torch.zeros_like(loss)
            poison.view(-1)[self.broken] = math.nan
            loss = loss * (1 + poison)
        return loss


def test_a_member_that_breaks_keeps_its_last_good_state_and_the_others_go_on() -> None:
    model, healthy = Brittle((3,), broken=1), Brittle((3,), broken=None)
    options = {"members": torch.Size([3]), "steps": 40, "learning_rate": 0.1}
    result = descend(model, model.parameters(), **options)
    descend(healthy, healthy.parameters(), **options)
    assert result.steps.tolist() == [40, 25, 40]
    assert result.curve.isnan().sum(0).tolist() == [0, 10, 0]
    assert torch.equal(model.level[[0, 2]], healthy.level[[0, 2]])
    assert healthy.level[1].item() < model.level[1].item() < 10


def test_a_single_model_that_breaks_stops_at_once() -> None:
    model = Brittle((), broken=0)
    result = descend(model, model.parameters(), members=torch.Size(), steps=1000, learning_rate=0.1)
    assert (model.calls, result.steps.item(), len(result.curve)) == (31, 25, 31)
    assert model.level.isfinite().all()


def test_a_broken_gradient_stops_as_well() -> None:
    parameter = nn.Parameter(torch.zeros(1))
    result = descend(
        lambda: parameter.sqrt().sum(),
        [parameter],
        members=torch.Size(),
        steps=1,
        learning_rate=0.1,
    )
    assert result.steps == 0
    assert parameter.item() == 0


def test_the_gradient_is_clipped_for_each_member_alone() -> None:
    seen: list[Tensor] = []
    level = nn.Parameter(torch.ones(2, 3))
    level.register_post_accumulate_grad_hook(lambda p: seen.append(p.grad))
    slopes = torch.tensor([[3.0, 0.0, 4.0], [30.0, 0.0, 40.0]])
    descend(
        lambda: (slopes * level).sum(-1),
        [level],
        members=torch.Size([2]),
        steps=1,
        learning_rate=0.1,
        clip=10.0,
    )
    torch.testing.assert_close(seen[0], torch.tensor([[3.0, 0.0, 4.0], [6.0, 0.0, 8.0]]))


def test_the_cosine_lowers_the_step_to_zero() -> None:
    paths = {}
    for schedule in ("cosine", "constant"):
        level = nn.Parameter(torch.zeros(1))
        track: list[float] = []

        def loss(level: nn.Parameter = level, track: list[float] = track) -> Tensor:
            track.append(level.item())
            return level.sum()

        descend(
            loss, [level], members=torch.Size(), steps=101, learning_rate=0.1, schedule=schedule
        )
        paths[schedule] = -torch.tensor([*track, level.item()]).diff()
    torch.testing.assert_close(paths["constant"], torch.full((101,), 0.1), rtol=1e-3, atol=0)
    assert paths["cosine"][0].item() == pytest.approx(0.1, rel=1e-3)
    assert paths["cosine"][50].item() == pytest.approx(0.05, rel=0.05)
    assert paths["cosine"][-1].item() < 1e-4


def test_an_epoch_shows_each_sample_once_in_the_order_of_the_member() -> None:
    x = torch.arange(12.0).view(12, 1).repeat(1, 2)
    seeds = Seeds.of((3, 4))
    batches = minibatches(x, 4, seeds)
    epoch = torch.cat([next(batches) for _ in range(3)], -2)
    assert epoch.shape == (2, 12, 2)
    assert torch.equal(epoch.sort(-2).values, x.expand(2, 12, 2))
    assert not torch.equal(epoch[0], epoch[1])
    alone = minibatches(x, 4, Seeds.of(4))
    assert torch.equal(next(alone), epoch[1, :4])
    assert next(minibatches(x, 100, seeds)).shape == (2, 12, 2)


def test_a_split_loses_no_sample() -> None:
    x = torch.arange(10.0).view(10, 1)
    train, test = split(x, 0.2, Seeds.of((0, 1)))
    assert train.shape == (2, 8, 1)
    assert test.shape == (2, 2, 1)
    assert torch.equal(torch.cat([train, test], -2).sort(-2).values, x.expand(2, 10, 1))
    with pytest.raises(InputError, match="held_out"):
        split(x, 0.05, Seeds.of(0))


def test_the_samples_take_the_precision_of_the_density() -> None:
    assert fit(small(), cloud().double(), steps=2).nll.dtype == torch.float32
    assert fit(small().double(), cloud().numpy(), steps=2).nll.dtype == torch.float64


@pytest.mark.parametrize(("built", "asked"), [((), (0, 1)), ((2,), 0), ((2,), (0, 1, 2))])
def test_a_model_that_is_not_the_ensemble_asked_for_is_refused(
    built: tuple[int, ...], asked: int | tuple[int, ...]
) -> None:
    with pytest.raises(InputError, match="seed"):
        fit(Gaussian(2, batch_shape=built), cloud(), steps=1, seeds=asked)
