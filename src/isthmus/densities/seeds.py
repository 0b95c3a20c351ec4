"""Seeds of an ensemble: one a member, each with its own generators, so members never interact."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from isthmus.errors import InputError
from isthmus.seeding import derive


@dataclass(frozen=True)
class Seeds:
    """The seeds of an ensemble of shape `members`, in row-major order."""

    values: tuple[int, ...]
    members: torch.Size

    @classmethod
    def of(cls, seeds: int | Sequence[int]) -> Seeds:
        """An integer is a single model (`members` is `()`), a sequence an ensemble `(E,)`."""
        if isinstance(seeds, int):
            return cls((seeds,), torch.Size())
        return cls(tuple(seeds), torch.Size([len(seeds)]))

    @classmethod
    def for_members(cls, seeds: int | Sequence[int] | None, members: Sequence[int]) -> Seeds:
        """One seed for each member; 0, 1, 2 and so on where `seeds` is None.

        Raises:
            InputError: The number of seeds is not the number of members.
        """
        count = math.prod(members)
        if seeds is None:
            seeds = range(count)
        values = (seeds,) if isinstance(seeds, int) else tuple(seeds)
        if len(values) != count:
            raise InputError(
                "seeds",
                f"{len(values)} given for the {count} members of batch_shape {tuple(members)}",
                mend="give one seed for each member",
            )
        return cls(values, torch.Size(members))

    def check(self, module: nn.Module, name: str) -> None:
        """Refuse a module that is not an ensemble of this shape.

        A module says which ensemble it is by an attribute `batch_shape`; without, it is a single
        model, as those of zuko are.

        Raises:
            InputError: It is another one.
        """
        shape = tuple(getattr(module, "batch_shape", ()))
        if shape != tuple(self.members):
            raise InputError(
                name,
                f"has batch_shape {shape}, and the seeds ask for {tuple(self.members)}",
                mend="give one seed a member to an ensemble, a single integer to a single model",
            )

    def generators(self, purpose: str) -> list[torch.Generator]:
        """A generator for each member, for one purpose."""
        return [torch.Generator().manual_seed(derive(seed, purpose)) for seed in self.values]
