from __future__ import annotations

import pytest
import torch
from torch import Tensor

from isthmus.metrics.audit import FAINT, SIGMA, SPREAD, audit, exhibits
from isthmus.metrics.honesty import LEVELS, Cycle, cycle, to_palette

PALETTE = torch.tensor([[-1.0] * 3, [1.0] * 3])
FAINTLY = 0.05
DETAIL = "its fine detail"


def images(count: int = 40, side: int = 8) -> tuple[Tensor, Tensor]:
    """Sources of one random colour each on the right half, and what B shows of them: the half."""
    source = torch.Generator().manual_seed(0)
    colours = torch.rand(count, 3, 1, 1, generator=source) * 2 - 1
    half = torch.ones(count, 3, side, side)
    half[..., : side // 2] = -1
    return torch.where(half > 0, colours, -1.0), half


def cheat() -> Cycle:
    """Shows the half with a faint copy of the colour, and reads the copy."""
    a, half = images()
    return cycle(lambda x: half + FAINTLY * x, lambda y: (y - half) / FAINTLY, a)


def honest() -> tuple[Cycle, Tensor]:
    a, half = images()
    best = torch.where(half > 0, 0.0, -1.0)
    return cycle(lambda _: half, lambda y: torch.where(y > 0, 0.0, -1.0), a), best


def test_a_cheat_is_found_out() -> None:
    of, (_, best) = cheat(), honest()
    found = audit(of, to_palette(PALETTE), honest=best, steps=200, seed=0)
    figures = found.figures
    assert figures["cheating_index"] == pytest.approx(1, abs=1e-4)
    assert figures["rh"] > 1 and figures["cycle_error"] < 1e-4
    assert figures["hidden_r2"] > 0.5 > 0.2 > figures["hidden_r2_quantised"]
    assert figures["sn"] == pytest.approx(found.sigmas[SIGMA])
    assert figures["sn_3_256"] == pytest.approx(figures["sn"] * FAINT / SIGMA, rel=1e-4)
    assert list(found.levels) == list(LEVELS)
    assert found.levels[1] > found.levels[128] > 0
    assert list(found.sigmas) == sorted(found.sigmas) and found.sigmas[0.0] == 0


def test_an_honest_cycle_is_let_off() -> None:
    of, best = honest()
    figures = audit(of, to_palette(PALETTE), honest=best, steps=20, seed=0).figures
    assert (figures["rh"], figures["sn"], figures["cheating_index"]) == (0, 0, 0)
    assert figures["hidden_r2"] == pytest.approx(0, abs=0.1)


def test_without_a_floor_there_is_no_index() -> None:
    figures = audit(cheat(), to_palette(PALETTE), steps=1, seed=0).figures
    assert "cheating_index" not in figures and figures["rh"] > 1


def test_images_that_are_all_alike_give_finite_figures() -> None:
    white = torch.ones(20, 3, 8, 8)
    found = audit(cycle(lambda x: x, lambda y: y, white), to_palette(PALETTE), steps=1, seed=0)
    assert all(torch.tensor([*found.figures.values()]).isfinite())
    assert found.figures["rh"] == found.figures["cycle_error"] == 0


def test_the_picture_shows_what_is_hidden() -> None:
    a, _ = images(count=3)
    board = torch.ones(8, 8)
    board[::2, ::2] = board[1::2, 1::2] = -1
    of = cycle(lambda _: 0.05 * board.expand_as(a), lambda y: y, a)
    shown = exhibits(of, to_palette(PALETTE), seed=0)
    assert all(each.shape == a.shape for each in shown.values())
    fine = shown[DETAIL]
    assert torch.equal(fine[..., 1:-1, 1:-1].sign(), board.expand_as(a)[..., 1:-1, 1:-1])
    assert fine.square().mean().sqrt().item() == pytest.approx(1 / SPREAD, rel=1e-4)
    fainter = cycle(lambda _: 0.01 * board.expand_as(a), lambda y: y, a)
    torch.testing.assert_close(exhibits(fainter, to_palette(PALETTE), seed=0)[DETAIL], fine)
    flat = exhibits(cycle(lambda _: 0 * a + 0.3, lambda y: y, a), to_palette(PALETTE), seed=0)
    torch.testing.assert_close(flat[DETAIL], torch.zeros_like(a), atol=1e-5, rtol=0)
    assert torch.equal(shown["back, quantised"], to_palette(PALETTE)(of.translations))
