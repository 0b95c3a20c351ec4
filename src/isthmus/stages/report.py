"""Write the scorecard and the page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from isthmus import record
from isthmus.config.schema import REPORTED
from isthmus.job import Job, hardware, stage
from isthmus.report.adaptation import adapted
from isthmus.report.claims import load_claims
from isthmus.report.page import render
from isthmus.report.scorecard import scorecard, to_json
from isthmus.tracking.sync import run_links


@stage(*REPORTED, folder="reports/{scale}")
def main(job: Job) -> None:
    """Write the scorecard and the page."""
    job.input("track/tracked.json")
    job.project_file("src/isthmus/report/page.html")
    claims = load_claims(job.project_file("claims.yaml"))
    entries = scorecard(claims, job.config.scale, Path())
    job.output("scorecard.json").write_text(to_json(entries))
    rows = []
    for stage_, pairs in (
        (
            "evaluate",
            [
                *job.config.pairs,
                *job.config.sets,
                *job.config.paired_sets,
                *adapted(job.config),
                *(f"puppetgan-{task}" for task in job.config.puppet_tasks),
            ],
        ),
        ("decode", job.config.digit_pairs),
    ):
        for pair in pairs:
            text = job.input(f"{stage_}/{pair}/rows.json").read_text()
            rows += [{"stage": stage_, **row} for row in json.loads(text)]
    job.write_json("tables.json", rows)
    found = [p for p in record.find(Path(), job.config.scale) if p.parts[0] == "runs"]
    found.remove(job.runs / "track" / record.NAME)
    for path in found:
        job.input(str(path.relative_to(job.runs)))
    times = _times(job)
    ran = {each["key"]: each for each in times}
    job.output("results.json", volatile=True).write_text(
        json.dumps([row | {"execution": ran.get(row["key"])} for row in rows], indent=1) + "\n"
    )
    page = render(job.config, entries, rows, times, run_links(Path(), job.config), hardware())
    job.output("index.html", volatile=True).write_text(page)


def _times(job: Job) -> list[dict[str, Any]]:
    files = sorted((job.runs / ".times").glob("*.json"))
    return [json.loads(path.read_text()) for path in files]


if __name__ == "__main__":
    main()
