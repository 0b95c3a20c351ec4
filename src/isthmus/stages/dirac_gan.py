"""Train the Dirac-GAN by every method and integrator: where it ends, and what eigenvalues say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from torch import Tensor

from isthmus.job import Job, stage
from isthmus.metrics.summary import summary
from isthmus.report.figures import BLUE, ORANGE
from isthmus.seeding import derive
from isthmus.stability.dirac import (
    Field,
    Game,
    Noise,
    Step,
    alternating,
    consensus,
    critical,
    draws,
    eigenvalues,
    gradient_penalty,
    hermite,
    instance_noise,
    non_saturating,
    simultaneous,
    standard,
    trajectory,
    wasserstein,
    wasserstein_gp,
)

EXPECTATION = hermite(32)
BRACKET = (0.1, 10.0)
TITLES = {
    "standard": "standard GAN",
    "wgan-five-steps": "WGAN, {discriminator_steps} D steps",
    "instance-noise": "instance noise, deviation {noise_std:g}",
    "gradient-penalty": "gradient penalty {penalty:g}",
    "non-saturating": "non-saturating GAN",
    "wgan": "WGAN, clip {clip:g}",
    "wgan-gp": "WGAN-GP, weight {wgan_gp_weight:g}",
    "gradient-penalty-critical": "gradient penalty {critical_penalty:g}",
    "non-saturating-penalty": "non-saturating, penalty {penalty:g}",
    "consensus": "consensus, weight {consensus:g}",
}
"""The panels, the four of the talk first."""


@stage("seed", "threads", "studies.dirac_gan", folder="runs/{scale}/evaluate/dirac-gan")
def main(job: Job) -> None:
    """Train the Dirac-GAN by every method and integrator."""
    settings = job.config.value("studies.dirac_gan")
    metrics, paths = study(settings, job.seed)
    job.write_json("metrics.json", metrics)
    draw(settings, paths, job.output("figure.png"))


def study(settings: Mapping[str, Any], seed: int) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Train by every method and integrator from one start.

    Args:
        settings: The parameters `studies.dirac_gan`.
        seed: Base seed of the noise draws.

    Returns:
        The metrics: by method and integrator (`wgan`, `wgan-alternating`, `wgan-five-steps`) the
        final `radius`, the `eigenvalues` of the field at the origin as pairs of real and imaginary
        part, and the `contraction`, the factor a step near the origin applies to the distance;
        both None where the field has no Jacobian. And the states `(steps + 1, 2)` of the first
        seed, by the same names.
    """
    metrics: dict[str, Any] = {}
    paths: dict[str, Tensor] = {}
    expected = games(settings, EXPECTATION)
    start = torch.tensor(settings["start"], dtype=torch.float64)
    for method, game in expected.items():
        spectrum = eigenvalues(game.field) if game.smooth else None
        for suffix, integrate in integrators(settings).items():
            name = method + suffix
            runs = [
                trajectory(integrate(games(settings, noise)[method]), start, settings["steps"])
                for noise in _noises(settings, method, derive(seed, name))
            ]
            paths[name] = runs[0]
            metrics[name] = {
                "radius": summary([float(run[-1].norm()) for run in runs]),
                "eigenvalues": None if spectrum is None else [[z.real, z.imag] for z in spectrum],
                "contraction": float(np.abs(eigenvalues(integrate(game))).max())
                if game.smooth
                else None,
            }
    metrics["gradient-penalty"]["critical_weight"] = summary([critical(_penalised, *BRACKET)])
    metrics["instance-noise"]["critical_variance"] = summary([critical(_noised, *BRACKET)])
    return metrics, paths


def games(settings: Mapping[str, Any], noise: Noise) -> dict[str, Game]:
    """The training methods by name."""
    gp = wasserstein_gp(settings["wgan_gp_weight"], settings["wgan_gp_target"])
    penalty = settings["penalty"]
    return {
        "standard": Game(standard),
        "non-saturating": Game(non_saturating),
        "wgan": Game(wasserstein, clip=settings["clip"]),
        "wgan-gp": Game(gp, smooth=False),
        "instance-noise": Game(instance_noise(settings["noise_std"], noise)),
        "gradient-penalty": Game(gradient_penalty(standard, penalty)),
        "gradient-penalty-critical": Game(gradient_penalty(standard, settings["critical_penalty"])),
        "non-saturating-penalty": Game(gradient_penalty(non_saturating, penalty)),
        "consensus": Game(consensus(standard, settings["consensus"])),
    }


def integrators(settings: Mapping[str, Any]) -> dict[str, Callable[[Game], Step]]:
    """The integrators by suffix of a result's name; the last takes `discriminator_steps`."""
    rate, count = settings["step"], settings["discriminator_steps"]
    return {
        "": lambda game: simultaneous(game, rate),
        "-alternating": lambda game: alternating(game, rate),
        "-five-steps": lambda game: alternating(game, rate, discriminator_steps=count),
    }


def _noises(settings: Mapping[str, Any], method: str, seed: int) -> list[Noise]:
    if method != "instance-noise":
        return [EXPECTATION]
    return [draws(settings["draws"], derive(seed, member)) for member in range(settings["seeds"])]


def _penalised(weight: float) -> Field:
    return gradient_penalty(standard, weight)


def _noised(variance: float) -> Field:
    return instance_noise(variance**0.5, EXPECTATION)


def draw(settings: Mapping[str, Any], paths: Mapping[str, Tensor], path: Path) -> None:
    """Field and training of each method; the radius over steps; the eigenvalues by weight."""
    figure, grid = plt.subplots(3, 4, figsize=(11, 8.6), layout="constrained")
    *panels, radii, locus = grid.flat
    fields = games(settings, EXPECTATION)
    for axes, (name, title) in zip(panels, TITLES.items(), strict=True):
        method = name.removesuffix("-five-steps")
        runs = {ORANGE: paths[name]}
        if name == method:
            runs = {BLUE: paths[name], ORANGE: paths[f"{name}-alternating"]}
        _panel(axes, fields[method].field, runs)
        axes.set_title(title.format(**settings), fontsize=10)
    _radii(radii, paths)
    _locus(locus)
    for axes in grid[:, 0]:
        axes.set_ylabel("discriminator psi")
    for axes in [*grid[-1, :2], *grid[1, 2:]]:
        axes.set_xlabel("generator theta")
    handles = [plt.Line2D([], [], color=c) for c in (BLUE, ORANGE)]
    figure.legend(handles, ["simultaneous", "alternating"], loc="outside upper center", ncols=2)
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)


def _panel(axes: Axes, field: Field, runs: Mapping[str, Tensor]) -> None:
    line = torch.linspace(-2, 2, 10, dtype=torch.float64)
    states = torch.cartesian_prod(line, line)
    with torch.no_grad():
        velocity = field(states)
    axes.quiver(*states.T.numpy(), *velocity.T.numpy(), color="0.65", width=0.005)
    for colour, states in runs.items():
        axes.plot(*states.T.numpy(), color=colour, linewidth=0.8)
        axes.plot(*states[-1].numpy(), "o", color=colour, markersize=4)
    axes.plot(*states[0].numpy(), "k+", markersize=7)
    limit = max(2.3, 1.05 * max(float(states.abs().max()) for states in runs.values()))
    axes.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal")


def _radii(axes: Axes, paths: Mapping[str, Tensor]) -> None:
    shown = {
        "standard": "standard",
        "non-saturating": "non-sat.",
        "instance-noise": "noise",
        "gradient-penalty": "penalty",
        "gradient-penalty-critical": "critical pen.",
    }
    for name, short in shown.items():
        radius = paths[name].norm(dim=-1).numpy()
        axes.semilogy(radius, linewidth=1, label=short)
    axes.set(ylim=(1e-8, 10), xlabel="simultaneous step", ylabel="distance to the origin")
    axes.legend(fontsize=7, loc="lower right")


def _locus(axes: Axes) -> None:
    """Largest real part of the eigenvalues against the weight: least at the critical one."""
    values = np.linspace(0, 4, 81)
    for family, colour, label in (
        (_penalised, BLUE, "penalty weight"),
        (_noised, ORANGE, "noise variance"),
    ):
        slowest = [eigenvalues(family(value)).real.max() for value in values]
        axes.plot(values, slowest, color=colour, label=label)
        axes.axvline(critical(family, *BRACKET), color=colour, linewidth=0.8, linestyle=":")
    axes.set(xlabel="weight, or variance", ylabel="largest real part")
    axes.legend(fontsize=7)


if __name__ == "__main__":
    main()
