"""How often a classifier is right, and how often it changes its mind, along a factor.

Counterfactuals are images in which the factor was moved: by a translator, or, where there is one, by
the renderer. What the first predict is held against what the second show.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from isthmus.errors import InputError
from isthmus.metrics.puppets import correlation, mean_correlation

Integers = npt.NDArray[np.int64]

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Counterfactuals:
    """Decisions on moved images, one a row.

    Attributes:
        decisions: Classes that the classifier gave them, `(n,)`.
        source: Which original each was made from, `(n,)` from 0.
        level: Value of the factor each was moved to, `(n,)` from 0.
        labels: True classes after the move, `(n,)`.
    """

    decisions: Integers
    source: Integers
    level: Integers
    labels: Integers


def wilson(share: float, count: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Wilson's interval of a share (Wilson 1927).

    With z the normal quantile, the p at which |share - p| = z sqrt(p (1 - p) / count).

    Args:
        share: The share found, from 0 to 1.
        count: Number of independent trials behind it.
        confidence: Between 0 and 1.

    Raises:
        InputError: A number makes no sense.
    """
    if not 0 <= share <= 1 or count < 1 or not 0 < confidence < 1:
        raise InputError(
            "share", f"is {share} of {count}", mend="give a share from 0 to 1 of at least one trial"
        )
    z = norm.ppf((1 + confidence) / 2)
    scale = 1 + z**2 / count
    centre = (share + z**2 / (2 * count)) / scale
    half = z / scale * np.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    return float(np.clip(centre - half, 0, share)), float(np.clip(centre + half, share, 1))


def sensitivity(
    decided: npt.ArrayLike, labels: npt.ArrayLike, moved: Counterfactuals, levels: int
) -> dict[str, Any]:
    """Accuracy and flip rate over the factor.

    A flip is a decision that differs from the one on the original; what the classifier gets wrong
    the same way twice is no flip. Images of one original are not independent: intervals count
    originals, and are too wide rather than too narrow where images of one original differ.

    Args:
        decided: Decisions on the originals, `(m,)`.
        labels: Their true classes, `(m,)`.
        moved: Decisions on what was made from them.
        levels: Number of values of the factor.

    Returns:
        `accuracy` and `flip_rate` over all, each `value`, `low`, `high`, and `decided`, the share of
        each class; the same under `levels`, one entry a value with its number of `images`, null
        where there is none; and `original_accuracy`.

    Raises:
        InputError: The columns do not fit together, or are empty.
    """
    before, truth = np.asarray(decided), np.asarray(labels)
    columns = (moved.decisions, moved.source, moved.level, moved.labels)
    if (
        before.shape != truth.shape
        or len({np.shape(c) for c in columns}) > 1
        or not moved.level.size
    ):
        raise InputError(
            "counterfactuals",
            f"have shapes {[np.shape(c) for c in columns]} for {before.shape} originals",
            mend="give one decision, source and level an image, at least one",
        )
    right = moved.decisions == moved.labels
    flipped = flips(before, moved)
    classes = 1 + int(
        max(*(each.max() for each in (moved.decisions, moved.labels, truth)), before.max())
    )

    def of(rows: npt.NDArray[np.bool_]) -> dict[str, Any]:
        originals = len(np.unique(moved.source[rows]))
        found: dict[str, Any] = {"images": int(rows.sum())}
        for name, hits in (("accuracy", right), ("flip_rate", flipped)):
            share = float(hits[rows].mean()) if rows.any() else None
            found[name] = None if share is None else _interval(share, originals)
        counts = np.bincount(moved.decisions[rows], minlength=classes)
        found["decided"] = (counts / rows.sum()).tolist() if rows.any() else None
        return found

    return of(np.ones(len(right), bool)) | {
        "original_accuracy": _interval(float((before == truth).mean()), len(truth)),
        "levels": [of(moved.level == level) for level in range(levels)],
    }


def flips(decided: npt.ArrayLike, moved: Counterfactuals) -> npt.NDArray[np.bool_]:
    """Which decisions differ from those on the originals, `(n,)`."""
    return moved.decisions != np.asarray(decided)[moved.source]


def against_truth(predicted: dict[str, Any], true: dict[str, Any]) -> dict[str, float]:
    """How well translations predict what the true counterfactuals show.

    Args:
        predicted: What `sensitivity` gave for translations.
        true: What it gave for true counterfactuals at the same levels.

    Returns:
        `accuracy_error` and `flip_rate_error`, absolute; `response_error`, half the L1 distance of
        the shares of the classes, a mean over levels; and, over the levels, `flip_correlation` and
        `response_correlation` (of a class's share, mean over classes), absent where the true ones
        are the same at all levels.
    """
    figures = {
        f"{name}_error": abs(predicted[name]["value"] - true[name]["value"])
        for name in ("accuracy", "flip_rate")
    }
    levels = [
        pair
        for pair in zip(predicted["levels"], true["levels"], strict=True)
        if pair[0]["images"] and pair[1]["images"]
    ]
    rates = np.array([[each["flip_rate"]["value"] for each in pair] for pair in levels])
    classes = max(len(each["decided"]) for pair in levels for each in pair)
    shares = np.array(
        [[np.pad(e["decided"], (0, classes - len(e["decided"]))) for e in pair] for pair in levels]
    )
    figures["response_error"] = float(np.abs(shares[:, 0] - shares[:, 1]).sum(1).mean() / 2)
    correlations = {
        "flip_correlation": correlation(*rates.T),
        "response_correlation": mean_correlation(shares[:, 0].T, shares[:, 1].T),
    }
    return figures | {name: value for name, value in correlations.items() if not np.isnan(value)}


def _interval(share: float, count: int) -> dict[str, float]:
    low, high = wilson(share, count)
    return {"value": share, "low": low, "high": high}
