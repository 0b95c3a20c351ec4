"""The figure of small factors: accuracy against the share of the image that a factor fills."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import matplotlib

matplotlib.use("Agg")

import numpy as np
from matplotlib import pyplot as plt

from isthmus.report.figures import BLUE, ORANGE

MARKERS = "osD^vPX*"
COLUMNS = 4


class Cell(NamedTuple):
    """One factor of one split: its name, whether it is shared, and both figures in percent."""

    factor: str
    shared: bool
    share: float
    accuracy: float


def accuracy_by_share(cells: Mapping[str, Sequence[Cell]], path: Path) -> None:
    """A panel a method; a marker a factor, shared ones in blue, specific ones in orange.

    Args:
        cells: By method the factors of the splits; there may be none.
        path: The PNG to write.
    """
    rows = -(-len(cells) // COLUMNS)
    columns = min(len(cells), COLUMNS)
    figure, grid = plt.subplots(
        rows,
        columns,
        figsize=(2.6 * columns + 1.6, 2.5 * rows + 0.5),
        sharex=True,
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    for axes in grid.flat[len(cells) :]:
        axes.axis("off")
    for axes, (method, chosen) in zip(np.ravel(grid), cells.items(), strict=False):
        factors = list(dict.fromkeys(cell.factor for cell in chosen))
        for factor, marker in zip(factors, MARKERS, strict=False):
            mine = [cell for cell in chosen if cell.factor == factor]
            axes.scatter(
                [cell.share for cell in mine],
                [cell.accuracy for cell in mine],
                c=[BLUE if cell.shared else ORANGE for cell in mine],
                marker=marker,
                s=28,
            )
            axes.scatter([], [], c="0.4", marker=marker, label=factor.replace("_", " "))
        axes.set_title(method, fontsize=10)
        axes.set_ylim(-4, 104)
    figure.supxlabel("pixels that change with the factor, %", fontsize=10)
    figure.supylabel("accuracy, % (blue: shared)", fontsize=10)
    handles, names = grid[0][0].get_legend_handles_labels()
    if names:
        figure.legend(handles, names, loc="outside right upper", fontsize=8)
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)
