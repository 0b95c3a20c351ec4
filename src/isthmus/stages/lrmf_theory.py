"""Measure what the theory of LRMF states: its lemmas, its theorem and its three special cases."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import pyplot as plt

from isthmus.alignment import theory
from isthmus.alignment.theory import Curve
from isthmus.job import Job, stage
from isthmus.metrics.summary import summary
from isthmus.report.figures import BLUE, ORANGE
from isthmus.seeding import derive

SHIFT = 4.0
"""Distance of the two unit normal laws whose LR-distance is log 5."""


@stage("seed", "threads", "studies.lrmf_theory", folder="runs/{scale}/evaluate/lrmf-theory")
def main(job: Job) -> None:
    """Measure what the theory of LRMF states."""
    metrics, panels = study(job.config.value("studies.lrmf_theory"), job.seed)
    job.write_json("metrics.json", metrics)
    draw(panels, job.output("figure.png"))


def study(settings: Mapping[str, Any], seed: int) -> tuple[dict[str, Any], dict[str, Curve]]:
    """All measurements.

    Args:
        settings: The parameters `studies.lrmf_theory`.
        seed: Of all samples and trainings.

    Returns:
        The metrics, and the curves "gaussian", "capacity" and "classifier" of the figure.
    """
    samples, atoms, repeats = settings["samples"], settings["atoms"], settings["repeats"]
    between, same = theory.random_pairs(
        settings["pairs"], samples, atoms, derive(seed, "random_pairs")
    )
    affine = theory.affine_lemma(settings["pairs"], samples, derive(seed, "affine_lemma"))
    bounds = theory.theorem_bound(settings["flows"], samples, derive(seed, "theorem_bound"))
    known, found = theory.aligned_losses(repeats, samples, derive(seed, "aligned_losses"))
    shift = theory.gaussian_shift([SHIFT] * repeats, samples, derive(seed, "gaussian_shift"))
    identity = theory.jensen_shannon_identity(
        settings["laws"], samples, atoms, derive(seed, "jensen_shannon_identity")
    )
    gaps, residuals = theory.gan_game(settings["laws"], samples, atoms, derive(seed, "gan_game"))
    capacity = theory.large_capacity(
        settings["gaps"] * repeats,
        settings["cloud"],
        settings["components"],
        settings["steps"],
        derive(seed, "large_capacity"),
    )
    classifier, difference = theory.classifiers_on_a_line(
        settings["cloud"], settings["classifier_steps"], derive(seed, "classifiers_on_a_line")
    )
    panels = {
        "gaussian": theory.gaussian_shift(
            settings["shifts"], samples, derive(seed, "gaussian_shift")
        ),
        "capacity": capacity,
        "classifier": classifier,
    }
    disjoint = capacity.measured[capacity.x == max(settings["gaps"])]
    metrics = {
        "random-pairs": {"distance": _spread(between)},
        "same": {"distance": _spread(same)},
        "affine": {"lemma_residual": _spread(affine)},
        "random-flows": {
            "slack": _spread(each.slack for each in bounds),
            "gap": _spread(abs(each.gap) for each in bounds),
            "bias": _spread(each.bias for each in bounds),
        },
        "aligned": {"loss_magnitude": _spread(known), "found_magnitude": _spread(found)},
        "gaussian-shift-4": {"distance": _spread(shift.measured.tolist())},
        "disjoint": {"loss": _spread(disjoint.tolist())},
        "large-capacity": {
            "jsd_residual": _spread((capacity.measured - capacity.theory).abs().tolist())
        },
        "discrete": {"identity_residual": _spread(identity)},
        "gan": {
            "value_gap": _spread(gaps),
            "bayes_residual": _spread(residuals),
            "perceptron_difference": _spread([difference]),
        },
    }
    return metrics, panels


def _spread(values: Iterable[float]) -> dict[str, Any]:
    numbers = list(values)
    return summary(numbers) | {"min": min(numbers), "max": max(numbers)}


def draw(panels: Mapping[str, Curve], path: Path) -> None:
    """Three panels, measured points over the curve of the theory."""
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(12, 3.8), layout="constrained")
    gaussian, capacity, classifier = (
        panels[name] for name in ("gaussian", "capacity", "classifier")
    )
    delta = np.linspace(0, float(gaussian.x.max()), 200)
    left.plot(delta, np.log1p(delta**2 / 4), color=BLUE, label="log(1 + δ²/4)")
    left.plot(gaussian.x, gaussian.measured, "o", color=ORANGE, label="three fitted Gaussians")
    left.set(
        title="Gaussian family",
        xlabel="shift δ of the means (standard deviations)",
        ylabel="LR-distance (nats)",
    )
    gaps, order = np.unique(capacity.x.numpy(), return_inverse=True)
    twice_jsd = np.bincount(order, capacity.theory.numpy()) / np.bincount(order)
    middle.axhline(2 * math.log(2), color="0.6", linestyle="--", label="2 log 2 = 1.386")
    middle.plot(gaps, twice_jsd, color=BLUE, label="2 JSD(A, B)")
    middle.plot(capacity.x, capacity.measured, "o", color=ORANGE, label="least LRMF loss, T = id")
    middle.set(
        title="Family that holds the mixture",
        xlabel="gap of the two clouds (standard deviations)",
        ylabel="loss on fresh samples (nats)",
    )
    right.plot(classifier.x, classifier.theory, color=BLUE, label="D* in closed form")
    right.plot(classifier.x, classifier.measured, "--", color=ORANGE, label="trained perceptron")
    right.set(
        title="Domain classifier",
        xlabel="first feature (mean of A -1, of B +1; s.d. of A 1)",
        ylabel="probability of domain A",
    )
    for axes in (left, middle, right):
        axes.legend(fontsize=8)
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)


if __name__ == "__main__":
    main()
