"""The rivals of LRMF: losses against closed forms, then aligners on a shift they can all undo."""

from __future__ import annotations

import math
from functools import partial

import pytest
import torch
from torch import Tensor

from isthmus.alignment.adversarial import (
    SNGAN,
    WGANGP,
    critic_loss,
    gradient_penalty,
    logistic_discriminator_loss,
    non_saturating_loss,
)
from isthmus.alignment.emd import emd
from isthmus.alignment.flow_matching import FlowMatching, flow_matching_loss, paired
from isthmus.alignment.free_points import FreePoints
from isthmus.alignment.mmd import squared_mmd
from isthmus.densities import RealNVP
from isthmus.errors import InputError


def cloud(seed: int, n: int = 200, d: int = 2) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


def flow(seeds: list[int]) -> RealNVP:
    return RealNVP(2, couplings=2, hidden=(16,), batch_shape=(len(seeds),), seeds=seeds)


class TestLosses:
    def test_a_discriminator_that_knows_nothing_pays_two_log_two(self) -> None:
        zero = torch.zeros(3, 10)
        expected = torch.full((3,), 2 * math.log(2))
        torch.testing.assert_close(logistic_discriminator_loss(zero, zero), expected)
        torch.testing.assert_close(non_saturating_loss(zero), expected / 2)

    def test_the_best_discriminator_pays_two_log_two_minus_twice_the_divergence(self) -> None:
        p = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
        q = torch.tensor([0.1, 0.2, 0.7], dtype=torch.float64)
        logits, mixture = (p / q).log(), (p + q) / 2
        real = logits.repeat_interleave((p * 10).round().long())
        fake = logits.repeat_interleave((q * 10).round().long())
        jsd = ((p * (p / mixture).log()).sum() + (q * (q / mixture).log()).sum()) / 2
        loss = logistic_discriminator_loss(real, fake)
        assert loss.item() == pytest.approx(2 * math.log(2) - 2 * jsd.item())
        for other in (0.9, 1.1):
            assert logistic_discriminator_loss(other * real, other * fake) > loss

    def test_the_non_saturating_gradient_survives_a_sure_discriminator(self) -> None:
        logit = torch.tensor([-30.0], requires_grad=True)
        non_saturating_loss(logit).backward()
        assert logit.grad is not None
        assert logit.grad.item() == pytest.approx(-1)

    def test_the_penalty_is_zero_for_slope_one_and_its_square_beyond(self) -> None:
        real, fake, mix = cloud(0), cloud(1), torch.rand(200, 1)
        direction = torch.tensor([0.6, 0.8])
        for slope, expected in ((1.0, 0.0), (3.0, 4.0), (0.0, 1.0)):
            found = gradient_penalty(lambda x, s=slope: s * x @ direction, real, fake, mix)
            assert found.item() == pytest.approx(expected, abs=1e-6)

    def test_the_critic_of_a_shift_finds_its_length(self) -> None:
        x = cloud(0)
        loss = critic_loss(x[:, 0] + 2, x[:, 0])
        assert loss.item() == pytest.approx(-2, abs=1e-6)


class TestFlowMatching:
    def test_a_shift_is_paired_point_by_point(self) -> None:
        a = torch.stack([cloud(0, 50), cloud(1, 50)])
        order = torch.randperm(50, generator=torch.Generator().manual_seed(2))
        torch.testing.assert_close(paired(a, (a + 3)[:, order]), a + 3)

    def test_the_loss_is_zero_for_the_velocity_of_a_shift(self) -> None:
        a, time = cloud(0), torch.rand(200, 1)
        shift = torch.tensor([1.0, -2.0])
        loss = flow_matching_loss(lambda x, t: shift.expand_as(x), a, a + shift, time)
        assert loss.item() == pytest.approx(0, abs=1e-10)

    def test_it_undoes_a_shift(self) -> None:
        a, b = cloud(0) + 2, cloud(1)
        aligner = FlowMatching(steps=200, hidden=(32,), seeds=[0, 1]).fit(a, b)
        moved = aligner.transform(a)
        assert moved.shape == (2, 200, 2)
        assert (moved.mean(1) - b.mean(0)).norm(dim=-1).max() < 0.4


class TestAdversarial:
    @pytest.mark.parametrize(("kind", "steps", "rate"), [(SNGAN, 100, 2e-3), (WGANGP, 260, 5e-4)])
    def test_it_reduces_a_shift(
        self, kind: type[SNGAN] | type[WGANGP], steps: int, rate: float
    ) -> None:
        a, b = cloud(0) + 1, cloud(1)
        seeds = [0, 1]
        aligner = kind(
            flow(seeds),
            steps=steps,
            learning_rate=rate,
            discriminator_steps=5,
            hidden=(32,),
            seeds=seeds,
        ).fit(a, b)
        before = (a.mean(0) - b.mean(0)).norm()
        after = (aligner.transform(a).mean(1) - b.mean(0)).norm(dim=-1)
        assert after.max() < 0.7 * before
        assert aligner.result_.steps == steps
        assert (aligner.score(a, b) <= 0).all()

    def test_the_same_seed_gives_the_same_map_alone_or_in_company(self) -> None:
        a, b = cloud(0) + 1, cloud(1)
        options = {"steps": 5, "hidden": (8,), "discriminator_steps": 1}
        both = SNGAN(flow([3, 4]), seeds=[3, 4], **options).fit(a, b).transform(a)  # type: ignore[arg-type]
        alone = SNGAN(flow([4]), seeds=[4], **options).fit(a, b).transform(a)  # type: ignore[arg-type]
        torch.testing.assert_close(both[1], alone[0], atol=1e-5, rtol=1e-5)

    def test_the_score_is_worst_where_all_can_be_told_apart(self) -> None:
        a, b = cloud(0) + 50, cloud(1)
        aligner = SNGAN(steps=1, discriminator_steps=200, learning_rate=1e-2).fit(a, b)
        assert aligner.score(a, b).item() == pytest.approx(-0.5, abs=0.02)


class TestFreePoints:
    @pytest.mark.parametrize("distance", [emd, partial(squared_mmd, width=1.0)])
    def test_the_points_go_where_the_distance_is_small(self, distance) -> None:  # type: ignore[no-untyped-def]
        a, b = cloud(0, 60) + 1, cloud(1, 60)
        aligner = FreePoints(distance, steps=150)
        moved = aligner.fit_transform(a, b)
        assert moved.shape == a.shape
        assert distance(moved, b.double()) < 0.02 * distance(a.double(), b.double())
        assert aligner.score(b).item() == pytest.approx(-distance(moved, b.double()).item())

    def test_emd_ends_on_the_points_of_b(self) -> None:
        a, b = cloud(0, 30) + 1, cloud(1, 30)
        moved = FreePoints(emd, steps=300).fit_transform(a, b)
        assert torch.cdist(moved, b.double()).min(1).values.max() < 1e-2

    def test_samples_that_do_not_fit_are_refused(self) -> None:
        with pytest.raises(InputError, match="features"):
            FreePoints(emd).fit(cloud(0), cloud(1, d=3))
