"""Numbers over seeds, and curves over steps, in the form that metrics.json and curves.json take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

POINTS = 200
"""Most points a curve keeps."""


def summary(values: Sequence[float]) -> dict[str, Any]:
    """Mean and sample standard deviation (0 for one seed) of a figure over seeds.

    Args:
        values: One figure a seed.

    Returns:
        `mean`, `std`, `seeds` and the `values` themselves.
    """
    numbers = [float(value) for value in values]
    spread = float(np.std(numbers, ddof=1)) if len(numbers) > 1 else 0.0
    return {
        "mean": float(np.mean(numbers)),
        "std": spread,
        "seeds": len(numbers),
        "values": numbers,
    }


def curves(series: Mapping[str, Any], unit: str = "nats") -> dict[str, Any]:
    """Curves of a training, thinned evenly.

    Args:
        series: By name an array of shape `(steps,)` or `(steps, seeds)`.
        unit: Unit of the values.

    Returns:
        By name the `unit`, the `step` of each point, and its `value` (one list a seed where there
        are seeds).
    """
    out = {}
    for name, values in series.items():
        array = np.asarray(values, dtype=float)
        steps = np.unique(np.linspace(0, len(array) - 1, min(POINTS, len(array))).astype(int))
        out[name] = {"unit": unit, "step": steps.tolist(), "value": array[steps].T.tolist()}
    return out
