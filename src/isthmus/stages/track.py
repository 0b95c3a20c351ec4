"""Sync the records of all stages into MLflow; a store that is away costs nothing but a line."""

from __future__ import annotations

from pathlib import Path

from isthmus import record
from isthmus.config.schema import REPORTED
from isthmus.job import Job, stage
from isthmus.tracking.sync import sync


@stage(*REPORTED, folder="runs/{scale}/track")
def main(job: Job) -> None:
    """Sync the records of all stages into MLflow."""
    found = [p for p in record.find(Path(), job.config.scale) if "reports" not in p.parts]
    paths = [path for path in found if path.parent != job.folder]
    records = [record.read(job.input(str(path.relative_to(job.runs)))) for path in paths]
    result = sync(Path(), job.config)
    print(f"MLflow: {result.created} runs created, {result.kept} kept")
    if result.reason:
        print(f"{result.failed} not delivered: {result.reason}. The next sync delivers them.")
    job.write_json("tracked.json", {each.key: each.digest for each in records})


if __name__ == "__main__":
    main()
