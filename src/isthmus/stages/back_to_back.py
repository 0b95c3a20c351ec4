"""Align a pair by its private flows back to back, F o G^-1."""

from __future__ import annotations

import torch

from isthmus.alignment.back_to_back import BackToBack
from isthmus.data.pairs import read_domains
from isthmus.job import Job, stage
from isthmus.stages.aligned import write_aligned
from isthmus.stages.private import domains, private_densities, seeds_of


@stage("seed", "threads", "prefit.{pair}", folder="runs/{scale}/align/{pair}/back-to-back")
def main(job: Job) -> None:
    """Align a pair by its private flows back to back."""
    table, _ = read_domains(job.input(f"points/{job.items['pair']}/test.parquet"))
    a, _ = domains(table, table)
    flow = BackToBack(*private_densities(job, "realnvp", a.shape[-1]))
    with torch.no_grad():
        moved = flow()(a)
    write_aligned(job, flow, table, moved)
    job.write_json("metrics.json", {"seeds": len(seeds_of(job))})


if __name__ == "__main__":
    main()
