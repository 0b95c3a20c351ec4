"""The many-to-many benchmark: its sets, with the role of every factor, and its translators."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from isthmus.data import shapes3d, shapes3d_renderer
from isthmus.data.table import Table
from isthmus.metrics.correctness import Role, correctness
from isthmus.translation.cyclegan import CycleGan, CycleGanTerms
from isthmus.translation.munit import Munit, MunitTerms
from isthmus.translation.rift import Rift, RiftTerms
from isthmus.translation.translator import LearnedTranslator

T = TypeVar("T")
Codes = dict[str, npt.NDArray[np.int64]]
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]
Images = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Set:
    """Two domains with known factors.

    Attributes:
        roles: Name and role of every factor.
        fixed: Value of a factor in the domain where it does not vary.
        levels: Number of values of every factor.
        load: Makes the tables `train` and `test` of both domains from `size`, `train_size`,
            `test_size` and `seed`.
        decode: The factors of images uint8 `(n, 3, size, size)`, by the nearest rendered image.
    """

    roles: Mapping[str, Role]
    fixed: Mapping[str, int]
    levels: Mapping[str, int]
    load: Callable[..., dict[str, Table]]
    decode: Callable[[Images], Codes]

    def columns(self, factors: Mapping[str, npt.NDArray[np.int64]]) -> npt.NDArray[np.int64]:
        """Factors as integers `(n, k)`, in the order of the roles."""
        return np.stack([factors[name] for name in self.roles], 1)

    @property
    def fixed_values(self) -> npt.NDArray[np.int64]:
        """The value in A, and in B, of what is fixed there, `(2, k)`; 0 elsewhere."""
        table = np.zeros((2, len(self.roles)), np.int64)
        for column, (name, role) in enumerate(self.roles.items()):
            if role in (Role.A, Role.B):
                table[1 if role is Role.A else 0, column] = self.fixed[name]
        return table

    def score(
        self, source: Integers, guide: Integers, translated: Integers, a2b: Booleans
    ) -> dict[str, float]:
        """Accuracy in percent of each factor, of the shared and the specific ones, and of all.

        Args:
            source: Factors of the sources, `(n, k)` in the order of the roles.
            guide: Factors of the guides.
            translated: Factors read from the translations.
            a2b: Whether each goes from A to B, `(n,)`.
        """
        found = correctness(
            source, guide, translated, a2b, roles=self.roles, fixed=self.fixed_values
        )
        by_role: dict[str, list[float]] = defaultdict(list)
        figures: dict[str, float] = {}
        for name, role in self.roles.items():
            value = found["per_attribute"][name]["manipulation_accuracy"]["all"]["value"]
            figures[name] = 100 * value
            by_role["common" if role is Role.SHARED else "specific"].append(100 * value)
        figures |= {kind: float(np.mean(values)) for kind, values in by_role.items()}
        figures["accuracy"] = 100 * found["manipulation_accuracy"]
        for name in ("translation_quality", "bias"):
            figures[name] = 100 * found[name]
        return figures

    def answers(
        self, source: Integers, guide: Integers, a2b: Booleans, seed: int
    ) -> dict[str, Integers]:
        """What chance, copies and the exact renderer answer; arguments as of `score`."""
        rng = np.random.default_rng(seed)
        into_b = a2b.astype(int)
        ideal = source.copy()
        for column, role in enumerate(self.roles.values()):
            if role is not Role.SHARED:
                varies = into_b == (0 if role is Role.A else 1)
                fixed = self.fixed_values[into_b, column]
                ideal[:, column] = np.where(varies, guide[:, column], fixed)
        chance = [rng.integers(levels, size=len(source)) for levels in self.levels.values()]
        return {
            "rand": np.stack(chance, 1),
            "copy-source": source,
            "copy-guide": guide,
            "oracle": ideal,
        }


def renamed(factors: Mapping[str, T]) -> dict[str, T]:
    """The names of the evaluation paper, which says size where the data set says scale."""
    return {"size" if name == "scale" else name: codes for name, codes in factors.items()}


def _shapes(split: str) -> Set:
    described = shapes3d.SPLITS[f"shapes3d-{split}"]
    specific = {name: side for side, names in described.specific.items() for name in names}
    roles = {
        name: Role.SHARED if name in described.shared else Role[specific[name].upper()]
        for name in shapes3d.FACTORS
    }
    fixed = {**described.fixed["a"], **described.fixed["b"]}

    def load(size: int, train_size: int, test_size: int, seed: int) -> dict[str, Table]:
        """Distinct images of each domain; where there are fewer, all that test images leave."""
        drawn = [shapes3d.split(f"shapes3d-{split}", side, seed=seed) for side in ("a", "b")]
        parts = {"test": slice(test_size), "train": slice(test_size, test_size + train_size)}
        return {
            part: _both(
                [{n: codes[rows] for n, codes in domain.items()} for domain in drawn], size, seed
            )
            for part, rows in parts.items()
        }

    def _both(domains: list[Codes], size: int, seed: int) -> Table:
        together = {name: np.concatenate([d[name] for d in domains]) for name in shapes3d.FACTORS}
        table = shapes3d_renderer.load(together, size)
        counts = [len(domain["shape"]) for domain in domains]
        return replace(
            table,
            factors={"domain": np.repeat(np.arange(2), counts)} | renamed(table.factors),
            levels={"domain": ("a", "b")} | renamed(table.levels),
            seed=seed,
        )

    return Set(
        roles=renamed(roles),
        fixed=renamed(fixed),
        levels=renamed({n: len(values) for n, values in shapes3d.FACTORS.items()}),
        load=load,
        decode=lambda images: renamed(shapes3d_renderer.decode(images)),
    )


SPLITS = ("3ds-a", "3ds-b", "3ds-c")
"""The splits of 3D-Shapes, in which together every factor takes both roles."""

SETS: Mapping[str, Set] = {name: _shapes(name[-1]) for name in SPLITS}
"""The sets by name."""

Build = Callable[[Mapping[str, int], Mapping[str, Any], int], LearnedTranslator]


def _cyclic(kind: Any, terms: Any) -> Build:
    return lambda networks, weights, seed: kind(**networks, terms=terms(**weights), seed=seed)


def _munit(networks: Mapping[str, int], weights: Mapping[str, Any], seed: int) -> Munit:
    """Two scales of discriminators, the finer one with a halving less than the others' single one."""
    sizes = {**networks, "levels": networks["levels"] - 1, "scales": 2}
    return Munit(**sizes, terms=MunitTerms(**weights), seed=seed)


TRANSLATORS: Mapping[str, Build] = {
    "rift": _cyclic(Rift, RiftTerms),
    "cyclegan": _cyclic(CycleGan, CycleGanTerms),
    "munit": _munit,
    "munitx": _munit,
}
"""How the translators are built from the sizes of their networks, their weights and a seed."""
