"""Which random rotations hide the orientation of the data from a generator, and at what price."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import pyplot as plt

from isthmus.job import Job, stage
from isthmus.metrics.summary import summary
from isthmus.report.figures import BLUE, ORANGE
from isthmus.seeding import derive
from isthmus.stability.leaking import (
    Law,
    additive_noise,
    leak,
    observed,
    recovery_error,
    total_variation,
    trained_laws,
    uniform,
    with_probability,
)

UPRIGHT: Law = np.array([1.0, 0.0, 0.0, 0.0])
MIXED: Law = np.array([0.4, 0.3, 0.2, 0.1])

POLICIES: dict[str, Law] = {
    "no-rotation": with_probability(0, uniform(4)),
    "rotation-0-5": with_probability(0.5, uniform(4)),
    "rotation-0-8": with_probability(0.8, uniform(4)),
    "rotation-0-9": with_probability(0.9, uniform(4)),
    "nearly-uniform-rotation": np.array([0.28, 0.24, 0.24, 0.24]),
    "uniform-rotation": uniform(4),
}

NOISE = additive_noise(16, 1.0)
"""Normal noise as wide as a cell, on a periodic grid of 16 cells."""


@stage(
    "seed",
    "threads",
    "studies.leaking_augmentation",
    folder="runs/{scale}/evaluate/leaking-augmentation",
)
def main(job: Job) -> None:
    """Judge policies of random rotations."""
    settings = job.config.value("studies.leaking_augmentation")
    metrics = study(**settings, seed=job.seed)
    job.write_json("metrics.json", metrics)
    draw(metrics, job.output("figure.png"))


def study(
    *, samples: int, restarts: int, steps: int, learning_rate: float, seed: int
) -> dict[str, dict[str, Any]]:
    """Spectrum of every policy; under rotations also the generators' error and the recovery error.

    Args:
        samples: Augmented real samples a generator learns from.
        restarts: Generators of a policy, each with its own start and its own samples.
        steps: Steps of descent.
        learning_rate: Adam's step size, in logits.
        seed: The seed.

    Returns:
        By policy and figure a summary over the restarts. `wrong` is the share of generated samples
        in a wrong orientation, where all real ones are upright; `recovery_error` the Euclidean
        distance of the unbiased estimate from a law on all four orientations. Where a policy leaks
        there is no `condition` and no `recovery_error`.
    """
    results = {name: _spectrum(policy) for name, policy in POLICIES.items()}
    for name, policy in POLICIES.items():
        upright, mixed = (
            observed(
                policy,
                law,
                samples=samples,
                repeats=restarts,
                seed=derive(seed, name, purpose),
            )
            for purpose, law in (("upright", UPRIGHT), ("mixed", MIXED))
        )
        laws = trained_laws(
            policy, upright, steps=steps, learning_rate=learning_rate, seed=derive(seed, name)
        )
        results[name]["wrong"] = summary(total_variation(laws, UPRIGHT).tolist())
        if not leak(policy).leaks:
            results[name]["recovery_error"] = summary(recovery_error(policy, MIXED, mixed).tolist())
    return {**results, "additive-noise": _spectrum(NOISE)}


def _spectrum(policy: Law) -> dict[str, Any]:
    found = leak(policy)
    figures = {"smallest_eigenvalue": summary([found.smallest])}
    return figures if found.leaks else {**figures, "condition": summary([found.condition])}


def draw(metrics: dict[str, dict[str, Any]], path: Path) -> None:
    """Condition number, wrong orientations and recovery error, side by side."""
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(12, 3.8), layout="constrained")
    p = np.linspace(0, 0.97, 200)
    left.plot(p, 1 / (1 - p), color=BLUE, label="1 / (1 - p)")
    conditions = {n: m["condition"]["mean"] for n, m in metrics.items() if "recovery_error" in m}
    rotations = {0.0: "no-rotation"} | {q: f"rotation-0-{q * 10:.0f}" for q in (0.5, 0.8, 0.9)}
    left.plot(list(rotations), [conditions[name] for name in rotations.values()], "o", color=ORANGE)
    left.set(
        xlabel="probability p of a uniform rotation",
        ylabel="condition number on laws",
        yscale="log",
    )
    left.legend()
    rows = list(POLICIES)
    for row, name in enumerate(rows):
        values = metrics[name]["wrong"]["values"]
        middle.plot(values, [row] * len(values), "|", color=BLUE, alpha=0.5)
        middle.plot(metrics[name]["wrong"]["mean"], row, "o", color=ORANGE)
    middle.set_yticks(
        range(len(rows)), [name.replace("-0-", " 0.").replace("-", " ") for name in rows]
    )
    middle.set(xlabel="share of generated samples turned wrongly", xlim=(-0.03, 1.03))
    middle.invert_yaxis()
    errors = [metrics[name]["recovery_error"]["mean"] for name in conditions]
    right.loglog(list(conditions.values()), errors, "o", color=ORANGE, label="measured")
    slope = errors[0] * np.array([1.0, 25.0])
    right.loglog([1, 25], slope, color=BLUE, label="proportional")
    right.set(xlabel="condition number", ylabel="error of the recovered law (L2)")
    right.legend()
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)


if __name__ == "__main__":
    main()
