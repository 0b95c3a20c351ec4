"""The metric itself: what the exact renderer, chance and copies score on the splits of 3D-Shapes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from isthmus.data import shapes3d
from isthmus.job import Job, stage
from isthmus.metrics.splits import over_splits
from isthmus.metrics.summary import summary
from isthmus.report.figures import accuracy_bars
from isthmus.seeding import derive
from isthmus.translation.sets import SETS, SPLITS, renamed


@stage(
    "seed",
    "threads",
    "studies.manipulation_metric",
    folder="runs/{scale}/evaluate/manipulation-metric",
)
def main(job: Job) -> None:
    """Score the exact renderer, chance and copies."""
    metrics = study(job.config.value("studies.manipulation_metric"), job.seed)
    job.write_json("metrics.json", metrics)
    draw(metrics, job.output("figure.png"))


def study(settings: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """Figures over the three splits, by answer.

    Args:
        settings: The parameters `studies.manipulation_metric`.
        seed: Of the pairs and of chance.
    """
    found: dict[str, list[dict[str, float]]] = defaultdict(list)
    roles = {name: SETS[name].roles for name in SPLITS}
    for index in range(settings["seeds"]):
        accuracy: dict[str, dict[str, dict[str, float]]] = defaultdict(dict)
        for name in SPLITS:
            own = derive(seed, name, index)
            drawn = [
                SETS[name].columns(
                    renamed(
                        shapes3d.split(
                            f"shapes3d-{name[-1]}", side, count=settings["pairs"], seed=own
                        )
                    )
                )
                for side in ("a", "b")
            ]
            source, guide = np.concatenate(drawn), np.concatenate(drawn[::-1])
            a2b = np.repeat([True, False], settings["pairs"])
            for answer, values in SETS[name].answers(source, guide, a2b, own).items():
                accuracy[answer][name] = SETS[name].score(source, guide, values, a2b)
        for answer, by_split in accuracy.items():
            found[answer].append(over_splits(by_split, roles))
    return {
        answer: {key: summary([each[key] for each in runs]) for key in runs[0]}
        for answer, runs in found.items()
    }


def draw(metrics: Mapping[str, Any], path: Path) -> None:
    """The accuracy of every factor, mean over the splits, by answer."""
    factors = list(SETS[SPLITS[0]].roles)
    accuracy_bars(metrics, factors, dict.fromkeys(factors, "either"), path)


if __name__ == "__main__":
    main()
