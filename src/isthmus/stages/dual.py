"""Study: the dual of the logistic adversarial distance, checked, and at work in the plane."""

from __future__ import annotations

from collections.abc import Mapping
from math import log
from typing import Any

import torch
from torch import Tensor

from isthmus.alignment.dual import (
    dual_distance,
    dual_objective,
    gaussian_kernel,
    primal_distance,
)
from isthmus.alignment.dual_clouds import Run, draw, min_max, min_min
from isthmus.alignment.mmd import squared_mmd
from isthmus.data.toys import blobs
from isthmus.job import Job, stage
from isthmus.metrics.summary import summary
from isthmus.seeding import derive

CHECKED_POINTS = 40
"""Points a set in the checks against closed forms."""


@stage("seed", "threads", "studies.dual", folder="runs/{scale}/evaluate/dual")
def main(job: Job) -> None:
    """Check the dual distance and align clouds by it."""
    metrics, a, runs = study(job.config.value("studies.dual"), seed=job.seed)
    job.write_json("metrics.json", metrics)
    draw(a, runs, job.output("figure.png"))


def study(
    settings: Mapping[str, Any], *, seed: int
) -> tuple[dict[str, Any], Tensor, dict[str, Run]]:
    """The whole study.

    Args:
        settings: `studies.dual` of the parameters.
        seed: Decides the data.

    Returns:
        The metrics, the clouds A `(seeds, N, 2)`, and by title the run of each method.
    """
    a, b = _clouds(settings["points"], settings["seeds"], seed)
    steps = {name: settings[name] for name in ("steps", "step", "point_step", "regulariser")}
    runs = {
        "primal-linear": min_max(a, b, **steps),
        "dual-linear": min_min(a, b, **steps),
        "dual-kernel": min_min(a, b, **steps, width=settings["width"]),
    }
    metrics = _checks(settings["pairs"], settings["regulariser"], settings["width"], seed)
    metrics |= {name: _measure(a, run) for name, run in runs.items()}
    metrics["other-point-steps"] = _sensitivity(a, b, steps, settings["other_point_steps"])
    titles = ("linear min-max", "linear dual", "kernel dual")
    return metrics, a, dict(zip(titles, runs.values(), strict=True))


def _clouds(points: int, seeds: int, seed: int) -> tuple[Tensor, Tensor]:
    pairs = [blobs(points, seed=derive(seed, "clouds", number)) for number in range(seeds)]
    a, b = (torch.stack([torch.from_numpy(t.values) for t in side]) for side in zip(*pairs))
    return a, b


def _measure(a: Tensor, run: Run) -> dict[str, Any]:
    mean, covariance = run.distances(a)
    found = {
        "distance": run.objective[-1],
        "turns": run.turns(),
        "rising_steps": run.rising_steps(),
        "accuracy": run.accuracy[-1],
        "half_distance": run.half_distance,
        "mean_distance": mean[-1],
        "covariance_distance": covariance[-1],
        "covariance_distance_initial": covariance[0],
    }
    return {name: _summary(values) for name, values in found.items()}


def _sensitivity(
    a: Tensor, b: Tensor, steps: Mapping[str, Any], point_steps: list[float]
) -> dict[str, list[dict[str, Any]]]:
    """The linear methods again with other steps of the points, all at once."""
    rates = torch.tensor(point_steps, dtype=a.dtype).view(-1, 1, 1, 1)
    a, b = (x.expand(len(point_steps), *x.shape) for x in (a, b))
    found: dict[str, list[dict[str, Any]]] = {}
    for name, method in (("primal-linear", min_max), ("dual-linear", min_min)):
        run = method(a, b, **{**steps, "point_step": rates})
        turns, rising = run.turns(), run.rising_steps()
        found[name] = [
            {"point_step": rate, "turns": _summary(t), "rising_steps": _summary(r)}
            for rate, t, r in zip(point_steps, turns, rising, strict=True)
        ]
    return found


def _checks(pairs: int, regulariser: float, width: float, seed: int) -> dict[str, Any]:
    """What the dual must give on random pairs of sets, in one batch."""
    n = CHECKED_POINTS
    generator = torch.Generator().manual_seed(derive(seed, "checks"))
    a, b, shift = (
        torch.randn(pairs, size, 2, generator=generator, dtype=torch.float64) for size in (n, n, 1)
    )
    a = a + shift
    solved = dual_distance(a, b, regulariser=regulariser)
    gap = (solved.value - primal_distance(a, b, regulariser=regulariser).value).abs()
    half = torch.full((n,), 0.5, dtype=torch.float64)
    k_aa, k_bb, k_ab = (gaussian_kernel(x, y, width) for x, y in ((a, a), (b, b), (a, b)))
    constant = dual_objective(half, half, k_aa, k_bb, k_ab, regulariser)
    expected = n**2 / (8 * regulariser) * squared_mmd(a, b, width=width) - 2 * n * log(2)
    identical = dual_distance(a, a, regulariser=regulariser)
    return {
        "random-pairs": {
            "duality_gap": _summary(gap),
            "constraint_residual": _summary(solved.residual),
        },
        "identical": {"distance": _summary(identical.value)},
        "constant-weights": {"mmd_residual": _summary((constant - expected).abs())},
    }


def _summary(values: Tensor) -> dict[str, Any]:
    return {**summary(values.tolist()), "max": float(values.max())}


if __name__ == "__main__":
    main()
