"""How often aligning digits helps over a grid of settings, by method: the study of the dual paper."""

from __future__ import annotations

from math import ceil
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import numpy as np
from matplotlib import pyplot as plt

from isthmus.alignment.stability_study import METHODS, Grid, Stability, logarithmic, stability_study
from isthmus.data.table import read_table
from isthmus.job import Job, stage
from isthmus.metrics.summary import summary
from isthmus.report.figures import BLUE, ORANGE
from isthmus.seeding import derive

MOMENTS = {"early": 0.15, "middle": 0.25, "last": 1.0}
"""Share of the epochs after which runs are looked at: 6, 10 and 40 of 40."""

EDGES = np.linspace(0, 1, 21)
"""Edges of the bins of accuracy in a density."""

COLLAPSED = 0.2
"""Accuracy below which a run has collapsed: twice chance."""

TITLES = {"dual": "Dual", "wgan-gp": "WGAN-GP", "mmd": "MMD", "adda": "ADDA"}


@stage("seed", "threads", "studies.digit_study", folder="runs/{scale}/evaluate/digit-study")
def main(job: Job) -> None:
    """Measure how often aligning digits helps over a grid of settings, by method."""
    settings = job.config.value("studies.digit_study")
    source, target = settings["source"], settings["target"]
    train_a, train_b, test_b = (
        read_table(job.input(f"images/{path}.parquet"), kind="images")
        for path in (f"{source}/train", f"{target}/train", f"{target}/test")
    )
    slowest, fastest = settings["learning_rate_range"]
    weakest, strongest = settings["regulariser_range"]
    grid = Grid(
        logarithmic(slowest, fastest, settings["learning_rates"]),
        logarithmic(weakest, strongest, settings["regularisers"]),
    )
    found = stability_study(
        train_a.images(),
        train_a.factors["digit"],
        train_b.images()[: settings["target_size"]],
        test_b.images()[: settings["test_size"]],
        test_b.factors["digit"][: settings["test_size"]],
        grid=grid,
        epochs=settings["epochs"],
        batch_size=settings["batch_size"],
        width=settings["width"],
        size=settings["features"],
        source_steps=settings["source_steps"],
        seeds=[derive(job.seed, "study", index) for index in range(settings["seeds"])],
    )
    epochs = {name: ceil(share * settings["epochs"]) for name, share in MOMENTS.items()}
    job.write_json("metrics.json", _metrics(found, epochs))
    job.write_json("runs.json", _runs(found, grid, epochs))
    _draw(found, epochs, job.output("figure.png"))


def _metrics(found: Stability, epochs: dict[str, int]) -> dict[str, Any]:
    metrics: dict[str, Any] = {
        "source-only": {"accuracy": summary(found.source_only.tolist())},
        "density_edges": EDGES.tolist(),
        "epochs": epochs,
    }
    for method, accuracy in found.accuracy.items():
        at = {name: accuracy[:, epoch] for name, epoch in epochs.items()}
        metrics[method] = {
            "share_above_source": summary(found.share_above_source(method).tolist()),
            "share_collapsed": summary((100 * (at["last"] < COLLAPSED).mean((1, 2))).tolist()),
            "median": {n: summary(np.median(x, (1, 2)).tolist()) for n, x in at.items()},
            "density": {n: (np.histogram(x, EDGES)[0] / x.size).tolist() for n, x in at.items()},
        }
    return metrics


def _runs(found: Stability, grid: Grid, epochs: dict[str, int]) -> list[dict[str, Any]]:
    return [
        {
            "method": method,
            "seed": seed,
            "learning_rate": grid.learning_rates[i],
            "regulariser": grid.regularisers[j],
            **{name: float(accuracy[seed, epoch, i, j]) for name, epoch in epochs.items()},
        }
        for method, accuracy in found.accuracy.items()
        for seed, i, j in np.ndindex(len(accuracy), *grid.shape)
    ]


def _draw(found: Stability, epochs: dict[str, int], path: Path) -> None:
    """Above, the accuracy of every run over the epochs; below, its density at three of them."""
    figure, axes = plt.subplots(
        2, len(METHODS), figsize=(9.5, 5), sharex="row", sharey="row", layout="constrained"
    )
    centres = (EDGES[:-1] + EDGES[1:]) / 2
    for (above, below), (method, accuracy) in zip(axes.T, found.accuracy.items(), strict=True):
        runs = np.moveaxis(accuracy, 1, 0).reshape(accuracy.shape[1], -1)
        above.plot(runs, color=BLUE, linewidth=0.6, alpha=0.4)
        for level in found.source_only:
            above.axhline(level, color=ORANGE, linewidth=1, label="source only")
        share = found.share_above_source(method).mean()
        above.set_title(f"{TITLES[method]}: {share:.0f} % above", fontsize=10)
        above.set_xlabel("epoch")
        for (_, epoch), shade in zip(epochs.items(), (0.3, 0.6, 1), strict=True):
            density = np.histogram(accuracy[:, epoch], EDGES)[0] / accuracy[:, epoch].size
            below.plot(centres, 100 * density, color=BLUE, alpha=shade, label=f"epoch {epoch}")
        below.axvline(found.source_only.mean(), color=ORANGE, linewidth=1)
        below.set_xlabel("accuracy on the target (share)")
    axes[0, 0].set(ylabel="accuracy on the target (share)", ylim=(0, None))
    axes[0, 0].legend(handles=axes[0, 0].lines[-1:], loc="lower left", fontsize=8)
    axes[1, 0].set_ylabel(f"runs (% in a bin of {EDGES[1]:.2f})")
    axes[1, 0].legend(loc="upper left", fontsize=8)
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)


if __name__ == "__main__":
    main()
