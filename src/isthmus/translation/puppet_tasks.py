"""The tasks of the puppets: what is to be moved, the data, and how outputs are measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from isthmus.attributes import moments
from isthmus.attributes.factors import Codes, FactorClassifier
from isthmus.data import puppet_faces, puppets
from isthmus.data.cartoon_faces import MOUTH
from isthmus.data.puppets import MEMBERS, Puppets
from isthmus.data.table import Table
from isthmus.metrics.puppets import Measure

Array = npt.NDArray[np.float64]
Images = npt.NDArray[np.uint8]
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
        audited: Label of the classifier whose response to the attribute is looked at.
        truth: Where a renderer knows them, the true counterfactuals `(r, t, c, side, side)` of real
            images at the steps of the sequences, and their factors `(r * t,)`.
    """

    load: Callable[..., Puppets]
    label: str
    known: str
    attribute: Readers
    rest: Readers
    audited: str
    truth: Callable[[Table, Table], tuple[Images, Codes]] | None = None

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
    return Task(load, "digit", known, lambda _: moved, lambda _: kept, "digit")


def _released() -> Task:
    """Rotation from the released triplets; the real images come with no labels."""

    def load(
        size: int, *, far: bool, seed: int, cache: Path, mirror: str | None, **counts: Any
    ) -> Puppets:
        return puppets.load_released(size, far=far, seed=seed, cache=cache, mirror=mirror, **counts)

    return Task(
        load,
        "digit",
        "rotation_degrees",
        lambda _: moments.rotation,
        lambda _: moments.size,
        "digit",
    )


def _mouth() -> Task:
    """The opening of the mouth, as the judge expects it; the rest is the yaw, the label the hair."""

    def load(
        size: int, *, far: bool, seed: int, cache: Path, mirror: str | None, **counts: Any
    ) -> Puppets:
        return puppet_faces.load(size, far=far, seed=seed, **counts)

    def opening(judge: FactorClassifier) -> Measure:
        def measure(images: npt.NDArray[np.float32]) -> npt.NDArray[np.generic]:
            bits = torch.from_numpy(np.rint(images * 255).astype(np.uint8))
            bins = judge.levels["opening"]
            found = judge.log_probabilities(bits)[:, :bins, list(judge.levels).index("opening")]
            centres = (torch.arange(bins) + 0.5) / bins
            expected: npt.NDArray[np.generic] = (found.exp() @ centres).double().numpy()
            return expected

        return measure

    def truth(reals: Table, sequences: Table) -> tuple[Images, Codes]:
        steps = len(sequences.levels["step"])
        openings = sequences.measures[MOUTH][:steps]
        right = np.tile(puppet_faces.expression(openings), len(reals))
        return puppet_faces.truth(reals, openings), {"expression": right}

    return Task(
        load, "hair_colour", MOUTH, opening, lambda judge: read(judge, "yaw"), "expression", truth
    )


TASKS: Mapping[str, Task] = {
    "rotation": _digits("rotation", "rotation_degrees", (moments.rotation, moments.size)),
    "size": _digits("size", "size_pixels", (moments.size, moments.rotation)),
    "released": _released(),
    "mouth": _mouth(),
}
"""The tasks by name."""
