"""Figures of the two studies of what could go wrong."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import numpy as np
import numpy.typing as npt
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from isthmus.limits.difference_of_means import BlindSpot
from isthmus.limits.generator_gradient import GradientNorms
from isthmus.limits.nonsense import Nonsense
from isthmus.limits.vanishing import FITTED, MU, PUBLISHED_INTERCEPT, PUBLISHED_SLOPE
from isthmus.report.figures import BLUE, ORANGE

Floats = npt.NDArray[np.float64]


def vanishing(
    gradients: Floats,
    distances: Floats,
    noisy_gradients: Mapping[float, Floats],
    noisy_losses: Mapping[float, Floats],
    path: Path,
) -> None:
    """The straight line of the vanishing gradient, and what noise does to gradient and loss.

    Args:
        gradients: At the published distances, of shape `(seeds, M)`.
        distances: Of B in the other panels, of shape `(K,)`.
        noisy_gradients: By standard deviation of the noise, of shape `(K,)`.
        noisy_losses: Likewise.
        path: Where to write.
    """
    figure, (line, slope, loss) = plt.subplots(1, 3, figsize=(12, 4), layout="constrained")
    mu = MU.numpy()
    line.plot(mu, np.sqrt(-np.log(-gradients)).T, color=BLUE, alpha=0.25, linewidth=1)
    published = PUBLISHED_SLOPE * mu + PUBLISHED_INTERCEPT
    line.plot(mu, published, color=ORANGE, linestyle="--", label="published line")
    line.axvspan(*mu[FITTED][[0, -1]], color="0.93", zorder=0, label="fitted range")
    line.plot([], [], color=BLUE, label="ours, one line a seed")
    _name(line, "gradient of LRMF vanishes", "distance of B, mu", "sqrt(-log(-gradient))")
    far = distances > 0
    colours = plt.get_cmap("viridis")(np.linspace(0, 0.85, len(noisy_losses)))
    for (noise, g), curve, colour in zip(
        noisy_gradients.items(), noisy_losses.values(), colours, strict=True
    ):
        slope.semilogy(distances[far], -g[far], color=colour, label=f"noise {noise:g}")
        loss.plot(distances, curve, color=colour, label=f"noise {noise:g}")
    slope.set_ylim(1e-16, 1)
    _name(slope, "noise keeps it alive", "distance of B, mu", "-gradient, nats / distance")
    _name(loss, "the minimum stays at equality", "distance of B, mu", "loss, nats")
    for axes in (line, slope, loss):
        axes.legend(fontsize=8)
    _save(figure, path)


def motivation(
    blind: BlindSpot,
    over_dimension: Mapping[str, Mapping[str, Any]],
    over_samples: Mapping[str, Mapping[str, Any]],
    saddle: Floats,
    norms: GradientNorms,
    nonsense: Nonsense,
    classes: npt.NDArray[np.int64],
    path: Path,
) -> None:
    """Six ways in which a distance misleads, one panel each.

    Args:
        blind: Two clouds of one mean.
        over_dimension: By distance, each `dimension` and the `ratio` of between to within.
        over_samples: By distance, each count of `samples` and the `ratio`.
        saddle: Path of the descent-ascent, `(steps + 1, 2)`.
        norms: Gradients of a generator.
        nonsense: The map without meaning.
        classes: Class of each point before that map, `(N,)`.
        path: Where to write.
    """
    figure, grid = plt.subplots(2, 3, figsize=(12, 7.6), layout="constrained")
    means, dimension, samples, spiral, gradient, scrambled = grid.flat
    for points, name, colour in ((blind.b, "B", ORANGE), (blind.a, "A", BLUE)):
        means.scatter(*points[:1000].T, s=4, color=colour, alpha=0.5, linewidths=0)
        means.plot(*points.mean(0), "+", markersize=14, color=colour, label=f"{name}, + its mean")
    means.set_aspect("equal")
    _name(
        means, "equal means, different clouds", "feature 1, circle radii", "feature 2, circle radii"
    )
    _ratios(dimension, over_dimension, "distances drown in noise", "dimension")
    dimension.set_yscale("log")
    _ratios(samples, over_samples, "the highest dimension, more samples", "samples")
    spiral.plot(*saddle.T, color=BLUE, linewidth=1)
    spiral.plot(*saddle[0], "o", color=BLUE, label="start")
    spiral.plot(0, 0, "*", color=ORANGE, markersize=12, label="saddle")
    spiral.set_aspect("equal")
    _name(spiral, "min-max of xy leaves the saddle", "x", "y")
    for values, name, colour in (
        (norms.saturated, "log(1 - D)", BLUE),
        (norms.log_d, "-log D", ORANGE),
    ):
        gradient.loglog(1 + norms.steps, values, color=colour, alpha=0.4, linewidth=1)
        gradient.plot([], [], color=colour, label=name)
    _name(
        gradient, "generator gradient", "1 + steps of the discriminator", "norm, nats / deviation"
    )
    scrambled.scatter(*nonsense.mapped.T, s=6, c=classes, cmap="tab10", linewidths=0)
    scrambled.set_aspect("equal")
    _name(
        scrambled,
        "EMD 0, MMD 0, classes lost",
        "feature 1, circle radii",
        "feature 2, circle radii",
    )
    for axes in (means, dimension, samples, spiral, gradient):
        axes.legend(fontsize=8)
    _save(figure, path)


def _ratios(axes: Axes, curves: Mapping[str, Mapping[str, Any]], title: str, x: str) -> None:
    for (name, curve), colour in zip(curves.items(), (BLUE, ORANGE), strict=True):
        axes.plot(curve[x], curve["ratio"], "o-", color=colour, label=name.upper())
        axes.set_xscale("log")
        axes.set_xticks(curve[x], [str(place) for place in curve[x]])
    axes.minorticks_off()
    axes.axhline(1, color="0.6", linewidth=1, linestyle="--")
    _name(axes, title, x, "two laws / one law, ratio")


def _name(axes: Any, title: str, x: str, y: str) -> None:
    axes.set_title(title, fontsize=11)
    axes.set_xlabel(x)
    axes.set_ylabel(y)


def _save(figure: Figure, path: Path) -> None:
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)
