"""The figures of the self-defence: what quantising and noise cost a cycle, and the cycle itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from torch import Tensor

from isthmus.metrics.audit import Audit
from isthmus.translation.translator import to_bytes

FIGURES = {
    "accuracy": "accuracy",
    "iou": "IoU",
    "iou_p2p": "IoU p2p",
    "mse": "MSE",
    "rh": "RH",
    "rh_other_guide": "RH, other's guide",
    "sn": "SN(0.1)",
    "sn_3_256": "SN(3/128)",
    "cycle_error": "cycle L1",
    "cycle_error_other_guide": "cycle L1, other's guide",
    "cheating_index": "cheating index",
    "hidden_r2": "hidden R²",
    "hidden_r2_quantised": "hidden R², quantised",
}
"""The columns of the report's table, and their titles."""


def in_words(figures: Mapping[str, float], quantised_to: str) -> list[str]:
    """The figures of an audit as lines to print."""
    lines = [
        f"RH {figures['rh']:.3f} +- {figures['rh_deviation']:.3f}: what the reconstruction loses "
        f"where the translation is quantised to {quantised_to}",
        f"SN(0.1) {figures['sn']:.3f}: how far noise on the translation moves the reconstruction",
        f"cycle L1 {figures['cycle_error']:.4f} of [-1, 1]",
        f"hidden: a probe reads {figures['hidden_r2']:.1%} of what is lost from translations, "
        f"{figures['hidden_r2_quantised']:.1%} from quantised ones",
    ]
    index = figures.get("cheating_index")
    if index is not None:
        side = "better than honest, it cheats" if index > 0 else "no better than honest"
        lines.append(f"cheating index {index:.3f}: the reconstruction is {side}")
    return lines


def honesty_curves(audits: Mapping[str, Sequence[Audit]], path: Path) -> None:
    """RH against the quantiser's levels, and SN against sigma; a line a method, a band its seeds.

    Args:
        audits: By method one a seed.
        path: The PNG to write.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.6), layout="constrained")
    for method, found in audits.items():
        _line(left, method, [each.levels for each in found])
        _line(right, method, [each.sigmas for each in found])
    left.set_xscale("log", base=2)
    left.set_xlabel("K, translation rounded to 2 K + 1 levels")
    left.set_ylabel("RH, lower is more honest")
    left.axhline(0, color="black", linewidth=0.8)
    right.set_xlabel("sigma of the noise on the translation, of [-1, 1]")
    right.set_ylabel("SN")
    right.legend(fontsize=8)
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)


def _line(axes: Axes, name: str, curves: Sequence[Mapping[Any, float]]) -> None:
    places = list(curves[0])
    heights = np.array([[*curve.values()] for curve in curves])
    (line,) = axes.plot(places, heights.mean(0), marker="o", markersize=3, label=name)
    axes.fill_between(places, heights.min(0), heights.max(0), color=line.get_color(), alpha=0.2)


def cycles_sheet(shown: Mapping[str, Mapping[str, Tensor]], path: Path) -> None:
    """A panel a method, in it a row for each kind of image.

    Args:
        shown: By method what `isthmus.metrics.audit.exhibits` gives.
        path: The PNG to write.
    """
    first = next(iter(shown.values()))
    count, side = len(first["source"]), first["source"].shape[-1]
    size = (0.55 * count + 2.2, 0.55 * len(first) + 0.3)
    figure, grid = plt.subplots(
        len(shown), 1, figsize=(size[0], size[1] * len(shown)), squeeze=False, layout="constrained"
    )
    for axes, (method, by_kind) in zip(grid[:, 0], shown.items(), strict=True):
        rows = [to_bytes(images).permute(2, 0, 3, 1).flatten(1, 2) for images in by_kind.values()]
        axes.imshow(np.concatenate([row.numpy() for row in rows]), interpolation="nearest")
        axes.set_yticks([side * (row + 0.5) for row in range(len(rows))], list(by_kind), fontsize=8)
        axes.set_xticks([])
        axes.set_title(method, fontsize=10)
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)
