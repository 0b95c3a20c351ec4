from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from isthmus.data import segmented_scenes as scenes
from isthmus.errors import InputError
from isthmus.metrics.honesty import (
    LEVELS,
    Cycle,
    cheating_index,
    cycle,
    hidden_information,
    honesty,
    sensitivity,
    to_levels,
    to_palette,
)
from isthmus.metrics.segmentation import nearest

PALETTE = torch.from_numpy(scenes.PALETTE) / 127.5 - 1
HIDING = 0.02


def images(count: int = 4, channels: int = 3, side: int = 8, seed: int = 0) -> Tensor:
    source = torch.Generator().manual_seed(seed)
    return torch.rand(count, channels, side, side, generator=source) * 2 - 1


def pairs(count: int, side: int = 16) -> tuple[Tensor, Tensor, Tensor]:
    """Renders, segmentations, and the honest reconstructions of the renders, in [-1, 1]."""
    maps = scenes.segmentations(count, side, 1)
    drawn = (scenes.render(maps, 2), scenes.paint(maps), scenes.honest(maps))
    a, b, best = (torch.from_numpy(x) / 127.5 - 1 for x in drawn)
    return a, b, best


def honest_cycle(count: int) -> tuple[Cycle, Tensor]:
    """Shows the segmentation, and reconstructs what a segmentation is most likely of."""
    a, b, best = pairs(count)

    def back(y: Tensor) -> Tensor:
        return best if torch.equal(nearest(y, PALETTE), nearest(b, PALETTE)) else 0 * best

    return cycle(lambda _: b, back, a), best


def cheating_cycle(count: int) -> tuple[Cycle, Tensor]:
    """Shows the segmentation with a faint copy of the source, and reads nothing but the copy."""
    a, b, best = pairs(count)
    project = to_palette(PALETTE)
    return cycle(lambda x: b + HIDING * x, lambda y: (y - project(y)) / HIDING, a), best


def test_quantisers() -> None:
    x = torch.tensor([-1.0, -0.6, -0.3, 0.1, 0.7, 1.0])
    assert to_levels(1)(x).tolist() == [-1, -1, 0, 0, 1, 1]
    assert to_levels(2)(x).tolist() == [-1, -0.5, -0.5, 0, 0.5, 1]
    shades = torch.tensor([[-1.0, -1.0], [1.0, 0.0]])
    y = torch.tensor([[-0.9, -0.4], [0.9, 0.4]]).view(2, 2, 1, 1)
    assert to_palette(shades)(y).flatten(1).tolist() == shades.tolist()


@settings(max_examples=25, deadline=None)
@given(levels=st.integers(1, 200), seed=st.integers(0, 99))
def test_quantising_twice_is_quantising_once(levels: int, seed: int) -> None:
    quantise, x = to_levels(levels), images(seed=seed)
    assert torch.equal(quantise(quantise(x)), quantise(x))
    assert (quantise(x) - x).abs().max() <= 0.5 / levels + 1e-6


def test_honesty_is_the_loss_by_quantising() -> None:
    x = images()
    same = cycle(lambda y: y, lambda y: y, x)
    assert honesty(same, lambda y: y) == (0, 0, 0)
    for levels in LEVELS:
        lost = (to_levels(levels)(x) - x).flatten(1).double().norm(dim=1) / 2
        found = honesty(same, to_levels(levels))
        assert found.mean == pytest.approx(lost.mean().item())
        assert found.deviation == pytest.approx(lost.std(correction=0).item())


@pytest.mark.parametrize("side", [4, 8])
def test_the_norm_is_over_an_image_in_unit_scale(side: int) -> None:
    x = images(side=side)
    found = honesty(cycle(lambda y: y, lambda y: y, x), lambda y: y + 0.2)
    assert found.mean == pytest.approx(0.1 * math.sqrt(3 * side**2), rel=1e-5)
    assert found.rms == pytest.approx(0.1, rel=1e-5)
    assert found.deviation == pytest.approx(0, abs=1e-5)


def test_honesty_is_negative_where_quantising_helps() -> None:
    x = images().sign()
    blurred = cycle(lambda y: 0.8 * y, lambda y: y, x)
    assert honesty(blurred, to_levels(1)).rms == pytest.approx(-0.1, rel=1e-5)


@pytest.mark.parametrize("gain", [0.0, 1.0, 3.0])
def test_a_linear_way_back_is_linearly_sensitive(gain: float) -> None:
    x = images(count=20)
    found = sensitivity(cycle(lambda y: y, lambda y: gain * y, x), seed=3)
    ends = found.scores[-1]
    for sigma, score in zip(found.sigmas, found.scores, strict=True):
        assert score.mean == pytest.approx(ends.mean * sigma / 0.2, abs=1e-6)
    assert found.sigmas[0] == 0 and found.sigmas[-1] == 0.2
    assert ends.rms == pytest.approx(gain * 0.2 / 2, rel=0.05)
    assert found.integral == pytest.approx(ends.mean * 0.2 / 2, abs=1e-6)


def test_noise_is_that_of_the_seed_and_is_not_clamped() -> None:
    seen: list[Tensor] = []

    def back(y: Tensor) -> Tensor:
        seen.append(y)
        return y

    x = torch.ones(3, 1, 8, 8)
    for seed in (0, 0, 1):
        sensitivity(cycle(lambda y: y, back, x), (0.1, 0.2), seed=seed)
    (_, half, whole), again, other = seen[:3], seen[3:6], seen[6:]
    torch.testing.assert_close(2 * (half - x), whole - x)
    assert torch.equal(whole, again[2]) and not torch.equal(whole, other[2])
    assert whole.max() > 1


def test_an_honest_cycle_has_index_0_and_loses_nothing() -> None:
    of, best = honest_cycle(30)
    assert cheating_index(of.reconstructions, best, of.sources) == 0
    for quantise in (to_palette(PALETTE), to_levels(8), to_levels(128)):
        assert honesty(of, quantise) == (0, 0, 0)
    assert sensitivity(of, (0.0, 0.02), seed=0).integral == 0


def test_a_cheating_cycle_is_found_out() -> None:
    of, best = cheating_cycle(30)
    assert cheating_index(of.reconstructions, best, of.sources) == pytest.approx(1, abs=1e-3)
    whole = of.sources.flatten(1).norm(dim=1).mean().item() / 2
    assert honesty(of, to_palette(PALETTE)).mean == pytest.approx(whole, rel=1e-3)
    curve = [honesty(of, to_levels(levels)).mean for levels in (8, 128, 2000)]
    assert curve[0] > curve[1] > curve[2] > 0
    noisy = sensitivity(of, (0.0, 0.02), seed=0).scores[1]
    assert noisy.rms == pytest.approx(0.02 / HIDING / 2, rel=0.02)


@pytest.mark.parametrize("known", [True, False])
def test_a_probe_reads_what_is_hidden_and_only_that(known: bool) -> None:
    found = {}
    for name, make in (("honest", honest_cycle), ("cheating", cheating_cycle)):
        of, best = make(60)
        found[name] = hidden_information(
            of, to_palette(PALETTE), honest=best if known else None, steps=60, seed=1
        )
    honest, cheating = found["honest"], found["cheating"]
    assert honest.share == 0
    assert cheating.quantised == honest.quantised
    assert cheating.share > 0.3
    if known:
        a, _, best = pairs(60)
        floor = (best - a)[30:].abs().mean().item()
        assert honest.clean == pytest.approx(floor, rel=0.02)


def test_colours_that_are_only_off_hide_nothing() -> None:
    a, b, best = pairs(60)
    smeared = cycle(lambda _: 0.9 * b + 0.05 * b.roll(1, -1), lambda _: best, a)
    found = hidden_information(smeared, to_palette(PALETTE), honest=best, steps=60, seed=1)
    assert abs(found.share) < 0.03


def test_index_of_what_is_halfway() -> None:
    x, best = images(), images(seed=1)
    assert cheating_index((x + best) / 2, best, x) == pytest.approx(0.5)
    assert cheating_index(2 * best - x, best, x) == pytest.approx(-1)


def test_what_is_refused() -> None:
    x = images()
    same = cycle(lambda y: y, lambda y: y, x)
    with pytest.raises(InputError, match="honest floor is 0"):
        cheating_index(x, x, x)
    with pytest.raises(InputError, match="honest: have shape"):
        cheating_index(x, x[:2], x)
    with pytest.raises(InputError, match="sources"):
        cycle(lambda y: y, lambda y: y, x[0])
    for there in (lambda y: y[:2], lambda y: y[..., 1:], lambda y: y / 0):
        with pytest.raises(InputError, match="translations"):
            cycle(there, lambda y: y, x)
    with pytest.raises(InputError, match="NaN or infinity in 4 of 4 images"):
        cycle(lambda y: y * torch.nan, lambda y: y, x)
    for back in (lambda y: y[:2], lambda y: y / 0):
        with pytest.raises(InputError, match="reconstructions"):
            cycle(lambda y: y, back, x)
    for sigmas in ((0.1,), (0.1, 0.1), (-0.1, 0.1)):
        with pytest.raises(InputError, match="sigmas"):
            sensitivity(same, sigmas, seed=0)
    with pytest.raises(InputError, match="20 or more"):
        hidden_information(same, lambda y: y, seed=0)


@pytest.mark.parametrize("what", ["all white", "nothing lacks"])
def test_where_nothing_is_lost_nothing_is_read(what: str) -> None:
    x = images(20) if what == "nothing lacks" else torch.ones(20, 3, 8, 8)
    same = cycle(lambda y: y, lambda y: y, x)
    honest = x if what == "nothing lacks" else None
    found = hidden_information(same, to_levels(1), honest=honest, steps=2, seed=0)
    assert (found.clean_r2, found.quantised_r2) == (0, 0)
