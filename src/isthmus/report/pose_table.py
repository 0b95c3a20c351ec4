"""The tables of multi-view pose on the page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

MEASURES = {"pmpjpe": "PMPJPE", "pmpjpe_median": "median", "nmpjpe": "NMPJPE", "pck": "PCK in %"}
MILLISECONDS = "ms a frame"


def columns(runs: Path, rig: str) -> list[str]:
    """Titles of the columns: every measure for every number of cameras, then the time."""
    return [f"{MEASURES[key]}, {count}" for key, count in _keys(runs, rig)] + [MILLISECONDS]


def pose_table(runs: Path, rig: str) -> dict[str, dict[str, str]]:
    """By method and column the figure, ± deviation over seeds where there are several.

    Args:
        runs: Folder of the scale's runs.
        rig: Which rig.
    """
    metrics = _read(runs, rig, "metrics")
    times = _read(runs, rig, "times")
    table: dict[str, dict[str, str]] = {}
    for method, figures in metrics.items():
        row = table.setdefault(method, {})
        for key, count in _keys(runs, rig):
            found = figures.get(f"{key}_{count}")
            if found is not None:
                row[f"{MEASURES[key]}, {count}"] = _cell(found, 100 if key == "pck" else 1)
        if method in times:
            row[MILLISECONDS] = f"{1000 * times[method]['seconds']['mean']:.3g}"
    return table


def _keys(runs: Path, rig: str) -> list[tuple[str, int]]:
    every = _read(runs, rig, "metrics").values()
    counts = sorted({int(name.rsplit("_", 1)[1]) for figures in every for name in figures})
    return [(key, count) for key in MEASURES for count in counts]


def _cell(found: dict[str, Any], unit: float) -> str:
    spread = f" ± {unit * found['std']:.1f}" if found["seeds"] > 1 else ""
    return f"{unit * found['mean']:.1f}{spread}"


def _read(runs: Path, rig: str, name: str) -> dict[str, Any]:
    """What is in the file; nothing where there is none, as a cache keeps no times."""
    path = runs / "evaluate" / rig / f"{name}.json"
    found: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    return found
