"""Audits of the user's own classifier on tables of images."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from isthmus.audit.meeting import Meeting, true_images
from isthmus.data.cartoon_faces import MOUTH
from isthmus.data.pairs import image_domains
from isthmus.data.puppet_faces import VARIED
from isthmus.data.table import Table, read_table
from isthmus.errors import InputError
from isthmus.seeding import derive
from isthmus.translation.puppet_tasks import TASKS
from isthmus.translation.sets import SETS
from isthmus.translation.translator import Translator, translate_bytes

STEP = "step"
"""The factor of test sequences of puppets along which the attribute grows."""

PUPPETS = {name: task.truth for name, task in TASKS.items() if task.truth}
"""Tasks of the puppets that a renderer knows the truth of."""


def meet(
    translator: Translator,
    originals: Path,
    guides: Path,
    *,
    factor: str,
    label: str,
    each: int = 1,
    rendered: str | None = None,
    seed: int = 0,
) -> Meeting:
    """Every original translated under random guides of every value of a factor.

    Args:
        translator: The translator, from A to B.
        originals: Table of images of A; where it holds both domains, those of A are taken.
        guides: Table of guides; where it holds both domains, those of B are taken.
        factor: The factor of the guides that is moved.
        label: Factor of the originals that the classifier tells, which the move keeps.
        each: Guides for each original and value.
        rendered: The set of `SETS`, or the task of `PUPPETS`, that both tables are of, for the true
            counterfactuals.
        seed: Of the choice of guides.

    Returns:
        What a classifier is met with.

    Raises:
        InputError: A table cannot be used, its images do not fit the translator, a factor is
            absent, or there is no such set or a table is not of it.
    """
    sources, shown = _side(originals, 0, label), _side(guides, 1, factor)
    tables = {originals: sources, guides: shown}
    _check_images(translator, tables)
    _check_guided(translator, _first(sources)[:1], _first(shown)[:1])
    if rendered is not None:
        _check_rendered(rendered, tables)
    if rendered in PUPPETS and factor != STEP:
        problem = f"is {factor!r}, the truth of {rendered} is known for {STEP!r}"
        raise InputError("factor", problem, mend="move that, or leave out --rendered")
    names = shown.levels[factor]
    rng = np.random.default_rng(derive(seed, "guides"))
    shape = (len(sources), len(names), each)
    source, level, _ = np.indices(shape).reshape(3, -1)
    guide = np.empty_like(source)
    there = np.zeros(len(source), bool)
    for value in range(len(names)):
        rows = np.flatnonzero(shown.factors[factor] == value)
        mine = level == value
        if len(rows):
            guide[mine], there[mine] = rng.choice(rows, int(mine.sum())), True
    source, level, guide = (column[there] for column in (source, level, guide))
    images = translate_bytes(translator, _first(sources)[source], "a2b", _first(shown)[guide])
    true = None
    right = sources.factors[label][source]
    if rendered in PUPPETS:
        by_step, codes = PUPPETS[rendered](sources, shown)
        moved = source * len(names) + level
        true = by_step.reshape(-1, *by_step.shape[2:])[moved]
        right = codes[label][moved] if label in codes else right
    elif rendered is not None:
        side = images.shape[-1]
        true = true_images(SETS[rendered], sources.factors, shown.factors, source, guide, side)
    labels = sources.factors[label]
    return Meeting(
        _first(sources).numpy(),
        labels,
        images.numpy(),
        true,
        right,
        source,
        level,
        names,
    )


def _side(path: Path, side: int, factor: str) -> Table:
    table = read_table(path, kind="images")
    if "domain" in table.factors:
        table = image_domains(path)[side]
    if factor not in table.factors:
        known = ", ".join(table.factors) or "none"
        raise InputError(path, "has no such factor", field=factor, mend=f"use one of {known}")
    return table


def _check_images(translator: Translator, tables: Mapping[Path, Table]) -> None:
    """Refuse images of other channels than the translator's, or of another side than the first."""
    channels = translator.config["channels"]
    first = next(iter(tables.values())).values.shape[1]
    for path, table in tables.items():
        found = table.values.shape[1:]
        if found[-1] != channels:
            problem = f"has images of {found[-1]} channels, the translator takes {channels}"
            raise InputError(path, problem, mend="give a table of the kind it was trained on")
        if found[0] != first:
            problem = f"has images of side {found[0]}, the originals have {first}"
            raise InputError(path, problem, mend="give guides of the originals' side")


def _check_guided(translator: Translator, source: Tensor, guide: Tensor) -> None:
    """Refuse a translator that makes the same of an image under a guide and under its negative."""
    one, other = (translate_bytes(translator, source, "a2b", each) for each in (guide, 255 - guide))
    if torch.equal(one, other):
        problem = "does not heed its guide, so it moves no factor"
        raise InputError(
            "translator", problem, mend="give one that does, such as rift or puppetgan"
        )


def _check_rendered(name: str, tables: Mapping[Path, Table]) -> None:
    """Refuse tables that are not of a set, or not the real faces and sequences of a task."""
    known = (*SETS, *PUPPETS)
    if name not in known:
        raise InputError("rendered", f"is {name!r}", mend=f"use one of {', '.join(known)}")
    if name in PUPPETS:
        needs = zip(tables.items(), ((*VARIED,), (STEP, MOUTH)), strict=True)
        for (path, table), columns in needs:
            for column in columns:
                if column not in table.factors and column not in table.measures:
                    mend = "give the tables test and sequences of the task"
                    raise InputError(path, "is absent", field=column, mend=mend)
        return
    for path, table in tables.items():
        for factor, count in SETS[name].levels.items():
            found = len(table.levels.get(factor, ()))
            if found != count:
                problem = f"has {found} levels, {name} has {count}" if found else "is absent"
                mend = "name the set that the table is of, or leave out --rendered"
                raise InputError(path, problem, field=factor, mend=mend)


def _first(table: Table) -> torch.Tensor:
    """Channels first."""
    images: npt.NDArray[np.uint8] = np.ascontiguousarray(table.values.transpose(0, 3, 1, 2))
    return torch.from_numpy(images)
