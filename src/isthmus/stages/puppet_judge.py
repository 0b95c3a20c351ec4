"""Train the classifier of a task's real images; print its accuracy on images it has not seen."""

from __future__ import annotations

import numpy as np

from isthmus.attributes.factors import train_factors
from isthmus.data.table import Table, read_table
from isthmus.job import Job, stage
from isthmus.metrics.classification import accuracy
from isthmus.metrics.summary import curves
from isthmus.networks.storage import save


@stage("seed", "threads", "puppet_judge", folder="runs/{scale}/puppet_judge/{task}")
def main(job: Job) -> None:
    """Train the classifier of a task's real images."""
    train, test = (
        read_table(job.input(f"puppets/{job.items['task']}/{name}.parquet"), kind="images")
        for name in ("labelled", "test")
    )
    judge, loss = train_factors(
        _images(train),
        train.factors,
        {name: len(levels) for name, levels in train.levels.items()},
        **job.config.value("puppet_judge"),
        seed=job.seed,
    )
    found = judge.read(_images(test))
    rates = {name: accuracy(found[name], test.factors[name])._asdict() for name in found}
    for name, rate in rates.items():
        print(f"{name}: {100 * rate['value']:.1f} % right of {len(test)} held-out images")
    save(judge, job.output(""))
    job.write_json("metrics.json", rates)
    job.write_json("curves.json", curves({"cross_entropy_nats": loss}))


def _images(table: Table) -> np.ndarray:
    return np.ascontiguousarray(table.values.transpose(0, 3, 1, 2))


if __name__ == "__main__":
    main()
