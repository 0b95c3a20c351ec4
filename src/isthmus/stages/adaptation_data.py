"""Prepare one set of the adaptation benchmark: a source, two targets, and their open sets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from isthmus.adaptation.open_set import open_target
from isthmus.data import rendered_objects, typeset_digits
from isthmus.data.table import Table, write_table
from isthmus.data.visda import FACTOR, write_image_list
from isthmus.job import Job, stage
from isthmus.report.adaptation import domain_sheet
from isthmus.seeding import derive

OPEN = {
    "open_validation": ("validation", 0.5),
    "open_test": ("test", 0.5),
    "open_test_1_9": ("test", 0.9),
}
"""By name of an open set its target, and the share of unknown images."""


@stage(
    "seed",
    "threads",
    "adaptation.sets.{domains}",
    folder="runs/{scale}/adaptation/data/{domains}",
)
def main(job: Job) -> None:
    """Prepare one set of the adaptation benchmark: a source, two targets, and their open sets."""
    settings = job.config.value(f"adaptation.sets.{job.items['domains']}")
    tables = _load(job.items["domains"], settings, job.seed)
    domain_sheet(
        {name: tables[name] for name in ("source", "validation", "test")}, job.output("sheet.png")
    )
    for name, (target, share) in OPEN.items():
        seed = derive(job.seed, name)
        tables[name] = open_target(
            tables[target], settings["known"], unknown_share=share, seed=seed
        )
    for name, table in tables.items():
        write_table(table, job.output(f"{name}.parquet"))
        if name != "source":
            labels = table.factors[FACTOR]
            paths = [f"{table.levels[FACTOR][k]}/{row:06d}.png" for row, k in enumerate(labels)]
            write_image_list(job.output(f"{name}.txt"), paths, labels)


def _load(name: str, settings: Mapping[str, Any], seed: int) -> dict[str, Table]:
    sizes = {key: value for key, value in settings.items() if key.endswith("_size")}
    if name == "typeset-digits":
        return typeset_digits.load(**sizes, seed=seed)
    return rendered_objects.load(**sizes, seed=seed)


if __name__ == "__main__":
    main()
