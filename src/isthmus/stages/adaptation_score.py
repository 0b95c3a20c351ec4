"""Score all adapters on one set of the adaptation benchmark, closed set and open set."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from isthmus import record
from isthmus.adaptation.benchmark import ORACLE, SOURCE_ONLY, SOURCE_TEST
from isthmus.data.table import read_table
from isthmus.data.visda import FACTOR
from isthmus.job import Job, stage
from isthmus.metrics.summary import summary
from isthmus.metrics.visda import closed_set_score
from isthmus.report.adaptation import class_bars
from isthmus.stages.adapted import FOUND, TARGETS
from isthmus.stages.rows import result_row

REFERENCES = (SOURCE_ONLY, ORACLE)


@stage(
    "seed",
    "threads",
    "adaptation.adapters",
    folder="runs/{scale}/evaluate/{domains}",
)
def main(job: Job) -> None:
    """Score all adapters on one set of the adaptation benchmark."""
    name = job.items["domains"]
    tables = {
        key: read_table(
            job.input(f"adaptation/data/{name}/{key}.parquet"), kind="images", factors=(FACTOR,)
        )
        for key in (SOURCE_TEST, *TARGETS)
    }
    truth = {key: table.factors[FACTOR] for key, table in tables.items()}
    classes = tables[SOURCE_TEST].levels[FACTOR]
    folder = f"adaptation/closed/{name}"
    figures: dict[str, list[dict[str, float]]] = {}
    by_class: dict[str, dict[str, list[float]]] = {}
    for adapter in map(str, job.config.adaptation.adapters):
        found = json.loads(job.input(f"{folder}/{adapter}/{FOUND}").read_text())
        scores = [
            {
                key: closed_set_score(truth[key], predicted, classes=len(classes))
                for key, predicted in each.items()
            }
            for each in found
        ]
        figures[adapter] = [
            {f"{key.removesuffix('_test')}_accuracy": score.accuracy for key, score in each.items()}
            for each in scores
        ]
        by_class[adapter] = {
            key: np.mean([each[key].by_class for each in scores], 0).tolist() for key in TARGETS
        }
    add_recovered(figures)
    metrics: dict[str, Any] = {
        adapter: {key: summary([each[key] for each in members]) for key in members[0]}
        | {"by_class": by_class[adapter]}
        for adapter, members in figures.items()
    }
    metrics |= chosen(metrics)
    job.write_json("metrics.json", metrics)
    rows = [
        result_row(
            name,
            adapter,
            index,
            each,
            record.read(job.input(f"{folder}/{adapter}/{record.NAME}")),
        )
        for adapter, members in figures.items()
        for index, each in enumerate(members)
    ]
    job.write_json("rows.json", rows)
    class_bars(by_class, classes, job.output("classes.png"))


def add_recovered(figures: Mapping[str, list[dict[str, float]]]) -> None:
    """Add by seed the share of the gap from source only to the oracle that an adapter recovers."""
    for adapter, members in figures.items():
        if adapter in REFERENCES:
            continue
        for index, each in enumerate(members):
            low, high = (figures[reference][index] for reference in REFERENCES)
            for target in TARGETS:
                key = f"{target}_accuracy"
                gap = high[key] - low[key]
                each[f"{target}_gap_recovered"] = (each[key] - low[key]) / gap if gap else 0.0


def chosen(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """The adapter with the best mean accuracy on the validation target, by its name and figures."""
    rivals = [adapter for adapter in metrics if adapter not in REFERENCES]
    if not rivals:
        return {}
    best = max(rivals, key=lambda adapter: metrics[adapter]["validation_accuracy"]["mean"])
    return {"chosen": metrics[best] | {"adapter": best}}


if __name__ == "__main__":
    main()
