"""Figures of an audit: responses along a factor, and images on which a decision flips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib

matplotlib.use("Agg")

import numpy as np
import numpy.typing as npt
from matplotlib import pyplot as plt

from isthmus.report.figures import BLUE, ORANGE

Images = npt.NDArray[np.uint8]

NAMED = 16
"""Most values whose names fit below an axis."""


class Flip(NamedTuple):
    """An original `(c, side, side)`, its counterfactual, both decisions, and where it was moved."""

    original: Images
    moved: Images
    before: str
    after: str
    level: str


def responses(
    panels: Mapping[str, Mapping[str, Any]], names: Mapping[str, Sequence[str]], path: Path
) -> None:
    """Accuracy and flip rate along the factor, with their intervals; the truth in black.

    Args:
        panels: By title what `isthmus.audit.sensitivity.sensitivity` gave, under `predicted` and,
            where it is known, `true`.
        names: By title those of the values; where there are many, they are numbered.
        path: The PNG to write.
    """
    figure, grid = plt.subplots(
        2,
        len(panels),
        figsize=(3.2 * len(panels) + 0.8, 5),
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    for column, (title, by_kind) in zip(grid.T, panels.items(), strict=True):
        column[0].set_title(title, fontsize=10)
        for axes, name, colour in zip(
            column, ("accuracy", "flip_rate"), (BLUE, ORANGE), strict=True
        ):
            for kind, found in by_kind.items():
                places = [i for i, each in enumerate(found["levels"]) if each["images"]]
                rates = [found["levels"][i][name] for i in places]
                value, low, high = (
                    np.array([rate[key] for rate in rates]) for key in ("value", "low", "high")
                )
                shade = "black" if kind == "true" else colour
                axes.plot(places, value, color=shade, marker=".", label=kind)
                axes.fill_between(places, low, high, color=shade, alpha=0.2, linewidth=0)
            axes.set_ylim(-0.02, 1.02)
            if len(names[title]) <= NAMED:
                axes.set_xticks(range(len(names[title])), names[title], rotation=60, fontsize=7)
        column[1].set_xlabel("level of the factor")
    grid[0][0].set_ylabel("accuracy")
    grid[1][0].set_ylabel("flip rate")
    grid[0][-1].legend(fontsize=8)
    _save(figure, path)


def flip_sheet(rows: Mapping[str, Sequence[Flip]], path: Path, *, columns: int = 10) -> None:
    """A few flips a row: the original above the counterfactual, over them both decisions and the level.

    Args:
        rows: By title the flips; there may be none.
        path: The PNG to write.
        columns: Most flips a row.
    """
    figure, grid = plt.subplots(
        max(len(rows), 1),
        columns,
        figsize=(1.05 * columns + 1.6, 2.3 * max(len(rows), 1)),
        squeeze=False,
        layout="constrained",
    )
    for axes in grid.flat:
        axes.axis("off")
    for line, (title, flips) in zip(grid, rows.items(), strict=False):
        line[0].text(-0.2, 0.5, title, transform=line[0].transAxes, ha="right", va="center")
        for axes, flip in zip(line, flips, strict=False):
            pair = np.concatenate([flip.original, flip.moved], axis=1).transpose(1, 2, 0)
            axes.imshow(pair.squeeze(), cmap="gray", vmin=0, vmax=255, interpolation="nearest")
            axes.set_title(f"{flip.before} → {flip.after}\n{flip.level}", fontsize=7)
    _save(figure, path)


def printed(report: Mapping[str, Any], names: Sequence[str]) -> str:
    """A report as text, one line a value of the factor; intervals are of 95 %.

    Args:
        report: What `sensitivity` gave, under `predicted` and, where it is known, `true`.
        names: Of the values.
    """
    width = max(map(len, (*names, "original")))
    lines = []
    for kind, found in report.items():
        lines.append(f"{kind}: accuracy and flip rate in %, 95 % intervals")
        lines.append(f"  {'original':{width}} {_rate(found['original_accuracy'])}")
        rows = [*zip(names, found["levels"], strict=True), ("all", found)]
        lines += [
            f"  {name:{width}} {_rate(each['accuracy'])} {_rate(each['flip_rate'])}"
            f" {each['images']} images"
            for name, each in rows
            if each["images"]
        ]
    return "\n".join(lines)


def _rate(rate: Mapping[str, float]) -> str:
    value, low, high = (100 * rate[name] for name in ("value", "low", "high"))
    return f"{value:5.1f} ({low:.1f} to {high:.1f})"


def _save(figure: Any, path: Path) -> None:
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)
