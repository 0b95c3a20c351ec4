"""The sets of the many-to-many benchmark: two domains, with the role of every factor."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from isthmus.data import cartoon_faces, shapes3d, shapes3d_renderer, stick_figures, synaction
from isthmus.data.synaction import DOMAINS, Domain
from isthmus.data.table import Table
from isthmus.errors import InputError
from isthmus.metrics.correctness import Role, correctness
from isthmus.metrics.manipulation import real_valued
from isthmus.seeding import derive

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
        render: Images uint8 `(n, 3, size, size)` from factors `(n,)` and the size.
        decode: The factors of such images, by the nearest rendered one.
        positions: Coordinates `(levels, d)` of shared factors that are real-valued: such a one is
            right where it is nearer to the source than to the guide, a chance of a half.
        uneven: A level of a shared factor which the domains hold in different shares.
    """

    roles: Mapping[str, Role]
    fixed: Mapping[str, int]
    levels: Mapping[str, int]
    load: Callable[..., dict[str, Table]]
    render: Callable[[Codes, int], Images]
    decode: Callable[[Images], Codes]
    positions: Mapping[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    uneven: Mapping[str, int] = field(default_factory=dict)

    def draw(self, count: int, size: int, seed: int) -> tuple[Images, Codes]:
        """Random images of distinct combinations of all values, those of neither domain too.

        Args:
            count: How many.
            size: Side of the images in pixels.
            seed: Of the choice.

        Returns:
            Images uint8 `(count, 3, size, size)` and their factors `(count,)`.

        Raises:
            InputError: There are not so many combinations.
        """
        shape = tuple(self.levels.values())
        every = int(np.prod(shape))
        if count > every:
            raise InputError("count", f"is {count}", mend=f"use at most {every} images of this set")
        rows = np.random.default_rng(seed).choice(every, count, replace=False)
        codes = dict(zip(self.levels, np.unravel_index(rows, shape), strict=True))
        return self.render(codes, size), codes

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
        """Figures in percent, each only where pairs count.

        The accuracy of each factor; `common`, `specific` and `accuracy`, the means of the shared
        factors, of the specific ones and of all; `translation_quality` and `bias` by the nearest
        level, see `correctness`. For an uneven level `uneven_kept`, its accuracy where the source
        has it, and `uneven_into_a` and `uneven_into_b`, the share of translations that have it.

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
        for column, (name, role) in enumerate(self.roles.items()):
            value = found["per_attribute"][name]["manipulation_accuracy"]["all"]["value"]
            if name in self.positions:
                at = self.positions[name]
                places = (at[codes[:, column]] for codes in (translated, source, guide))
                value = real_valued(*places).value
            figures[name] = 100 * value
            by_role["common" if role is Role.SHARED else "specific"].append(100 * value)
        figures |= {kind: float(np.mean(values)) for kind, values in by_role.items()}
        figures["accuracy"] = float(np.mean([figures[name] for name in self.roles]))
        for name in ("translation_quality", "bias"):
            if found[name] is not None:
                figures[name] = 100 * found[name]
        for name, level in self.uneven.items():
            column = list(self.roles).index(name)
            before, wrong, after = (c[:, column] == level for c in (source, guide, translated))
            for figure, rows in (
                ("uneven_kept", before & ~wrong),
                ("uneven_into_a", ~a2b),
                ("uneven_into_b", a2b),
            ):
                figures[figure] = 100 * float(after[rows].mean())
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


def _described(
    levels: Mapping[str, Any], shared: Any, specific: Any, fixed: Any, **how: Any
) -> Set:
    """A set from what a data module says of its factors."""
    sides = {name: side for side, names in specific.items() for name in names}
    return Set(
        roles={n: Role.SHARED if n in shared else Role[sides[n].upper()] for n in levels},
        fixed={**fixed["a"], **fixed["b"]},
        levels={name: len(values) for name, values in levels.items()},
        **how,
    )


def _parts(images: int, train_size: int, test_size: int) -> dict[str, slice]:
    """Which of a domain's images serve for what: at most a quarter is for testing."""
    test = min(test_size, images // 4)
    return {"train": slice(test, test + train_size), "test": slice(test)}


def _shapes(letter: str) -> Set:
    split = f"shapes3d-{letter}"
    described = shapes3d.SPLITS[split]

    def load(size: int, train_size: int, test_size: int, seed: int) -> dict[str, Table]:
        """Distinct images of each domain; where there are fewer, all that test images leave."""
        drawn = [shapes3d.split(split, side, seed=seed) for side in DOMAINS]
        parts = [_parts(len(d["shape"]), train_size, test_size) for d in drawn]
        return {
            part: _rendered(drawn, [each[part] for each in parts], size, seed)
            for part in ("train", "test")
        }

    return _described(
        renamed(shapes3d.FACTORS),
        renamed(dict.fromkeys(described.shared)),
        {side: renamed(dict.fromkeys(names)) for side, names in described.specific.items()},
        {side: renamed(codes) for side, codes in described.fixed.items()},
        load=load,
        render=lambda codes, size: shapes3d_renderer.render(codes | {"scale": codes["size"]}, size),
        decode=lambda images: renamed(shapes3d_renderer.decode(images)),
    )


def _rendered(domains: list[Codes], rows: list[Any], size: int, seed: int) -> Table:
    """The chosen rows of both domains, in one table."""
    together = {
        name: np.concatenate([d[name][chosen] for d, chosen in zip(domains, rows, strict=True)])
        for name in shapes3d.FACTORS
    }
    table = shapes3d_renderer.load(together, size)
    counts = [len(d["shape"][chosen]) for d, chosen in zip(domains, rows, strict=True)]
    return replace(
        table,
        factors={"domain": np.repeat(np.arange(2), counts)} | renamed(table.factors),
        levels={"domain": DOMAINS} | renamed(table.levels),
        seed=seed,
    )


def _shifted(factor: str, level: int, shares: Mapping[Domain, float]) -> Set:
    """3DS-A, where a level of a shared factor makes up other shares of A and of B."""

    def draw(codes: Codes, share: float, train_size: int, test_size: int) -> dict[str, Integers]:
        has = codes[factor] == level
        kinds = ((np.flatnonzero(has), share), (np.flatnonzero(~has), 1 - share))
        held = min(test_size, *(int(len(own) / part / 4) for own, part in kinds))
        cut = [(own, round(part * held), round(part * train_size)) for own, part in kinds]
        return {
            "test": np.concatenate([own[:test] for own, test, _ in cut]),
            "train": np.concatenate([np.resize(own[test:], train) for own, test, train in cut]),
        }

    def load(size: int, train_size: int, test_size: int, seed: int) -> dict[str, Table]:
        """Distinct test images, fewer where they run short; train images repeat where they do."""
        drawn = [shapes3d.split("shapes3d-a", side, seed=seed) for side in DOMAINS]
        rows = [
            draw(codes, shares[side], train_size, test_size)
            for codes, side in zip(drawn, DOMAINS, strict=True)
        ]
        rng = np.random.default_rng(derive(seed, SHIFTED))
        return {
            part: _rendered(drawn, [rng.permutation(each[part]) for each in rows], size, seed)
            for part in ("train", "test")
        }

    return replace(_shapes("a"), load=load, uneven={factor: level})


def _synaction() -> Set:
    def load(size: int, train_size: int, test_size: int, seed: int) -> dict[str, Table]:
        """Distinct images of each domain, of which there are 640 in A and 720 in B."""
        table = stick_figures.load(size)
        rows: dict[str, list[Integers]] = {"train": [], "test": []}
        for code, side in enumerate(DOMAINS):
            own = np.flatnonzero(table.factors["domain"] == code)
            own = np.random.default_rng(derive(seed, "synaction", side)).permutation(own)
            for name, part in _parts(len(own), train_size, test_size).items():
                rows[name].append(own[part])
        return {
            name: replace(table.take(np.concatenate(kept)), seed=seed)
            for name, kept in rows.items()
        }

    poses = np.arange(len(stick_figures.POSES))
    joints = stick_figures.keypoints(poses, np.zeros_like(poses))
    return _described(
        stick_figures.LEVELS,
        synaction.SHARED,
        synaction.SPECIFIC,
        synaction.FIXED,
        load=load,
        render=stick_figures.render,
        decode=stick_figures.decode,
        positions={"pose": joints.reshape(len(poses), -1)},
    )


def _celeba() -> Set:
    def render(codes: Codes, size: int) -> Images:
        """The mouth is no factor here: it is open by chance, as it is in the domains."""
        mouths = np.random.default_rng(0).random(len(codes["yaw"]))
        return cartoon_faces.render(codes | {cartoon_faces.MOUTH: mouths}, size)

    return _described(
        cartoon_faces.LEVELS,
        cartoon_faces.SHARED,
        cartoon_faces.SPECIFIC,
        cartoon_faces.FIXED,
        load=cartoon_faces.load,
        render=render,
        decode=cartoon_faces.decode,
        positions=cartoon_faces.positions(),
    )


SPLITS = ("3ds-a", "3ds-b", "3ds-c")
"""The splits of 3D-Shapes, in which together every factor takes both roles."""

SHIFTED = "3ds-shifted"
"""Split A, where one hue of the object makes up 3 % of A and 50 % of B."""

SETS: Mapping[str, Set] = {
    **{name: _shapes(name[-1]) for name in SPLITS},
    "synaction": _synaction(),
    "celeba": _celeba(),
    SHIFTED: _shifted("object_hue", 1, {"a": 0.03, "b": 0.5}),
}
"""The sets by name. SynAction and CelebA are their rendered stand-ins, 3D-Shapes its copy."""
