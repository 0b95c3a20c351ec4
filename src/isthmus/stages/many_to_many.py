"""The many-to-many benchmark over its sets, as in the talk's table, and two remaining challenges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from isthmus.data.table import read_table
from isthmus.job import Job, stage
from isthmus.metrics.correctness import Role
from isthmus.metrics.pixel_share import Change, trend
from isthmus.metrics.splits import over_splits
from isthmus.metrics.summary import summary
from isthmus.report.many_to_many import Cell, accuracy_by_share
from isthmus.stages.scored import Scores, scores
from isthmus.translation.pixel_share import pixel_shares
from isthmus.translation.sets import SETS, SHIFTED, SPLITS

ROLES = {name: SETS[name].roles for name in SPLITS}
STAND_INS = ("synaction", "celeba")
Shares = Mapping[str, Mapping[str, Change]]


@stage("seed", "threads", "sets", "translators", folder="runs/{scale}/evaluate/many-to-many")
def main(job: Job) -> None:
    """Take the sets together."""
    found = {str(name): dict(scores(job, name)) for name in job.config.sets}
    shares = {
        name: pixel_shares(
            SETS[name],
            read_table(job.input(f"scenes/{name}/test.parquet"), kind="images"),
            job.seed,
        )
        for name in SPLITS
        if name in found
    }
    metrics = together(found, shares)
    job.write_json("metrics.json", metrics)
    job.write_json(
        "pixel_share.json",
        {name: {f: each._asdict() for f, each in by.items()} for name, by in shares.items()},
    )
    accuracy_by_share(
        {str(method): _cells(found, shares, str(method)) for method in job.config.translators},
        job.output("figure.png"),
    )


def together(found: Mapping[str, Mapping[str, Scores]], shares: Shares) -> dict[str, Any]:
    """Figures in percent by method, each only where the sets that it needs were run.

    Under a method's name: those of `over_splits` and, over the 18 factors of the splits, the trend
    of accuracy with `pixel_share` and with `pixel_amount`; `synaction` and `celeba`, the mean
    accuracy there; `average`, the mean of `3ds` and these two. Under its name with `-shifted`:
    `common`, the accuracy of shared factors in 3DS-A where the domains hold a hue in different
    shares, and `common_fall`, by how much that is below 3DS-A itself.

    Args:
        found: By set and method the figures of each seed.
        shares: By split and factor how much of the image it fills.
    """
    metrics = {}
    for method, members in next(iter(found.values())).items():
        runs = [
            {name: by_method[method][index] for name, by_method in found.items()}
            for index in range(len(members))
        ]
        metrics[method] = _summaries([_table(run, shares) for run in runs])
        if SHIFTED in found:
            metrics[f"{method}-shifted"] = _summaries([_shifted(run) for run in runs])
    return metrics


def _table(run: Mapping[str, Mapping[str, float]], shares: Shares) -> dict[str, float]:
    figures: dict[str, float] = {}
    if set(SPLITS) <= set(run):
        figures |= over_splits({name: run[name] for name in SPLITS}, ROLES)
        for index, size in enumerate(Change._fields):
            cells = [(shares[s][f][index], run[s][f]) for s in SPLITS for f in ROLES[s]]
            figures |= {f"pixel_{size}_{key}": value for key, value in trend(cells).items()}
    figures |= {name: run[name]["accuracy"] for name in STAND_INS if name in run}
    columns = [figures[name] for name in ("3ds", *STAND_INS) if name in figures]
    if len(columns) == 1 + len(STAND_INS):
        figures["average"] = float(np.mean(columns))
    return figures


def _shifted(run: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    common = run[SHIFTED]["common"]
    return {"common": common} | (
        {"common_fall": run["3ds-a"]["common"] - common} if "3ds-a" in run else {}
    )


def _summaries(runs: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """Over seeds, what every one of them has."""
    return {
        key: summary([run[key] for run in runs])
        for key in runs[0]
        if all(key in run for run in runs)
    }


def _cells(found: Mapping[str, Mapping[str, Scores]], shares: Shares, method: str) -> list[Cell]:
    return [
        Cell(
            factor,
            ROLES[name][factor] is Role.SHARED,
            change.share,
            float(np.mean([run[factor] for run in found[name][method]])),
        )
        for name, by_factor in shares.items()
        for factor, change in by_factor.items()
    ]


if __name__ == "__main__":
    main()
