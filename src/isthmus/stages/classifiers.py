"""Train the classifier of a set's factors; print its accuracy on images it has not seen."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from isthmus.attributes.factors import Codes, train_factors
from isthmus.data.table import read_table
from isthmus.job import Job, stage
from isthmus.metrics.classification import accuracy
from isthmus.metrics.summary import curves
from isthmus.networks.storage import save
from isthmus.translation.sets import SETS


@stage("seed", "threads", "classifiers", folder="runs/{scale}/classifiers/{set}")
def main(job: Job) -> None:
    """Train the classifier of a set's factors."""
    described, settings = SETS[job.items["set"]], job.config.value("classifiers")
    test = read_table(job.input(f"scenes/{job.items['set']}/test.parquet"), kind="images")
    real = np.ascontiguousarray(test.values.transpose(0, 3, 1, 2))
    levels = dict(described.levels)
    every = int(np.prod(list(levels.values())))
    held_out = min(settings["held_out"], every // 4)
    count = min(settings["images"], every - held_out)
    images, codes = described.draw(count + held_out, test.values.shape[1], job.seed)
    new = ~np.isin(_rows(codes, levels), _rows(test.factors, levels))
    new[count:] = False
    model, loss = train_factors(
        images[new],
        {name: column[new] for name, column in codes.items()},
        levels,
        steps=settings["steps"],
        batch_size=settings["batch_size"],
        learning_rate=settings["learning_rate"],
        seed=job.seed,
    )
    anywhere = {name: column[count:] for name, column in codes.items()}
    metrics: dict[str, Any] = {
        "test": _accuracies(model.read(real), test.factors, levels),
        "anywhere": _accuracies(model.read(images[count:]), anywhere, levels),
        "training_images": int(new.sum()),
    }
    for place, of in (("test", f"{len(test)} test images"), ("anywhere", f"{held_out} others")):
        found = ", ".join(f"{name} {100 * metrics[place][name]['value']:.2f}" for name in levels)
        print(f"% right of {of}: {found}")
    save(model, job.output(""))
    job.write_json("metrics.json", metrics)
    job.write_json("curves.json", curves({"cross_entropy_nats": loss}))


def _rows(codes: Codes, levels: dict[str, int]) -> npt.NDArray[np.int64]:
    """A number for every combination of factors."""
    return np.ravel_multi_index([codes[name] for name in levels], tuple(levels.values()))


def _accuracies(found: Codes, truth: Codes, levels: dict[str, int]) -> dict[str, dict[str, float]]:
    """By factor the share that is right and its standard error, and under `worst` the lowest."""
    rates = {name: accuracy(found[name], truth[name])._asdict() for name in levels}
    return rates | {"worst": min(rates.values(), key=lambda rate: rate["value"])}


if __name__ == "__main__":
    main()
