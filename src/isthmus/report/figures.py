"""Figures: contact sheets, clouds, confusion tables. Same numbers, same bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from isthmus.data.pairs import label
from isthmus.data.table import Table

BLUE, ORANGE = "#1f6fb4", "#e0731d"


def _save(figure: Figure, path: Path) -> None:
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)


def contact_sheet(table: Table, path: Path, *, rows: int = 6, columns: int = 16) -> None:
    """The first images of a table, in a grid."""
    images = table.images()[: rows * columns, 0]
    side = images.shape[-1]
    sheet = np.zeros((rows * (side + 2), columns * (side + 2)))
    for index, image in enumerate(np.asarray(images)):
        top, left = (index // columns) * (side + 2), (index % columns) * (side + 2)
        sheet[top : top + side, left : left + side] = image
    figure, axes = plt.subplots(figsize=(8, 8 * rows / columns), layout="constrained")
    axes.imshow(sheet, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    axes.axis("off")
    _save(figure, path)


def image_rows(rows: Sequence[Any], names: Sequence[str], path: Path) -> None:
    """Rows of images `(n, 1, side, side)`, one labelled row each."""
    count = max(len(row) for row in rows)
    size = (0.62 * count + 1.6, 0.62 * len(rows) + 0.1)
    figure, grid = plt.subplots(len(rows), count, figsize=size, squeeze=False)
    figure.subplots_adjust(left=1.6 / size[0], right=1, bottom=0, top=1, wspace=0.05, hspace=0.05)
    for line, row, name in zip(grid, rows, names, strict=True):
        for axes in line:
            axes.axis("off")
        for axes, image in zip(line, row, strict=False):
            axes.imshow(np.asarray(image)[0], cmap="gray", vmin=0, vmax=1)
        line[0].text(-0.2, 0.5, name, transform=line[0].transAxes, ha="right", va="center")
    _save(figure, path)


def scatter(table: Table, path: Path) -> None:
    """Both domains of a two-dimensional table."""
    codes = table.factors["domain"]
    figure, axes = plt.subplots(figsize=(5, 4), layout="constrained")
    for code, name, colour in ((1, "B", ORANGE), (0, "A", BLUE)):
        x = table.values[codes == code]
        axes.scatter(*x.T, s=5, color=colour, label=name, alpha=0.6, linewidths=0)
    axes.set_aspect("equal")
    axes.legend(markerscale=3)
    _save(figure, path)


def clouds(a: Table, b: Table, moved: Mapping[str, Any], path: Path) -> None:
    """A before and after each method over B, one column a method.

    First row: both clouds. Second: A coloured by where each point was before, as the angle around
    A's centre. Third, where there are classes: A coloured by class.

    Args:
        a: The test points of A.
        b: The test points of B.
        moved: By method, T(A) of the first seed.
        path: Where to write.
    """
    panels = {"no adaptation": a.values, **moved}
    centre, axes_ = _plane(b.values)
    flat_a = (a.values - a.values.mean(0)) @ axes_
    angle = np.arctan2(flat_a[:, 1], flat_a[:, 0])
    rows: list[Any] = [
        {"color": BLUE, "alpha": 0.6},
        {"c": angle, "cmap": "twilight", "vmin": -np.pi, "vmax": np.pi},
    ]
    if name := label(a):
        rows.append({"c": a.factors[name], "cmap": "tab10", "vmin": 0, "vmax": 9})
    size = (2.1 * len(panels), 2.1 * len(rows) + 0.3)
    figure, grid = plt.subplots(
        len(rows), len(panels), figsize=size, layout="constrained", squeeze=False
    )
    flat_b = (b.values - centre) @ axes_
    for column, (title, x) in zip(grid.T, panels.items(), strict=True):
        flat = (np.asarray(x) - centre) @ axes_
        for axes, colours in zip(column, rows, strict=True):
            behind = ORANGE if colours is rows[0] else "0.85"
            axes.scatter(*flat_b.T, s=4, color=behind, linewidths=0)
            axes.scatter(flat[:, 0], flat[:, 1], s=4, linewidths=0, **colours)
            axes.set_xticks([])
            axes.set_yticks([])
        column[0].set_title(title, fontsize=10)
    _save(figure, path)


def before_and_after(a: Any, moved: Any, b: Any, path: Path) -> None:
    """A and T(A) over B, in the plane of B's two main directions; histograms where D is 1."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4.2), layout="constrained")
    _over(left, a, b, "A")
    _over(right, moved, b, "T(A)")
    _save(figure, path)


def against_noise(
    a: Any, b: Any, value: float, noise: Sequence[float], unit: str, path: Path
) -> None:
    """A over B, and their distance beside those of random splits of one law."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4.2), layout="constrained")
    _over(left, a, b, "A")
    if len(noise):
        right.hist(noise, bins=20, color="0.7", label="two samples of one law")
    right.axvline(value, color=BLUE, linewidth=2, label="A and B")
    right.set_xlabel(f"distance, {unit}")
    right.set_ylabel("random splits")
    right.legend()
    _save(figure, path)


def _over(axes: Axes, x: Any, b: Any, name: str) -> None:
    """Points over B."""
    if b.shape[1] == 1:
        axes.hist(b[:, 0], bins=60, density=True, color=ORANGE, alpha=0.5, label="B")
        axes.hist(x[:, 0], bins=60, density=True, color=BLUE, alpha=0.5, label=name)
    else:
        centre, directions = _plane(b)
        for points, label_, colour in ((b, "B", ORANGE), (x, name, BLUE)):
            flat = (points - centre) @ directions
            axes.scatter(flat[:, 0], flat[:, 1], s=5, color=colour, alpha=0.6, lw=0, label=label_)
    axes.set_title(f"{name} and B")
    axes.legend(markerscale=3)


def _plane(x: Any) -> tuple[Any, Any]:
    """Centre and the two main directions of points; the plane itself where they lie in one."""
    if x.shape[-1] == 2:
        return np.zeros(2), np.eye(2)
    centre = x.mean(0)
    _, _, directions = np.linalg.svd(x - centre, full_matrices=False)
    return centre, directions[:2].T


def confusions(tables: Mapping[str, Any], path: Path) -> None:
    """One confusion table a method: row = class before, column = class after, rows sum to one."""
    if not tables:
        figure, axes = plt.subplots(figsize=(4, 1), layout="constrained")
        axes.text(0.5, 0.5, "this pair has no classes", ha="center", va="center")
        axes.axis("off")
        _save(figure, path)
        return
    figure, grid = plt.subplots(
        1, len(tables), figsize=(2.7 * len(tables), 3), layout="constrained", squeeze=False
    )
    for axes, (title, table) in zip(grid[0], tables.items(), strict=True):
        shares = table / np.maximum(table.sum(1, keepdims=True), 1)
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        axes.set_title(title, fontsize=10)
        ticks = range(len(table))
        axes.set_xticks(ticks)
        axes.set_yticks(ticks)
        axes.set_xlabel("after")
        axes.set_ylabel("before")
    _save(figure, path)


def domains_sheet(table: Table, path: Path, *, columns: int = 12, rows: int = 3) -> None:
    """Images of A above images of B."""
    figure, grid = plt.subplots(2, 1, figsize=(9, 5.2), layout="constrained")
    for code, (axes, name) in enumerate(zip(grid, "AB", strict=True)):
        chosen = table.values[table.factors["domain"] == code][: rows * columns]
        axes.imshow(_tiled(chosen, columns), interpolation="nearest")
        axes.set_title(f"domain {name}", fontsize=10)
        axes.axis("off")
    _save(figure, path)


def translations_sheet(
    table: Table, test: tuple[Table, Table], path: Path, *, columns: int = 12
) -> None:
    """Sources, guides and translations of the first seed, both directions."""
    figure, grid = plt.subplots(2, 1, figsize=(9, 5.4), layout="constrained")
    for side, (axes, title) in enumerate(zip(grid, ("A to B", "B to A"), strict=True)):
        mine = (table.factors["direction"] == side) & (table.factors["member"] == 0)
        chosen = table.take(np.flatnonzero(mine)[:columns])
        rows = [
            test[side].values[chosen.factors["source"]],
            test[1 - side].values[chosen.factors["guide"]],
            chosen.values,
        ]
        axes.imshow(_tiled(np.concatenate(rows), len(chosen)), interpolation="nearest")
        axes.set_title(f"{title}: source, guide, translation", fontsize=10)
        axes.axis("off")
    _save(figure, path)


def _tiled(images: Any, columns: int) -> Any:
    """Images `(n, h, w, 3)` in rows of `columns`, white between them."""
    rows = -(-len(images) // columns)
    height, width = images.shape[1] + 1, images.shape[2] + 1
    sheet = np.full((rows * height, columns * width, 3), 255, np.uint8)
    for index, image in enumerate(images):
        top, left = (index // columns) * height, (index % columns) * width
        sheet[top : top + height - 1, left : left + width - 1] = image
    return sheet


def accuracy_bars(
    metrics: Mapping[str, Any], factors: Sequence[str], roles: Mapping[str, str], path: Path
) -> None:
    """Accuracy of every factor by method; a bar a factor, shared ones in blue."""
    figure, grid = plt.subplots(
        1, len(metrics), figsize=(1.9 * len(metrics) + 1, 3.2), sharey=True, squeeze=False
    )
    for axes, (method, figures) in zip(grid[0], metrics.items(), strict=True):
        heights = [figures[name]["mean"] for name in factors]
        errors = [figures[name]["std"] for name in factors]
        colours = [BLUE if roles[name] == "shared" else ORANGE for name in factors]
        axes.bar(range(len(factors)), heights, yerr=errors, color=colours)
        axes.set_xticks(range(len(factors)), [n.replace("_", " ") for n in factors], rotation=90)
        axes.set_title(method, fontsize=10)
        axes.set_ylim(0, 100)
    grid[0][0].set_ylabel("accuracy, % (blue: shared)")
    figure.tight_layout()
    _save(figure, path)
