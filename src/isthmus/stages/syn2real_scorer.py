"""Try the scorer of VisDA on random files, against its definition written out."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from isthmus.data.visda import (
    CLASSES,
    read_image_list,
    read_predictions,
    write_image_list,
    write_predictions,
)
from isthmus.job import Job, stage
from isthmus.metrics.summary import summary
from isthmus.metrics.visda import closed_set_score
from isthmus.seeding import derive


@stage("seed", "threads", "adaptation.scorer_files", folder="runs/{scale}/evaluate/syn2real-scorer")
def main(job: Job) -> None:
    """Try the scorer of VisDA on random files, against its definition written out."""
    labels, predictions = job.output("image_list.txt"), job.output("predictions.txt")
    differences = []
    for index in range(job.config.adaptation.scorer_files):
        rng = np.random.default_rng(derive(job.seed, index))
        truth = rng.integers(rng.integers(1, len(CLASSES) + 1), size=rng.integers(1, 300))
        right = rng.random(len(truth)) < rng.random()
        predicted = np.where(right, truth, rng.integers(len(CLASSES), size=len(truth)))
        write_image_list(labels, [f"{row}.png" for row in range(len(truth))], truth)
        write_predictions(predictions, predicted)
        read = read_image_list(labels).labels
        score = closed_set_score(read, read_predictions(predictions, count=len(read)))
        differences.append(
            abs(score.accuracy - _defined(labels.read_text(), predictions.read_text()))
        )
    disagreement = summary(differences) | {"max": max(differences)}
    job.write_json("metrics.json", {"random-files": {"disagreement": disagreement}})


def _defined(labels: str, predictions: str) -> float:
    """The score of the texts of two files by its definition: class by class, image by image."""
    truth = [int(line.split()[-1]) for line in labels.splitlines()]
    predicted = [int(line) for line in predictions.splitlines()]
    total = Fraction(0)
    for label in range(len(CLASSES)):
        mine = [p for t, p in zip(truth, predicted, strict=True) if t == label]
        if mine:
            total += Fraction(mine.count(label), len(mine))
    return float(100 * total / len(CLASSES))


if __name__ == "__main__":
    main()
