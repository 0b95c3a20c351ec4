"""Score all translators of a set: which factors of the translations are right."""

from __future__ import annotations

from typing import Any

from isthmus import record
from isthmus.job import Job, stage
from isthmus.metrics.summary import summary
from isthmus.report.figures import accuracy_bars
from isthmus.report.learning import learning_curves
from isthmus.stages.rows import result_row
from isthmus.stages.scored import Scores, learning, scores
from isthmus.translation.sets import SETS


@stage("seed", "threads", "translators", folder="runs/{scale}/evaluate/{set}")
def main(job: Job) -> None:
    """Score all translators of a set."""
    name = job.items["set"]
    results = dict(scores(job, name))
    made_by = {
        str(method): record.read(job.input(f"translate/{name}/{method}/record.json"))
        for method in job.config.translators
    }
    images = record.read(job.input(f"scenes/{name}/record.json"))
    metrics = {method: _over_seeds(members) for method, members in results.items()}
    job.write_json("metrics.json", metrics)
    rows = [
        result_row(name, method, index, figures, made_by.get(method, images))
        for method, members in results.items()
        for index, figures in enumerate(members)
    ]
    job.write_json("rows.json", rows)
    roles = SETS[name].roles
    accuracy_bars(metrics, list(roles), roles, job.output("accuracy.png"))
    on_the_way = {
        method: {step: _over_seeds(members) for step, members in by_step.items()}
        for method, by_step in learning(job, name).items()
    }
    job.write_json("learning.json", on_the_way)
    learning_curves(on_the_way, list(roles), job.output("learning.png"))


def _over_seeds(members: Scores) -> dict[str, Any]:
    return {key: summary([each[key] for each in members]) for key in members[0]}


if __name__ == "__main__":
    main()
