"""Result rows: a figure never travels without what it was made from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from isthmus.record import Record


def result_row(
    pair: str, method: str, index: int, figures: Mapping[str, float], made_by: Record
) -> dict[str, Any]:
    """One result with its own configuration.

    Args:
        pair: What was aligned.
        method: How.
        index: Which of the seeds, from 0.
        figures: The figures by name.
        made_by: Record of the stage whose output was judged.
    """
    return {
        "pair": pair,
        "method": method,
        "seed_index": index,
        **figures,
        "key": made_by.key,
        "record": made_by.digest,
        "seed": made_by.seed,
        "parameters": made_by.parameters,
        "versions": made_by.versions,
        "inputs": made_by.inputs,
        "code": made_by.code,
    }
