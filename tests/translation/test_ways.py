from __future__ import annotations

import pytest
import torch
from torch import Tensor

from isthmus.errors import InputError
from isthmus.metrics.honesty import cycle, honesty
from isthmus.translation.cyclegan import CycleGan, CycleGanTerms
from isthmus.translation.munit import Munit
from isthmus.translation.trivial import CopyGuide
from isthmus.translation.ways import round_trip, way

SMALL = {"width": 4, "blocks": 1, "fold": 2, "discriminator_width": 4, "levels": 1}


def batch(count: int = 5, side: int = 16) -> tuple[Tensor, Tensor]:
    source = torch.Generator().manual_seed(0)
    a, b = torch.rand(2, count, 3, side, side, generator=source) * 2 - 1
    return a, b


def test_a_way_is_the_translator_without_noise_in_parts() -> None:
    model, (a, _) = CycleGan(**SMALL, terms=CycleGanTerms(noise=0.5)).train(), batch()
    parts, whole = (way(model, "a2b", batch_size=size)(a) for size in (2, 250))
    torch.testing.assert_close(parts, whole)
    torch.testing.assert_close(whole, model.translate(a, "a2b"))
    assert model.training and not whole.requires_grad
    of = cycle(way(model, "a2b"), way(model, "b2a"), a)
    torch.testing.assert_close(of.reconstructions, model.translate(whole, "b2a").detach())
    assert honesty(of, lambda y: y).mean == pytest.approx(0, abs=1e-4)


def test_the_guides_of_the_way_back_are_a_policy() -> None:
    model, (a, b) = Munit(**SMALL, scales=2, style=3), batch()
    there = way(model, "a2b", b)
    own, other = (
        cycle(there, way(model, "b2a", guides, batch_size=2), a).reconstructions
        for guides in (a, a.roll(1, 0))
    )
    torch.testing.assert_close(own, model.translate(there(a), "b2a", a).detach())
    assert not torch.allclose(own, other)


def test_what_is_refused() -> None:
    a, b = batch()
    with pytest.raises(InputError, match="direction"):
        way(CopyGuide(), "b2b")  # type: ignore[arg-type]
    for guides in (None, b[:3]):
        with pytest.raises(InputError, match="guide"):
            way(CopyGuide(), "a2b", guides)(a)


def test_a_round_trip_is_guided_by_others_there_and_by_the_sources_back() -> None:
    model, (a, b) = Munit(**SMALL, scales=2, style=3).eval(), batch()
    of = round_trip(model, a, b)
    with torch.no_grad():
        there = model.translate(a, "a2b", b.roll(-1, 0))
        torch.testing.assert_close(of.translations, there)
        torch.testing.assert_close(of.reconstructions, model.translate(there, "b2a", a))
        other = model.translate(there, "b2a", a.roll(1, 0))
    torch.testing.assert_close(round_trip(model, a, b, own=False).reconstructions, other)
    fewer = round_trip(model, a, b[:2]).translations
    torch.testing.assert_close(fewer[:1], of.translations[:1])


def test_a_translator_without_a_guide_is_the_same_under_either_policy() -> None:
    model, (a, b) = CycleGan(**SMALL), batch()
    first, second = (round_trip(model, a, b, own=own).reconstructions for own in (True, False))
    assert torch.equal(first, second)
