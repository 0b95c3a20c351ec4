"""Seven normals in space, learnt by GANs without a regulariser, with one, and with it annealed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from matplotlib import pyplot as plt
from torch import Tensor

from isthmus.job import Job, stage
from isthmus.metrics.summary import summary
from isthmus.report.figures import BLUE, ORANGE
from isthmus.seeding import derive
from isthmus.stability.regularised_gan import (
    Normal,
    annealed,
    centres,
    coverage,
    in_plane,
    order,
    penalty_against_noise,
    train,
)

PAIRS = [
    (Normal(-1.0, 1.0), Normal(1.0, 1.0)),
    (Normal(-1.0, 1.0), Normal(1.0, 0.7)),
    (Normal(0.0, 0.5), Normal(0.5, 1.2)),
]
NOISE = torch.tensor([0.05, 0.1, 0.2])
OFF_OPTIMUM = 0.5
"""Factor on the best discriminator's logit."""


@stage("seed", "threads", "studies.regularised_gan", folder="runs/{scale}/evaluate/regularised-gan")
def main(job: Job) -> None:
    """Train the GANs and compare the penalty with the noise it stands for."""
    settings = job.config.value("studies.regularised_gan")
    samples = trained(**settings, seed=job.seed)
    metrics = {name: judge(x) for name, x in samples.items()}
    metrics["regularised"] = metrics["constant"]
    differences = [penalty_against_noise(*pair, NOISE) for pair in PAIRS]
    elsewhere = [penalty_against_noise(*pair, NOISE, confidence=OFF_OPTIMUM) for pair in PAIRS]
    metrics["penalty-against-noise"] = {
        "order": summary([order(NOISE, d) for d in differences]),
        "order_off_optimum": summary([order(NOISE, d) for d in elsewhere]),
    }
    job.write_json("metrics.json", metrics)
    draw(samples, differences[1], elsewhere[1], job.output("figure.png"))


def trained(
    *,
    weight: float,
    decay: float,
    steps: int,
    batch: int,
    hidden: int,
    learning_rate: float,
    samples: int,
    seeds: int,
    seed: int,
) -> dict[str, Tensor]:
    """Samples `(seeds, samples, 3)` of GANs without regulariser, with it constant, and annealed.

    Args:
        weight: Weight of the regulariser, at the start where it is annealed.
        decay: Last weight over first weight where it is annealed.
        steps: Steps of each network.
        batch: Real samples, and fake ones, of a step.
        hidden: Units of each of the two hidden layers.
        learning_rate: Adam's step size.
        samples: How many samples to draw of each generator.
        seeds: GANs of each kind.
        seed: The base seed.
    """
    schedules = {
        "unregularised": torch.zeros(steps),
        "constant": torch.full((steps,), weight),
        "annealed": annealed(weight, decay, steps),
    }
    return train(
        schedules,
        batch=batch,
        hidden=hidden,
        learning_rate=learning_rate,
        samples=samples,
        seeds=[derive(seed, "gan", index) for index in range(seeds)],
    )


def judge(samples: Tensor) -> dict[str, Any]:
    """Modes covered (of 7), share of good samples and distance to the nearest mode, over seeds."""
    found = coverage(samples)
    return {
        "modes": summary(found.modes.tolist()),
        "good": summary(found.good.tolist()),
        "mode_distance": summary(found.distance.tolist()),
    }


def draw(samples: dict[str, Tensor], best: Tensor, other: Tensor, path: Path) -> None:
    """Samples of the first seed in the plane of the circle; penalty against noise."""
    figure, axes = plt.subplots(1, len(samples) + 1, figsize=(14, 3.8), layout="constrained")
    for panel, (name, x) in zip(axes, samples.items(), strict=False):
        panel.scatter(*in_plane(x[0]).T, s=3, color=BLUE, alpha=0.4, linewidths=0)
        panel.scatter(*in_plane(centres()).T, s=40, marker="+", color=ORANGE)
        panel.set(xlim=(-1.6, 1.6), ylim=(-1.6, 1.6), aspect="equal", title=name)
        panel.set_xlabel("first coordinate in the plane (radii)")
    axes[0].set_ylabel("second coordinate (radii)")
    panel = axes[-1]
    panel.loglog(NOISE, best, "o-", color=BLUE, label="best discriminator")
    panel.loglog(NOISE, other, "s--", color=ORANGE, label="another one")
    panel.set(
        xlabel="standard deviation of the noise",
        ylabel="|noised - penalised objective| (nats)",
        title="penalty against noise",
    )
    panel.set_xticks(NOISE.tolist(), [f"{s:g}" for s in NOISE.tolist()])
    panel.minorticks_off()
    panel.legend()
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)


if __name__ == "__main__":
    main()
