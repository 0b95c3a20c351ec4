"""Align digits in pixel space by LRMF with a small Glow, from the identity and from F o G^-1."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import SubFigure
from matplotlib.ticker import ScalarFormatter

from isthmus.alignment.pixel_flow import PixelFlow, judge, pixel_flow
from isthmus.attributes.digits import Classifier
from isthmus.data.table import read_table
from isthmus.job import Job, stage
from isthmus.metrics.summary import curves, summary
from isthmus.networks.storage import load
from isthmus.report.figures import BLUE, ORANGE
from isthmus.seeding import derive

SHOWN = 12
"""Digits in a row of the figure."""

WINDOWS = 40
"""The figure averages the loss over this part of the steps."""


@stage(
    "seed",
    "threads",
    "studies.pixel_flow",
    "digit_pairs.digits",
    folder="runs/{scale}/evaluate/pixel-flow",
)
def main(job: Job) -> None:
    """Align digits in pixel space, from two starts."""
    settings = dict(job.config.value("studies.pixel_flow"))
    pair = job.config.digit_pairs["digits"]
    train_a, test_a, train_b, test_b = (
        read_table(job.input(f"images/{name}/{split}.parquet"), kind="images", factors=("digit",))
        for name in (pair.a, pair.b)
        for split in ("train", "test")
    )
    job.input(f"attributes/{pair.b}/model.safetensors")
    classifier = load(Classifier, job.input(f"attributes/{pair.b}/model.json").parent)
    train, test = (train_a.images(), train_b.images()), (test_a.images(), test_b.images())
    values: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    results = []
    for index in range(settings.pop("seeds")):
        seed = derive(job.seed, index)
        results.append(pixel_flow(train, test, **settings, seed=seed))
        figures = judge(results[-1], test[0], test_a.factors["digit"], classifier, seed=seed)
        for method, found in figures.items():
            for name, value in found.items():
                values[method][name].append(value)
            if "loss" in found:
                values[method]["loss_magnitude"].append(abs(found["loss"]))
        for name, nll in zip(
            ("private_nll_a", "private_nll_b"), results[-1].private_nll, strict=True
        ):
            values["none"][name].append(nll)
    job.write_json(
        "metrics.json",
        {
            method: {name: summary(found) for name, found in figures.items()}
            for method, figures in values.items()
        },
    )
    series = {
        f"{name}_loss_nats": np.stack([found.runs[name].curve for found in results], 1)
        for name in results[0].runs
    }
    job.write_json("curves.json", curves(series))
    draw(results[0], job.output("figure.png"))


def draw(found: PixelFlow, path: Path) -> None:
    """Digits of A before and after each run above digits of B; the loss of both runs below."""
    figure = plt.figure(figsize=(9, 6.4), layout="constrained")
    above, below = figure.subfigures(2, 1)
    _digits(found, above)
    axes = below.subplots()
    axes.axhline(0, color="0.4", linewidth=1, label="known zero: aligned")
    for (name, run), colour in zip(found.runs.items(), (ORANGE, BLUE), strict=True):
        curve = run.curve.numpy()
        window = max(1, len(curve) // WINDOWS)
        smooth = np.convolve(curve, np.full(window, 1 / window), mode="valid")
        held_out = f"held out {run.final.value:.1f} ± {run.final.error:.1f}"
        axes.plot(np.arange(window, len(curve) + 1), smooth, color=colour, label=_label(name))
        axes.errorbar(
            len(curve),
            run.final.value,
            2 * run.final.error,
            fmt="o",
            capsize=4,
            color=colour,
            label=held_out,
        )
    axes.set_yscale("symlog", linthresh=10)
    axes.yaxis.set_major_formatter(ScalarFormatter())
    axes.set(xlabel="step of Adam", ylabel="LRMF loss, nats")
    axes.legend(fontsize=8, loc="upper right")
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)


def _digits(found: PixelFlow, figure: SubFigure) -> None:
    rows = {**found.clouds, "B": found.b}
    grid = figure.subplots(len(rows), SHOWN)
    for line, (name, points) in zip(grid, rows.items(), strict=True):
        images = found.pixels.images(points[:SHOWN])
        for axes in line:
            axes.axis("off")
        for axes, image in zip(line, images, strict=False):
            axes.imshow(image[0].numpy(), cmap="gray", vmin=0, vmax=1)
        line[0].text(-0.2, 0.5, _label(name), transform=line[0].transAxes, ha="right", va="center")


def _label(name: str) -> str:
    return {
        "none": "A",
        "lrmf-identity": "LRMF from the identity",
        "lrmf-back-to-back": "LRMF from F o G^-1",
    }.get(name, name)


if __name__ == "__main__":
    main()
