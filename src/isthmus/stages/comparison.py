"""The talk's comparison of families of distances, each cell beside what was measured here."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import pyplot as plt

from isthmus.job import Job, stage
from isthmus.limits.far_gradient import gradients
from isthmus.metrics.summary import summary
from isthmus.seeding import derive

NEAR = 1.0
"""The shift, in standard deviations, that the others are compared with."""

READ = ("moons", "motivation", "dual", "digit-study", "vanishing-gradient")


@stage("seed", "threads", "studies.comparison", folder="runs/{scale}/evaluate/comparison")
def main(job: Job) -> None:
    """Compare the families of distances."""
    settings = job.config.value("studies.comparison")
    shifts = [NEAR, *settings["shifts"]]
    runs = [
        gradients(shifts, settings["samples"], derive(job.seed, index))
        for index in range(settings["seeds"])
    ]
    metrics = {
        name: {
            f"gradient_at_{s:g}": summary([run[name][i] for run in runs])
            for i, s in enumerate(shifts)
        }
        for name in runs[0]
    }
    job.write_json("metrics.json", metrics)
    found = {
        name: json.loads(job.input(f"evaluate/{name}/metrics.json").read_text()) for name in READ
    }
    job.write_json("table.json", rows(found, metrics, settings["shifts"]))
    draw(runs, shifts, job.output("figure.png"))


def rows(
    found: Mapping[str, Any], gradients_: Mapping[str, Any], shifts: Sequence[float]
) -> list[dict[str, Any]]:
    """The table: what the talk says of each family, and the measured figures behind it.

    Args:
        found: By study its metrics.
        gradients_: By method the gradient at each shift.
        shifts: The shifts beyond the near one.
    """
    moons, motivation, dual = found["moons"], found["motivation"], found["dual"]
    digits, vanishing = found["digit-study"], found["vanishing-gradient"]

    def mean(figures: Mapping[str, Any], name: str) -> float:
        return float(figures[name]["mean"])

    def left(method: str) -> str:
        near = mean(gradients_[method], f"gradient_at_{NEAR:g}")
        if near < 1e-9:
            return f"{method}: no gradient in the means at any distance"
        shares = [mean(gradients_[method], f"gradient_at_{s:g}") / near for s in shifts]
        apart = ", ".join(f"{s:g}" for s in shifts)
        return f"{method}: gradient at distance {apart} against {NEAR:g}: " + ", ".join(
            f"{share:.2g}" for share in shares
        )

    def arms(method: str) -> str:
        figures = moons[method]["accuracy"]
        spread = (
            f" ± {figures['std']:.3f} over {figures['seeds']} seeds" if figures["seeds"] > 1 else ""
        )
        return f"{method} on the moons: accuracy {figures['mean']:.3f}{spread}"

    def noise(method: str) -> str:
        high = motivation[f"{method}-high-dimension"]
        ratio = mean(high, "distance_between_laws") / mean(high, "distance_within_one_law")
        return f"{method} of two laws over that of one law, high dimension: {ratio:.2f}"

    def helped(method: str) -> str:
        share = mean(digits[method], "share_above_source")
        return f"{method}: {share:.0f} % of grid runs above source-only"

    def spread(method: str) -> str:
        return f"{method}: covariance distance {mean(moons[method], 'covariance_distance'):.2f}"

    plain, noisy = (
        vanishing["noise-0"],
        vanishing[max(n for n in vanishing if n.startswith("noise-"))],
    )
    return [
        {
            "family": "non-parametric (MMD, EMD)",
            "estimator": "closed form",
            "optimisation": "gradient descent",
            "data model": "none (metric)",
            "failure": "poor in high dimension: noise as high as signal",
            "measured": [
                noise("mmd"),
                noise("emd"),
                arms("mmd"),
                arms("emd"),
                left("mmd"),
                left("emd"),
            ],
        },
        {
            "family": "simple parametric (CORAL)",
            "estimator": "closed form",
            "optimisation": "gradient descent",
            "data model": "simple (normal)",
            "failure": "too weak",
            "measured": [
                arms("coral"),
                f"domains told apart after coral: {mean(moons['coral'], 'domain_accuracy'):.2f}, "
                f"after lrmf-realnvp: {mean(moons['lrmf-realnvp'], 'domain_accuracy'):.2f}",
                left("coral"),
            ],
        },
        {
            "family": "adversarial (GAN, Monge-Kantorovich)",
            "estimator": "min-max",
            "optimisation": "adversarial",
            "data model": "powerful, implicit (network)",
            "failure": "unstable, mode collapse, vanishing generator gradient",
            "measured": [
                arms("sn-gan"),
                arms("wgan-gp"),
                spread("sn-gan"),
                spread("wgan-gp"),
                f"linear min-max: {mean(dual['primal-linear'], 'turns'):.1f} turns",
                helped("adda"),
                helped("wgan-gp"),
                left("gan"),
            ],
        },
        {
            "family": "dual adversarial distance",
            "estimator": "min-min",
            "optimisation": "gradient descent",
            "data model": "relatively simple (linear, kernel)",
            "failure": "data model",
            "measured": [
                f"linear dual: {mean(dual['dual-linear'], 'turns'):.2f} turns, "
                f"{mean(dual['dual-linear'], 'rising_steps'):.2g} rising steps",
                "covariance distance left: linear "
                f"{mean(dual['dual-linear'], 'covariance_distance'):.2f}, kernel "
                f"{mean(dual['dual-kernel'], 'covariance_distance'):.3f}",
                helped("dual"),
                left("dual-linear"),
                left("dual-kernel"),
            ],
        },
        {
            "family": "LRMF",
            "estimator": "closed-form upper bound",
            "optimisation": "gradient descent",
            "data model": "any tractable density + flow",
            "failure": "vanishing gradient when A and B are far apart",
            "measured": [
                arms("lrmf-realnvp"),
                f"loss at the end: {mean(moons['lrmf-realnvp'], 'loss'):+.3f} nats, known zero",
                spread("lrmf-realnvp"),
                left("lrmf-gaussian"),
                f"mixture family, gradient at 4, 8, 16: {mean(plain, 'gradient_at_4'):.1g}, "
                f"{mean(plain, 'gradient_at_8'):.1g}, {mean(plain, 'gradient_at_16'):.1g}; with our noisy "
                f"bound: {mean(noisy, 'gradient_at_4'):.1g}, {mean(noisy, 'gradient_at_8'):.1g}, "
                f"{mean(noisy, 'gradient_at_16'):.1g}",
            ],
        },
    ]


def draw(
    runs: Sequence[Mapping[str, Sequence[float]]], shifts: Sequence[float], path: Path
) -> None:
    """Gradients against the shift, as a multiple of the one at the near shift."""
    figure, axes = plt.subplots(figsize=(8, 4.2), layout="constrained")
    for name in runs[0]:
        values = np.mean([run[name] for run in runs], 0)
        if values[0] > 1e-9:
            axes.loglog(shifts, np.maximum(values / values[0], 1e-16), "o-", label=name)
    axes.set_ylim(1e-16, 1e2)
    axes.set_xlabel("distance of the means, standard deviations")
    axes.set_ylabel(f"gradient / gradient at {NEAR:g}")
    axes.set_xticks(list(shifts), [f"{shift:g}" for shift in shifts])
    axes.minorticks_off()
    axes.legend(fontsize=8)
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)


if __name__ == "__main__":
    main()
