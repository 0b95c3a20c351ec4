from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from torch import Tensor

from isthmus.data.pairs import split_domains
from isthmus.metrics.honesty import cheating_index
from isthmus.networks.images import image_bytes
from isthmus.translation.paired_sets import PAIRED_SETS, STEPS
from isthmus.translation.translator import to_unit

MANY_TO_ONE = ("scenes", "colour-digits")


@cache
def drawn(name: str, part: str = "test", seed: int = 0) -> tuple[Tensor, Tensor]:
    tables = PAIRED_SETS[name].load(size=16, train_size=24, test_size=30, seed=seed)
    a, b = map(image_bytes, split_domains(tables[part]))
    return a, b


@pytest.mark.parametrize("name", PAIRED_SETS)
@pytest.mark.parametrize(("part", "count"), [("train", 24), ("test", 30)])
def test_both_domains_are_in_the_same_order(name: str, part: str, count: int) -> None:
    a, b = drawn(name, part)
    assert a.shape == b.shape == (count, 3, 16, 16)
    again, other = drawn(name, part), drawn(name, part, seed=1)
    assert torch.equal(again[0], a) and not torch.equal(other[0], a)


@pytest.mark.parametrize("name", MANY_TO_ONE)
@pytest.mark.parametrize("part", ["train", "test"])
def test_no_reconstruction_from_the_partner_beats_the_floor(name: str, part: str) -> None:
    a, b = drawn(name, part)
    shown = PAIRED_SETS[name].shown
    floor, sources = shown.floor(b), to_unit(a)
    assert floor is not None
    assert cheating_index(floor, floor, sources) == 0
    for worse in (sources.mean(0).expand_as(sources), floor.roll(1, 0), to_unit(b)):
        assert cheating_index(worse, floor, sources) < -0.02
    assert cheating_index(sources, floor, sources) == 1


@pytest.mark.parametrize("name", MANY_TO_ONE)
def test_the_quantiser_leaves_segmentations_alone(name: str) -> None:
    _, b = drawn(name)
    quantise, y = PAIRED_SETS[name].shown.quantise(), to_unit(b)
    torch.testing.assert_close(quantise(y), y)
    faint = 0.1 * torch.rand(y.shape, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(quantise(y - faint), y)


def test_where_b_shows_all_there_is_no_palette_and_no_floor() -> None:
    _, b = drawn("stick-figures")
    shown = PAIRED_SETS["stick-figures"].shown
    assert shown.colours() is None and shown.floor(b) is None
    rounded = shown.quantise()(to_unit(b))
    assert (rounded - to_unit(b)).abs().max() <= 0.5 / STEPS + 1e-6
    assert len(np.unique(rounded)) <= 2 * STEPS + 1
