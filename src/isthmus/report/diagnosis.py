"""Figure of a diagnosis: what can be read from translations, and what should be."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import pyplot as plt

from isthmus.report.figures import BLUE, ORANGE


def probe_bars(probes: Mapping[str, Any], path: Path) -> None:
    """A bar for each factor that a probe read, by direction; blue what should have been kept.

    Args:
        probes: By direction (`into_a`), `kept` or `dropped`, and factor: `accuracy`, its `error`,
            `chance`, and `visible`, the accuracy of the nearest rendered image; all from 0 to 1.
        path: Where to write.
    """
    figure, grid = plt.subplots(
        1, len(probes), figsize=(4.6 * len(probes), 3.6), sharey=True, squeeze=False
    )
    for axes, (way, by_duty) in zip(grid[0], probes.items(), strict=True):
        names = [(duty, name) for duty in ("kept", "dropped") for name in sorted(by_duty[duty])]
        found = [by_duty[duty][name] for duty, name in names]
        places = np.arange(len(names))
        axes.bar(
            places,
            [reading["accuracy"] for reading in found],
            yerr=[reading["error"] for reading in found],
            color=[BLUE if duty == "kept" else ORANGE for duty, _ in names],
        )
        chance = [reading["chance"] for reading in found]
        axes.hlines(chance, places - 0.4, places + 0.4, color="black", label="chance")
        axes.plot(
            places, [r["visible"] for r in found], "D", mfc="white", mec="black", label="visible"
        )
        axes.set_xticks(places, [name.replace("_", " ") for _, name in names], rotation=90)
        axes.set_title(way.replace("_", " "), fontsize=10)
        axes.set_ylim(0, 1.02)
    grid[0][0].set_ylabel("read right (orange: to be dropped)")
    grid[0][-1].legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)
