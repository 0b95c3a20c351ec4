"""Two distant normals: the gradient of their Jensen-Shannon divergence with and without noise."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from matplotlib import pyplot as plt
from torch.distributions import Normal

from isthmus.job import Job, stage
from isthmus.metrics.summary import summary
from isthmus.report.figures import BLUE, ORANGE
from isthmus.stability.instance_noise import gradient, jensen_shannon, minimiser, noised


@stage("seed", "threads", "studies.instance_noise", folder="runs/{scale}/evaluate/instance-noise")
def main(job: Job) -> None:
    """Measure the divergence of two distant normals with and without noise."""
    settings = job.config.value("studies.instance_noise")
    job.write_json("metrics.json", study(settings))
    draw(settings, job.output("figure.png"))


def study(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Divergence, gradient in the gap of the means, and minimiser, with and without noise.

    Args:
        settings: The parameters `studies.instance_noise`.

    Returns:
        By `without-noise` and `with-noise` the `std` of either law, the `divergence` (nats) and
        its `gradient` (nats a unit of the gap) at the gap, the `peak_gradient` over all gaps, and
        the `minimiser`, the gap of least divergence.
    """
    gap = torch.tensor(settings["gap"], dtype=torch.float64)
    # Not symmetric, so that the search cannot hit 0 by bisection.
    low, high = -1.5 * settings["gap"], 2 * settings["gap"]
    return {
        name: {
            "std": std,
            "divergence": summary([float(jensen_shannon(gap, std))]),
            "gradient": summary([float(gradient(gap, std))]),
            "peak_gradient": summary([float(gradient(_gaps(settings), std).max())]),
            "minimiser": summary([minimiser(std, low, high)]),
        }
        for name, std in _deviations(settings).items()
    }


def draw(settings: Mapping[str, Any], path: Path) -> None:
    """The densities without and with noise, the divergence, and its gradient against the gap."""
    gap, gaps = settings["gap"], _gaps(settings)
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(10, 3.4), layout="constrained")
    x = torch.linspace(-1.5 * gap, 1.5 * gap, 601, dtype=torch.float64)
    for (name, std), colour in zip(_deviations(settings).items(), (BLUE, ORANGE), strict=True):
        label = f"{name.replace('-', ' ')}, deviation {std:.2f}"
        for mean, line in ((-gap / 2, "-"), (gap / 2, "--")):
            density = Normal(mean, std).log_prob(x).exp()
            left.plot(x, density, line, color=colour, label=label if line == "-" else None)
        middle.plot(gaps, jensen_shannon(gaps, std), color=colour)
        right.plot(gaps, gradient(gaps, std), color=colour)
    left.set(xlabel="x", ylabel="density", ylim=(0, 2))
    left.legend(fontsize=8, loc="upper center")
    middle.set(xlabel="gap of the means", ylabel="Jensen-Shannon divergence, nats")
    right.set(xlabel="gap of the means", ylabel="its gradient, nats per unit gap")
    for axes in (middle, right):
        axes.axvline(gap, color="0.6", linewidth=0.8, linestyle=":")
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)


def _deviations(settings: Mapping[str, Any]) -> dict[str, float]:
    std = settings["std"]
    return {"without-noise": std, "with-noise": noised(std, settings["noise_std"])}


def _gaps(settings: Mapping[str, Any]) -> torch.Tensor:
    return torch.linspace(0, 2 * settings["gap"], 201, dtype=torch.float64)


if __name__ == "__main__":
    main()
