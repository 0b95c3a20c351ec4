"""A classifier met with images in which one factor was moved, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from isthmus.audit.models import Classify
from isthmus.audit.sensitivity import Counterfactuals, against_truth, flips, sensitivity
from isthmus.metrics.correctness import Role
from isthmus.report.audit import Flip
from isthmus.translation.sets import Codes, Set

Images = npt.NDArray[np.uint8]
Integers = npt.NDArray[np.int64]


class Meeting(NamedTuple):
    """What a classifier is met with.

    Attributes:
        originals: uint8 `(m, c, side, side)`.
        labels: Their classes, `(m,)`.
        images: Counterfactuals by a translator, `(n, c, side, side)`.
        true: The true ones, or None.
        right: Classes after the move, `(n,)`.
        source: Row of the original of each, `(n,)`.
        level: Value of the factor, `(n,)`.
        names: Of the values.
    """

    originals: Images
    labels: Integers
    images: Images
    true: Images | None
    right: Integers
    source: Integers
    level: Integers
    names: tuple[str, ...]

    def report(self, classify: Classify) -> dict[str, Any]:
        """See `sensitivity`: `predicted` by the translator, and `true` where it is known."""
        kinds = {"predicted": self.images} | ({} if self.true is None else {"true": self.true})
        decided = classify(self.originals)
        return {
            kind: sensitivity(decided, self.labels, self._moved(classify(images)), len(self.names))
            for kind, images in kinds.items()
        }

    def flips(self, classify: Classify, *, count: int = 10) -> list[Flip]:
        """The first images that flip, no more than one of an original."""
        before, after = classify(self.originals), classify(self.images)
        rows = np.flatnonzero(flips(before, self._moved(after)))
        _, first = np.unique(self.source[rows], return_index=True)
        return [
            Flip(
                self.originals[self.source[row]],
                self.images[row],
                str(before[self.source[row]]),
                str(after[row]),
                self.names[self.level[row]],
            )
            for row in rows[first][:count]
        ]

    def _moved(self, decisions: Integers) -> Counterfactuals:
        return Counterfactuals(decisions, self.source, self.level, self.right)


def figures(report: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of a report over all levels, and how near they are to the truth if it is known."""
    predicted = report["predicted"]
    found = {
        name: predicted[name]["value"] for name in ("original_accuracy", "accuracy", "flip_rate")
    }
    if "true" not in report:
        return found
    true = {f"true_{name}": report["true"][name]["value"] for name in ("accuracy", "flip_rate")}
    return found | true | against_truth(predicted, report["true"])


def true_images(
    described: Set, sources: Codes, guides: Codes, source: Integers, guide: Integers, side: int
) -> Images:
    """What the right translations into B look like.

    Args:
        described: The set.
        sources: Factors of images of A.
        guides: Factors of images of B.
        source: Row of the source of each, `(n,)`.
        guide: Row of its guide.
        side: Height and width of the images.

    Returns:
        uint8 `(n, 3, side, side)`: shared factors of the source, those of B of the guide, those of A
        at the value that B fixes.
    """
    wanted = {}
    for name, role in described.roles.items():
        if role is Role.SHARED:
            wanted[name] = sources[name][source]
        elif role is Role.B:
            wanted[name] = guides[name][guide]
        else:
            wanted[name] = np.full(len(source), described.fixed[name])
    return described.render(wanted, side)
