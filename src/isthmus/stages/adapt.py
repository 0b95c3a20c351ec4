"""Train one adapter on one set of the adaptation benchmark, for both of its targets."""

from __future__ import annotations

from isthmus.data.visda import write_predictions
from isthmus.job import Job, stage
from isthmus.stages.adapted import FOUND, TARGETS, adapted_logits


@stage(
    "seed",
    "threads",
    "adaptation.sets.{domains}",
    "adaptation.settings.{adapter}",
    folder="runs/{scale}/adaptation/closed/{domains}/{adapter}",
)
def main(job: Job) -> None:
    """Train one adapter on one set of the adaptation benchmark, for both of its targets."""
    by_seed = [
        {name: logits.argmax(1).tolist() for name, logits in found.items()}
        for found in adapted_logits(job, TARGETS)
    ]
    job.write_json(FOUND, by_seed)
    for name in TARGETS:
        write_predictions(job.output(f"{name}.txt"), by_seed[0][name])


if __name__ == "__main__":
    main()
