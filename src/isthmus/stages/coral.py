"""Align a pair by CORAL, with the mean of B."""

from __future__ import annotations

from isthmus.alignment.coral import coral, coral_distance
from isthmus.data.pairs import read_domains
from isthmus.job import Job, stage
from isthmus.stages.aligned import write_aligned
from isthmus.stages.private import domains


@stage("seed", "threads", folder="runs/{scale}/align/{pair}/coral")
def main(job: Job) -> None:
    """Align a pair by CORAL, with the mean of B."""
    pair = job.items["pair"]
    a, b = domains(*read_domains(job.input(f"points/{pair}/train.parquet")))
    table, _ = read_domains(job.input(f"points/{pair}/test.parquet"))
    flow = coral(a, b, match_means=True).requires_grad_(False)
    test, _ = domains(table, table)
    write_aligned(job, flow, table, flow()(test.double())[None])
    distance = {
        "before": coral_distance(a, b).item(),
        "after": coral_distance(flow()(a.double()), b.double()).item(),
    }
    job.write_json("metrics.json", {"coral_distance": distance})


if __name__ == "__main__":
    main()
