"""Randomness that comes from a seed and leaves torch's global generator as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from isthmus.errors import InputError
from isthmus.seeding import derive


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Within the block, torch's global generator (on the CPU) starts from `seed`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def generator(seed: int, purpose: str) -> torch.Generator:
    """A generator for one purpose, independent of those for others."""
    return torch.Generator().manual_seed(derive(seed, purpose))


def batches(count: int, size: int, source: torch.Generator) -> Iterator[Tensor]:
    """Endless batches of `size` indices below `count`, shuffled anew at each pass.

    Passes are strung together: no batch is short, also where `size` exceeds `count`, and no index
    is ever more than one use ahead of another.

    Raises:
        InputError: There is nothing to draw from, or the size is not positive.
    """
    if count < 1 or size < 1:
        raise InputError(
            "batch_size",
            f"is {size}, drawn from {count} samples",
            mend="use at least 1, and give at least one sample",
        )
    left = torch.empty(0, dtype=torch.long)
    while True:
        while len(left) < size:
            left = torch.cat([left, torch.randperm(count, generator=source)])
        yield left[:size]
        left = left[size:]
