"""Render both domains of one set of the many-to-many benchmark."""

from __future__ import annotations

from isthmus.data.table import write_table
from isthmus.job import Job, stage
from isthmus.report.figures import domains_sheet
from isthmus.translation.sets import SETS


@stage("seed", "threads", "scenes", folder="runs/{scale}/scenes/{set}")
def main(job: Job) -> None:
    """Render both domains of one set of the many-to-many benchmark."""
    tables = SETS[job.items["set"]].load(**job.config.value("scenes"), seed=job.seed)
    for split, table in tables.items():
        write_table(table, job.output(f"{split}.parquet"))
    domains_sheet(tables["test"], job.output("sheet.png"))


if __name__ == "__main__":
    main()
