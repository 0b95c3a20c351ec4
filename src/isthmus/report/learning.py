"""The learning curves of the many-to-many benchmark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot as plt


def learning_curves(
    learning: Mapping[str, Mapping[int, Any]], factors: Sequence[str], path: Path
) -> None:
    """Accuracy of every factor, and in black their mean, against the step; a panel a method.

    Args:
        learning: By method and step the `mean` over seeds of each factor and of `accuracy`, in
            percent.
        factors: Names of the factors.
        path: The PNG to write.
    """
    figure, grid = plt.subplots(
        1, len(learning), figsize=(2.6 * len(learning) + 1, 3), sharey=True, squeeze=False
    )
    for axes, (method, by_step) in zip(grid[0], learning.items(), strict=True):
        for name in (*factors, "accuracy"):
            heights = [figures[name]["mean"] for figures in by_step.values()]
            style = {"color": "black", "linewidth": 2.5} if name == "accuracy" else {}
            axes.plot(list(by_step), heights, label=name.replace("_", " "), **style)
        axes.set_title(method, fontsize=10)
        axes.set_xlabel("steps")
        axes.set_ylim(0, 101)
    grid[0][0].set_ylabel("accuracy, %")
    grid[0][-1].legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))
    figure.tight_layout()
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)
