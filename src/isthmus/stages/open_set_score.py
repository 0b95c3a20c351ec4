"""Score all adapters on the open sets of one set of the adaptation benchmark."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from isthmus import record
from isthmus.data.table import read_table
from isthmus.data.visda import FACTOR
from isthmus.job import Job, stage
from isthmus.metrics.summary import summary
from isthmus.metrics.visda import open_set_score
from isthmus.report.adaptation import class_bars
from isthmus.stages.adapted import FOUND, OPEN_TARGETS
from isthmus.stages.rows import result_row

FIGURES = ("os", "os_star", "unk", "hos")
SUFFIX = {"open_test": "", "open_test_1_9": "-1-9"}


@stage(
    "seed",
    "threads",
    "adaptation.open_adapters",
    folder="runs/{scale}/evaluate/{domains}-open",
)
def main(job: Job) -> None:
    """Score all adapters on the open sets of one set of the adaptation benchmark."""
    name = job.items["domains"]
    tables = {
        key: read_table(
            job.input(f"adaptation/data/{name}/{key}.parquet"), kind="images", factors=(FACTOR,)
        )
        for key in OPEN_TARGETS
    }
    levels = tables[OPEN_TARGETS[0]].levels[FACTOR]
    metrics: dict[str, Any] = {}
    rows: list[dict[str, Any]] = []
    by_class: dict[str, dict[str, list[float]]] = {}
    for adapter in map(str, job.config.adaptation.open_adapters):
        folder = f"adaptation/open/{name}/{adapter}"
        found = json.loads(job.input(f"{folder}/{FOUND}").read_text())
        made_by = record.read(job.input(f"{folder}/{record.NAME}"))
        scores = [
            {
                key: open_set_score(tables[key].factors[FACTOR], each[key], known=len(levels) - 1)
                for key in OPEN_TARGETS
            }
            for each in found
        ]
        for target, suffix in SUFFIX.items():
            members = [{key: getattr(each[target], key) for key in FIGURES} for each in scores]
            if not suffix:
                for each, score in zip(members, scores, strict=True):
                    each["validation_hos"] = score["open_validation"].hos
            method = f"{adapter}{suffix}"
            metrics[method] = {key: summary([m[key] for m in members]) for key in members[0]}
            rows += [
                result_row(f"{name}-open", method, index, each, made_by)
                for index, each in enumerate(members)
            ]
        by_class[adapter] = {
            key: np.mean([each[key].by_class for each in scores], 0).tolist()
            for key in OPEN_TARGETS
        }
    job.write_json("metrics.json", metrics)
    job.write_json("rows.json", rows)
    class_bars(by_class, levels, job.output("classes.png"))


if __name__ == "__main__":
    main()
