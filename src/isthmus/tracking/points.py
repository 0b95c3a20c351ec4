"""What MLflow accepts of parameters, numbers and curves."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from statistics import fmean
from typing import Any

LONGEST_NAME = 240
LONGEST_VALUE = 6000

Point = tuple[str, float, int]
"""A metric's name, value and step."""


def flat_parameters(values: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Parameters by dotted name, as text; lists stay whole.

    Args:
        values: Nested parameters.
        prefix: What the names begin with.
    """
    flat: dict[str, str] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat |= flat_parameters(value, f"{prefix}{key}.")
        else:
            text = value if isinstance(value, str) else json.dumps(value)
            flat[_name(f"{prefix}{key}")] = text[:LONGEST_VALUE]
    return flat


def flat_metrics(values: Mapping[str, Any], prefix: str = "") -> Iterator[Point]:
    """The numbers of `metrics.json`, named as the claims name them: `lrmf-realnvp.accuracy.mean`.

    Lists (such as one value a seed) are left to the file, an artifact of the run.

    Args:
        values: Nested numbers.
        prefix: What the names begin with.
    """
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from flat_metrics(value, f"{prefix}{key}.")
        elif isinstance(value, int | float):
            yield _name(f"{prefix}{key}"), float(value), 0


def flat_curves(values: Mapping[str, Any]) -> Iterator[Point]:
    """The points of `curves.json`, named with their unit: `curves/loss_nats`.

    Where `value` holds one series a seed, that is their mean, and the series follow as
    `seeds/loss_nats.0`, `seeds/loss_nats.1` and so on.

    Args:
        values: `{"unit": ..., "step": [...], "value": [...]}` by name.

    Raises:
        ValueError: A series has not one value a step.
    """
    for key, curve in values.items():
        steps, series, unit = curve["step"], curve["value"], curve["unit"]
        name = key if unit == "1" or key.endswith(unit) else f"{key}_{unit}"
        if any(isinstance(one, list) for one in series):
            for seed, one in enumerate(series):
                yield from _curve("seeds", f"{name}.{seed}", steps, one)
            series = [None if None in at else fmean(at) for at in zip(*series, strict=True)]
        yield from _curve("curves", name, steps, series)


def _curve(group: str, name: str, steps: list[int], values: list[float | None]) -> Iterator[Point]:
    for step, value in zip(steps, values, strict=True):
        if value is not None:
            yield f"{group}/{_name(name)}", float(value), int(step)


def _name(text: str) -> str:
    """A name that MLflow accepts: no sign but these, no path, not too long."""
    plain = re.sub(r"[^\w.\- :]", "-", text.replace("%", "percent"))
    return plain.lstrip(".")[:LONGEST_NAME] or "-"
