"""Prepare a task of the puppets: real images, synthetic triplets, and sequences to test with.

What is `far` is the data of the paper's dagger row: synthetic images whose rest hardly overlaps that
of the real ones.
"""

from __future__ import annotations

from pathlib import Path

from isthmus.data.table import write_table
from isthmus.job import Job, stage
from isthmus.report.puppets import puppets_sheet
from isthmus.translation.puppet_tasks import TASKS


@stage("seed", "threads", "puppets", folder="runs/{scale}/puppets/{task}")
def main(job: Job) -> None:
    """Prepare a task of the puppets."""
    data, task = job.config.data, TASKS[job.items["task"]]
    near, far = (
        task.load(
            **job.config.value("puppets"),
            far=far,
            seed=job.seed,
            cache=Path(data.cache),
            mirror=data.mirror,
        )
        for far in (False, True)
    )
    for name, table in near.real.items():
        write_table(table, job.output(f"{name}.parquet"))
    for prefix, found in (("", near), ("far_", far)):
        write_table(found.triplets, job.output(f"{prefix}triplets.parquet"))
        write_table(found.sequences, job.output(f"{prefix}sequences.parquet"))
    puppets_sheet(near, job.output("sheet.png"))


if __name__ == "__main__":
    main()
