from __future__ import annotations

from itertools import islice

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from isthmus.errors import InputError
from isthmus.networks.randomness import batches, generator, seeded


@given(count=st.integers(1, 30), size=st.integers(1, 70), seed=st.integers(0, 5))
def test_no_index_is_more_than_one_use_ahead(count: int, size: int, seed: int) -> None:
    drawn = list(islice(batches(count, size, generator(seed, "x")), 5))
    assert {len(batch) for batch in drawn} == {size}
    used = torch.bincount(torch.cat(drawn), minlength=count)
    assert len(used) == count
    assert used.max() - used.min() <= 1


def test_batches_are_shuffled_anew_and_follow_the_seed() -> None:
    one, again, other = (
        torch.stack(list(islice(batches(50, 50, generator(seed, "x")), 2))) for seed in (0, 0, 1)
    )
    assert torch.equal(one, again)
    assert not torch.equal(one[0], one[1])
    assert not torch.equal(one, other)


@pytest.mark.parametrize(("count", "size"), [(0, 4), (4, 0), (4, -1)])
def test_nothing_to_draw_is_refused(count: int, size: int) -> None:
    with pytest.raises(InputError, match="batch_size"):
        next(batches(count, size, generator(0, "x")))


def test_purposes_are_independent() -> None:
    a, b = (torch.rand(4, generator=generator(0, purpose)) for purpose in ("a", "b"))
    assert not torch.equal(a, b)


def test_a_seeded_block_leaves_the_global_generator_as_it_was() -> None:
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    with seeded(0):
        first = torch.rand(2)
    assert torch.equal(torch.rand(2), expected)
    with seeded(0):
        assert torch.equal(torch.rand(2), first)
