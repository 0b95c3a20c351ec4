"""Render one set of pairs of the self-defence."""

from __future__ import annotations

from isthmus.data.table import write_table
from isthmus.job import Job, stage
from isthmus.report.figures import domains_sheet
from isthmus.translation.paired_sets import PAIRED_SETS


@stage("seed", "threads", "paired.{paired_set}", folder="runs/{scale}/paired/{paired_set}")
def main(job: Job) -> None:
    """Render one set of pairs of the self-defence."""
    name = job.items["paired_set"]
    tables = PAIRED_SETS[name].load(**job.config.value(f"paired.{name}"), seed=job.seed)
    for split, table in tables.items():
        write_table(table, job.output(f"{split}.parquet"))
    domains_sheet(tables["test"], job.output("sheet.png"))


if __name__ == "__main__":
    main()
