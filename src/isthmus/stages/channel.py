"""Theorem 1 of RIFT: the bits that noisy codes carry, against the bound from their power."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib import pyplot as plt

from isthmus.job import Job, stage
from isthmus.metrics.information import code_information
from isthmus.metrics.summary import summary
from isthmus.report.figures import BLUE, ORANGE
from isthmus.seeding import derive
from isthmus.translation.losses import theorem_bits


@stage("seed", "threads", "studies.channel", folder="runs/{scale}/evaluate/channel")
def main(job: Job) -> None:
    """Measure the bits that noisy codes carry."""
    settings = job.config.value("studies.channel")
    metrics = study(settings, job.seed)
    job.write_json("metrics.json", metrics)
    draw(settings, metrics, job.output("figure.png"))


def study(settings: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """Information and bound of random Gaussian codes, over power and over noise.

    Args:
        settings: The parameters `studies.channel`.
        seed: Of codes and noise.
    """
    powers, sigmas = settings["powers"], settings["sigmas"]
    by_power = {f"power-{p:g}": _measure(settings, p, settings["sigma"], seed) for p in powers}
    by_noise = {_name(s): _measure(settings, settings["power"], s, seed) for s in sigmas}
    every = [*by_power.values(), *by_noise.values()]
    together = {
        name: [value for each in every for value in each[name]["values"]] for name in every[0]
    }
    pooled = {name: summary(found) | {"max": max(found)} for name, found in together.items()}
    slack = np.subtract(together["bound_bits"], together["information_bits"]).tolist()
    pooled["slack"] = summary(slack) | {"min": min(slack)}
    return by_power | by_noise | {"gaussian": pooled}


def _name(sigma: float) -> str:
    return f"sigma-{sigma:g}".replace(".", "-")


def _measure(settings: Mapping[str, Any], power: float, sigma: float, seed: int) -> dict[str, Any]:
    """Codes of mean squared norm `power`, drawn anew for each repetition."""
    information, bound = [], []
    for index in range(settings["seeds"]):
        own = derive(seed, "codes", index)
        generator = torch.Generator().manual_seed(own)
        shape = (settings["codes"], settings["dimension"])
        codes = torch.randn(shape, generator=generator, dtype=torch.float64)
        codes *= (power / codes.square().sum(1).mean()).sqrt()
        bits, _ = code_information(codes, sigma, draws=settings["draws"], seed=own)
        information.append(bits)
        bound.append(theorem_bits(codes, sigma).item())
    return {"information_bits": summary(information), "bound_bits": summary(bound)}


def draw(settings: Mapping[str, Any], metrics: Mapping[str, Any], path: Path) -> None:
    """Bits against power and against noise, with the bound and the most that codes can hold."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 4), layout="constrained")
    _panel(left, settings["powers"], [f"power-{p:g}" for p in settings["powers"]], metrics)
    _panel(right, settings["sigmas"], [_name(s) for s in settings["sigmas"]], metrics)
    left.set_xlabel(f"mean squared norm of a code, noise {settings['sigma']:g}")
    right.set_xlabel(f"deviation of the noise, mean squared norm {settings['power']:g}")
    for axes in (left, right):
        axes.axhline(np.log2(settings["codes"]), color="0.6", linestyle="--", label="log2 of codes")
        axes.set_ylabel("bits")
        axes.legend(fontsize=8)
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)


def _panel(axes: Any, x: Sequence[float], names: Sequence[str], metrics: Mapping[str, Any]) -> None:
    for field, colour, label in (
        ("bound_bits", ORANGE, "bound of theorem 1"),
        ("information_bits", BLUE, "information that arrives"),
    ):
        axes.semilogx(
            x, [metrics[name][field]["mean"] for name in names], "o-", color=colour, label=label
        )


if __name__ == "__main__":
    main()
