"""Figures of the adaptation benchmark: both sides of a set, and accuracy by class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import numpy as np
from matplotlib import pyplot as plt

from isthmus.config import Config
from isthmus.data.table import Table
from isthmus.data.visda import FACTOR
from isthmus.report.figures import BLUE, ORANGE

ROWS, COLUMNS = 6, 4
"""Images of a class in a domain's sheet, and panels in a row of the bars."""


CLOSED = (
    "source_accuracy",
    "validation_accuracy",
    "test_accuracy",
    "validation_gap_recovered",
    "test_gap_recovered",
)
OPEN = ("validation_hos", "os", "os_star", "unk", "hos")


def adapted(config: Config) -> dict[str, tuple[str, ...]]:
    """By name of a set, closed or open, as it stands in result rows: the figures of its table."""
    names = map(str, config.adaptation.domains)
    return {key: figures for n in names for key, figures in ((n, CLOSED), (f"{n}-open", OPEN))}


def domain_sheet(tables: Mapping[str, Table], path: Path) -> None:
    """Images of every domain, a column a class.

    Args:
        tables: By title each domain.
        path: The PNG to write.
    """
    figure, grid = plt.subplots(
        1, len(tables), figsize=(4.2 * len(tables), 2.9), squeeze=False, layout="constrained"
    )
    for axes, (title, table) in zip(grid[0], tables.items(), strict=True):
        axes.imshow(_sheet(table), cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        axes.set_title(title, fontsize=10)
        axes.axis("off")
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)


def class_bars(
    by_class: Mapping[str, Mapping[str, Sequence[float]]], classes: Sequence[str], path: Path
) -> None:
    """Accuracy by class, a panel an adapter.

    Args:
        by_class: By adapter and target the accuracy of each class in percent.
        classes: Their names.
        path: The PNG to write.
    """
    columns = min(len(by_class), COLUMNS)
    lines = -(-len(by_class) // columns)
    figure, grid = plt.subplots(
        lines,
        columns,
        figsize=(11, 2.1 * lines + 0.7),
        sharex=True,
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    for axes in grid.flat[len(by_class) :]:
        axes.axis("off")
    places = np.arange(len(classes))
    for axes, (adapter, targets) in zip(grid.flat, by_class.items(), strict=False):
        breadth = 0.8 / len(targets)
        for index, (target, shares) in enumerate(targets.items()):
            axes.bar(
                places + breadth * (index - (len(targets) - 1) / 2),
                shares,
                breadth,
                color=(BLUE, ORANGE, "0.5")[index],
                label=target.replace("_", " "),
            )
        axes.set_title(adapter, fontsize=10)
        axes.set_xticks(places, classes, rotation=90 if max(map(len, classes)) > 2 else 0)
        axes.tick_params(labelbottom=True)
        axes.set_ylim(0, 102)
    figure.supylabel("accuracy, %", fontsize=10)
    handles, names = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, fontsize=8, loc="outside upper right", ncols=len(names))
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)


def _sheet(table: Table) -> Any:
    """Rows of images with one column a class, uint8."""
    height, width, channels = table.shape
    classes = len(table.levels[FACTOR])
    sheet = np.full((ROWS * (height + 1), classes * (width + 1), channels), 128, np.uint8)
    for column in range(classes):
        for row, image in enumerate(table.values[table.factors[FACTOR] == column][:ROWS]):
            top, left = row * (height + 1), column * (width + 1)
            sheet[top : top + height, left : left + width] = image
    return sheet[..., 0] if channels == 1 else sheet
