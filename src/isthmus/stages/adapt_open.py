"""Train one adapter on the open sets of one set of the adaptation benchmark."""

from __future__ import annotations

from isthmus.adaptation.benchmark import ADAPTERS, SOURCE_TEST
from isthmus.adaptation.open_set import reject
from isthmus.data.visda import write_predictions
from isthmus.job import Job, stage
from isthmus.stages.adapted import FOUND, OPEN_TARGETS, adapted_logits


@stage(
    "seed",
    "threads",
    "adaptation.sets.{domains}",
    "adaptation.settings.{adapter}",
    "adaptation.rejection",
    folder="runs/{scale}/adaptation/open/{domains}/{adapter}",
)
def main(job: Job) -> None:
    """Train one adapter on the open sets of one set of the adaptation benchmark."""
    settings = job.config.adaptation
    known = job.config.value(f"adaptation.sets.{job.items['domains']}.known")
    expects = ADAPTERS[job.items["adapter"]].more_classes
    threshold = 0.0 if expects else settings.rejection
    by_seed = [
        {
            name: reject(logits, threshold).tolist()
            for name, logits in found.items()
            if name != SOURCE_TEST
        }
        for found in adapted_logits(job, OPEN_TARGETS, known=known)
    ]
    job.write_json(FOUND, by_seed)
    for name in OPEN_TARGETS:
        write_predictions(job.output(f"{name}.txt"), by_seed[0][name])


if __name__ == "__main__":
    main()
