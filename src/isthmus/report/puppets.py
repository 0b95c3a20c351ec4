"""Figures of the puppets: the data, real images driven along an attribute, learning curves."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import numpy as np
import numpy.typing as npt
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from torch import Tensor

from isthmus.data.puppets import Puppets, unstack

Images = npt.NDArray[np.uint8]
CURVES = ("accuracy", "r_attr", "r_rest", "v_rest")


def puppets_sheet(data: Puppets, path: Path, *, columns: int = 16) -> None:
    """Real images, triplets one a column, and two sequences."""
    steps = len(data.sequences.levels["step"])
    runs = data.sequences.values[: 2 * steps].transpose(0, 3, 1, 2)
    panels = {
        "real": data.real["train"].values[: 2 * columns].transpose(0, 3, 1, 2),
        "triplets: attribute, rest, both": unstack(data.triplets)[:columns]
        .swapaxes(0, 1)
        .reshape(-1, *runs.shape[1:]),
        "test sequences": runs,
    }
    figure, grid = plt.subplots(len(panels), 1, figsize=(8, 5.4), layout="constrained")
    for axes, (title, images) in zip(grid, panels.items(), strict=True):
        _tile(axes, images, steps if title == "test sequences" else columns)
        axes.set_title(title, fontsize=10)
    _save(figure, path)


def driven_sheet(reals: Tensor, guides: Tensor, outputs: Tensor, path: Path) -> None:
    """Two sequences above what they make of a few real images, which stand on the left.

    Args:
        reals: uint8 `(r, c, side, side)`.
        guides: uint8 `(s, t, c, side, side)`.
        outputs: uint8 `(r, s, t, c, side, side)`.
        path: Where to write.
    """
    figure, grid = plt.subplots(1, 2, figsize=(9, 5), layout="constrained")
    for run, axes in enumerate(grid):
        chosen = run % len(guides)
        _tile(axes, *_grid(reals.numpy(), guides.numpy(), outputs.numpy(), chosen))
    _save(figure, path)


def driven_rows(reals: Images, shown: Mapping[str, tuple[Images, Images]], path: Path) -> None:
    """One panel a method: a sequence, and the same few real images driven by it.

    Args:
        reals: uint8 `(r, c, side, side)`.
        shown: By method its outputs `(r, s, t, c, side, side)` and guides `(s, t, c, side, side)`.
        path: The PNG to write.
    """
    columns = min(len(shown), 3)
    rows = -(-len(shown) // columns)
    figure, grid = plt.subplots(
        rows, columns, figsize=(4 * columns, 3.4 * rows), layout="constrained", squeeze=False
    )
    for axes in grid.flat:
        axes.axis("off")
    for axes, (method, (outputs, guides)) in zip(grid.flat, shown.items(), strict=False):
        _tile(axes, *_grid(reals, guides, outputs, 0))
        axes.set_title(method, fontsize=10)
    _save(figure, path)


def learning_curves(learning: Mapping[str, Mapping[int, Any]], path: Path) -> None:
    """The paper's four figures over the steps, a panel a figure, a line a method.

    Args:
        learning: By method and step the `mean` and `std` over seeds of each figure.
        path: The PNG to write.
    """
    figure, grid = plt.subplots(1, len(CURVES), figsize=(12, 3.2), layout="constrained")
    for axes, name in zip(grid, CURVES, strict=True):
        for method, by_step in learning.items():
            steps = [step for step, figures in by_step.items() if name in figures]
            mean, spread = (
                np.array([by_step[step][name][each] for step in steps]) for each in ("mean", "std")
            )
            (line,) = axes.plot(steps, mean, label=method)
            axes.fill_between(
                steps, mean - spread, mean + spread, alpha=0.2, color=line.get_color()
            )
        axes.set_title(name.replace("_", " "), fontsize=10)
        axes.set_xlabel("steps")
    grid[-1].legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))
    _save(figure, path)


def _grid(
    reals: Images, guides: Images, outputs: Images, run: int, *, count: int = 7
) -> tuple[Images, int]:
    """A blank and a sequence above rows of a real image and its outputs; images and columns."""
    rows = [np.concatenate([np.zeros_like(guides[run, :1]), guides[run]])]
    rows += [
        np.concatenate([real[np.newaxis], output[run]])
        for real, output in zip(reals[:count], outputs[:count], strict=True)
    ]
    return np.concatenate(rows), len(rows[0])


def _tile(axes: Axes, images: Images, columns: int) -> None:
    """Images `(n, c, side, side)` in rows of `columns`, grey between them."""
    side = images.shape[-1] + 1
    sheet = np.full((-(-len(images) // columns) * side, columns * side, 3), 128, np.uint8)
    for index, image in enumerate(images):
        top, left = (index // columns) * side, (index % columns) * side
        sheet[top : top + side - 1, left : left + side - 1] = image.transpose(1, 2, 0)
    axes.imshow(sheet, interpolation="nearest")
    axes.axis("off")


def _save(figure: Any, path: Path) -> None:
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)
