from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from isthmus.translation.pool import mix


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_while_the_history_is_short_new_images_are_shown_and_kept() -> None:
    images = torch.arange(4.0).view(4, 1)
    shown, history = mix(None, images, 6, _generator())
    assert torch.equal(shown, images)
    assert torch.equal(history, images)


def test_without_history_new_images_are_shown() -> None:
    images = torch.arange(4.0).view(4, 1)
    shown, history = mix(None, images, 0, _generator())
    assert torch.equal(shown, images)
    assert not len(history)


@given(size=st.integers(0, 8), rounds=st.integers(1, 5), seed=st.integers(0, 99))
def test_every_image_is_shown_or_kept_and_none_is_kept_twice(
    size: int, rounds: int, seed: int
) -> None:
    source, history = _generator(seed), torch.empty(0, 1)
    for number in range(rounds):
        images = torch.arange(4.0 * number, 4.0 * number + 4).view(4, 1)
        before = history.clone()
        shown, later = mix(history, images, size, source)
        assert torch.equal(history, before)
        assert len(shown) == 4
        assert len(later) == len(later.unique()) == min(size, 4 * number + 4)
        had, has = (
            set(torch.cat(parts).flatten().tolist()) for parts in ((before, images), (shown, later))
        )
        assert had == has
        history = later


def test_about_half_of_what_is_shown_is_old() -> None:
    source = _generator()
    _, history = mix(None, torch.zeros(4000, 1), 4000, source)
    shown, history = mix(history, torch.ones(400, 1), 4000, source)
    assert 160 < int(shown.sum()) < 240
    assert int(history.sum()) == 400 - int(shown.sum())
