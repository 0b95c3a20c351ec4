"""What could go wrong with the distances that an alignment minimises: the motivation of the talk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from isthmus.job import Job, stage
from isthmus.limits import figures
from isthmus.limits.clouds import circle_of_blobs
from isthmus.limits.difference_of_means import blind_spot
from isthmus.limits.generator_gradient import GradientNorms, gradient_norms
from isthmus.limits.noise_floor import floors
from isthmus.limits.nonsense import Nonsense, shuffle
from isthmus.limits.saddle import descent_ascent, growth
from isthmus.metrics.summary import summary
from isthmus.seeding import derive

PLANE = 2
DISTANCES = ("mmd", "emd")


@stage("seed", "threads", "studies.motivation", folder="runs/{scale}/evaluate/motivation")
def main(job: Job) -> None:
    """Measure how each family of distances fails."""
    settings = job.config.value("studies.motivation")
    metrics = study(settings, seed=job.seed, figure=job.output("figure.png"))
    job.write_json("metrics.json", metrics)


def study(settings: Mapping[str, Any], *, seed: int, figure: Path) -> dict[str, Any]:
    """The metrics of the study, and its figure.

    Args:
        settings: `seeds`, and a section each for `means`, `noise_floor`, `saddle`, `generator` and
            `nonsense`, which hold the arguments of the functions in `isthmus.limits`.
        seed: Of everything.
        figure: Where to write the figure.
    """
    seeds = [derive(seed, index) for index in range(settings["seeds"])]
    blind = [blind_spot(**settings["means"], seed=own) for own in seeds]
    floor = _noise_floor(settings["noise_floor"], seeds)
    paths = [descent_ascent(_start(own), **settings["saddle"]) for own in seeds]
    norms = gradient_norms(**settings["generator"], seeds=seeds)
    labelled = [_blobs(settings["nonsense"], own) for own in seeds]
    maps = [shuffle(*pair, seed=own) for pair, own in zip(labelled, seeds, strict=True)]
    figures.motivation(
        blind[0],
        {name: floor[f"{name}-over-dimension"] for name in DISTANCES},
        {name: floor[f"{name}-over-samples"] for name in DISTANCES},
        paths[0],
        norms,
        maps[0],
        labelled[0][1],
        figure,
    )
    measured = ("distance", "covariance_distance", "domain_accuracy")
    return {
        "difference-of-means": {k: summary([getattr(x, k) for x in blind]) for k in measured},
        **floor,
        "saddle": {"growth": summary([growth(path) for path in paths])},
        "saturated-cost": _first_and_last(norms.saturated),
        "log-d-cost": _first_and_last(norms.log_d),
        "discriminator": _discriminator(norms),
        "nonsensical-map": _nonsense(maps),
    }


def _start(seed: int) -> tuple[float, float]:
    x, y = np.random.default_rng(derive(seed, "start")).standard_normal(2)
    return float(x), float(y)


def _blobs(settings: Mapping[str, Any], seed: int) -> tuple[Any, Any]:
    return circle_of_blobs(
        settings["samples"], settings["classes"], deviation=settings["deviation"], seed=seed
    )


def _noise_floor(settings: Mapping[str, Any], seeds: Sequence[int]) -> dict[str, Any]:
    """Curves over dimension and sample size, and of the first its two ends by themselves."""
    dimensions = [PLANE, *settings["dimensions"]]
    highest, samples = dimensions[-1], settings["batch"]

    def measure(dimension: int, count: int) -> dict[str, Any]:
        draws = [floors(dimension, count, shift=settings["shift"], seed=own) for own in seeds]
        return {
            name: {
                "distance_within_one_law": summary([draw[name].within for draw in draws]),
                "distance_between_laws": summary([draw[name].between for draw in draws]),
            }
            for name in DISTANCES
        }

    by_dimension = [measure(d, samples) for d in dimensions]
    by_samples = [measure(highest, n) for n in settings["samples"]]
    out: dict[str, Any] = {}
    for name in DISTANCES:
        out[f"{name}-plane"] = by_dimension[0][name]
        out[f"{name}-high-dimension"] = by_dimension[-1][name]
        out[f"{name}-over-dimension"] = {
            "dimension": dimensions,
            "ratio": [_ratio(cell[name]) for cell in by_dimension],
        }
        out[f"{name}-over-samples"] = {
            "samples": settings["samples"],
            "ratio": [_ratio(cell[name]) for cell in by_samples],
        }
    return out


def _ratio(cell: Mapping[str, Any]) -> float:
    within, between = cell["distance_within_one_law"], cell["distance_between_laws"]
    return between["mean"] / within["mean"]


def _first_and_last(norms: Any) -> dict[str, Any]:
    return {"gradient_initial": summary(norms[0]), "gradient_final": summary(norms[-1])}


def _discriminator(norms: GradientNorms) -> dict[str, Any]:
    """Its final loss, and the gradients on the way, means over seeds."""
    return {
        "loss": summary(norms.loss.tolist()),
        "step": norms.steps.tolist(),
        "saturated_cost_gradient": norms.saturated.mean(1).tolist(),
        "log_d_cost_gradient": norms.log_d.mean(1).tolist(),
    }


def _nonsense(maps: Sequence[Nonsense]) -> dict[str, Any]:
    names = ("emd", "mmd", "agreement", "chance")
    return {name: summary([getattr(found, name) for found in maps]) for name in names}


if __name__ == "__main__":
    main()
