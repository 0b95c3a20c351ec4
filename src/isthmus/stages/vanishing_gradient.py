"""The vanishing gradient of LRMF when B is far from A, and noise as a remedy."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from isthmus.job import Job, stage
from isthmus.limits import figures
from isthmus.limits.noisy_bound import add_noise, noisy_gradient, noisy_loss
from isthmus.limits.vanishing import (
    DEVIATION,
    FITTED,
    MU,
    SHARED_DEVIATION,
    decay,
    published_curve,
    relative_error,
    sample_a,
    shared_gradient,
)
from isthmus.metrics.summary import summary
from isthmus.seeding import derive

NOISY_MU = torch.linspace(-4, 16, 41, dtype=torch.float64)
"""Distances of B at which the noisy bound is looked at."""

REPORTED = (0, 4, 8, 16)
"""Of these, the ones whose numbers are reported."""


@stage(
    "seed",
    "threads",
    "studies.vanishing_gradient",
    folder="runs/{scale}/evaluate/vanishing-gradient",
)
def main(job: Job) -> None:
    """Measure LRMF's gradient for a far B, with and without noise."""
    settings = job.config.value("studies.vanishing_gradient")
    metrics = study(settings, seed=job.seed, figure=job.output("figure.png"))
    job.write_json("metrics.json", metrics)


def study(settings: Mapping[str, Any], *, seed: int, figure: Path) -> dict[str, Any]:
    """The metrics of the study, and its figure.

    Args:
        settings: `seeds`, `samples`, and the standard deviations of the `noise`.
        seed: Of everything.
        figure: Where to write the figure.
    """
    gradients, lines, errors = [], defaultdict(list), []
    levels = [0.0, *settings["noise"]]
    noisy: dict[float, Any] = {level: defaultdict(list) for level in levels}
    for index in range(settings["seeds"]):
        own = derive(seed, index)
        a = sample_a(settings["samples"], own)
        gradient = shared_gradient(a, MU)
        gradients.append(gradient.numpy())
        line = decay(MU[FITTED], gradient[FITTED])
        for name, value in vars(line).items():
            lines[name].append(value)
        errors.append(relative_error(published_curve(MU[FITTED]), gradient[FITTED]))
        for level in levels:
            noised = add_noise(a, level, own)
            noisy[level]["gradient"].append(noisy_gradient(noised, NOISY_MU, level).numpy())
            noisy[level]["loss"].append(noisy_loss(noised, NOISY_MU, level).numpy())
    metrics: dict[str, Any] = {
        "regression": {name: summary(values) for name, values in lines.items()},
        "published-curve": {"relative_error": summary(errors)},
        "limits": _slopes_in_the_limit(),
    }
    for level in levels:
        metrics[f"noise-{level:g}".replace(".", "-")] = _noise_metrics(noisy[level], noisy[0.0])
    figures.vanishing(
        np.stack(gradients),
        NOISY_MU.numpy(),
        {level: found["gradient"][0] for level, found in noisy.items()},
        {level: found["loss"][0] for level, found in noisy.items()},
        figure,
    )
    return metrics


def _slopes_in_the_limit() -> dict[str, float]:
    """Slopes for an infinite range of mu: of the law itself, and of any bounded sample."""
    bounded = math.sqrt(1 / (2 * SHARED_DEVIATION**2))
    return {
        "slope_law": bounded * math.sqrt(1 - DEVIATION**2 / SHARED_DEVIATION**2),
        "slope_bounded_sample": bounded,
    }


def _noise_metrics(found: Mapping[str, Any], plain: Mapping[str, Any]) -> dict[str, Any]:
    """Gradient, loss and gap to the plain loss at some distances, and where the loss is least."""
    gradient, loss = np.stack(found["gradient"]), np.stack(found["loss"])
    gap = np.stack(plain["loss"]) - loss
    out = {"minimum_at": summary(NOISY_MU.numpy()[loss.argmin(1)].tolist())}
    for mu in REPORTED:
        column = NOISY_MU.tolist().index(mu)
        for name, values in (("gradient", gradient), ("loss", loss), ("gap", gap)):
            out[f"{name}_at_{mu}"] = summary(values[:, column].tolist())
    return out


if __name__ == "__main__":
    main()
