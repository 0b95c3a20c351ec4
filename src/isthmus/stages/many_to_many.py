"""The many-to-many benchmark over the three splits of 3D-Shapes, where all of them were run."""

from __future__ import annotations

from isthmus.job import Job, stage
from isthmus.metrics.splits import over_splits
from isthmus.metrics.summary import summary
from isthmus.stages.scored import scores
from isthmus.translation.benchmark import SETS, SPLITS


@stage("seed", "threads", "sets", "translators", folder="runs/{scale}/evaluate/many-to-many")
def main(job: Job) -> None:
    """Take the three splits of 3D-Shapes together; no figure is written where one was not run."""
    found = {str(name): dict(scores(job, name)) for name in job.config.sets if name in SPLITS}
    metrics = {}
    if len(found) == len(SPLITS):
        roles = {name: SETS[name].roles for name in SPLITS}
        for method, members in found[SPLITS[0]].items():
            runs = [
                over_splits({name: found[name][method][index] for name in SPLITS}, roles)
                for index in range(len(members))
            ]
            metrics[method] = {key: summary([each[key] for each in runs]) for key in runs[0]}
    job.write_json("metrics.json", metrics)


if __name__ == "__main__":
    main()
