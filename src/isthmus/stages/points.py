"""Generate one two-dimensional pair of domains."""

from __future__ import annotations

from isthmus.data import toys
from isthmus.data.table import write_table
from isthmus.job import Job, stage
from isthmus.report.figures import scatter


@stage("seed", "threads", "data.{pair}", folder="runs/{scale}/points/{pair}")
def main(job: Job) -> None:
    """Generate one two-dimensional pair of domains."""
    settings = job.config.value(f"data.{job.items['pair']}")
    tables = toys.load(job.items["pair"], seed=job.seed, **settings)
    for split, table in tables.items():
        write_table(table, job.output(f"{split}.parquet"))
    scatter(tables["test"], job.output("sheet.png"))


if __name__ == "__main__":
    main()
