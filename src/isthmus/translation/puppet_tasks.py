"""The tasks of the puppets: what is to be moved, the data, and how outputs are measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from isthmus.attributes import moments
from isthmus.attributes.factors import FactorClassifier
from isthmus.data import puppets
from isthmus.data.puppets import MEMBERS, Puppets
from isthmus.data.table import Table
from isthmus.metrics.puppets import Measure

Array = npt.NDArray[np.float64]
Readers = Callable[[FactorClassifier], Measure]
"""A measure, which may need the judge."""


@dataclass(frozen=True)
class Task:
    """A task.

    Attributes:
        load: Its data, from `size`, the counts of `puppets.load`, `far`, `seed`, `cache`, `mirror`.
        label: Factor of the real images that has to be kept.
        known: Measure of synthetic images that is the attribute, where tables have it.
        attribute: Measures the attribute, in any image.
        rest: Measures something that is not the attribute.
    """

    load: Callable[..., Puppets]
    label: str
    known: str
    attribute: Readers
    rest: Readers

    def classify(self, judge: FactorClassifier) -> Measure:
        """The label as the judge sees it."""
        return read(judge, self.label)

    def attributes(self, triplets: Table) -> Array:
        """The attribute of the members of triplets, `(n, 3)`, measured where it is not known."""
        names = [f"{member}_{self.known}" for member in MEMBERS]
        if names[0] in triplets.measures:
            return np.stack([triplets.measures[name] for name in names], 1)
        images = puppets.unstack(triplets).astype(np.float32) / 255
        found = moments.rotation(images.reshape(-1, *images.shape[2:]))
        return found.reshape(images.shape[:2])


def read(judge: FactorClassifier, name: str) -> Measure:
    """A factor as a judge of bytes sees it, of images in [0, 1]."""

    def measure(images: npt.NDArray[np.float32]) -> npt.NDArray[np.generic]:
        return judge.read(np.rint(images * 255).astype(np.uint8))[name]

    return measure


def _digits(attribute: puppets.Attribute, known: str, measures: tuple[Measure, Measure]) -> Task:
    def load(
        size: int, *, far: bool, seed: int, cache: Path, mirror: str | None, **counts: int
    ) -> Puppets:
        heights = puppets.DAGGER_HEIGHTS[attribute] if far else None
        return puppets.load(
            size, attribute=attribute, heights=heights, seed=seed, cache=cache, **counts
        )

    moved, kept = measures
    return Task(load, "digit", known, lambda _: moved, lambda _: kept)


def _released() -> Task:
    """Rotation from the released triplets; the real images come with no labels."""

    def load(
        size: int, *, far: bool, seed: int, cache: Path, mirror: str | None, **counts: Any
    ) -> Puppets:
        return puppets.load_released(size, far=far, seed=seed, cache=cache, mirror=mirror, **counts)

    return Task(
        load, "digit", "rotation_degrees", lambda _: moments.rotation, lambda _: moments.size
    )


TASKS: Mapping[str, Task] = {
    "rotation": _digits("rotation", "rotation_degrees", (moments.rotation, moments.size)),
    "size": _digits("size", "size_pixels", (moments.size, moments.rotation)),
}
"""The tasks by name."""
