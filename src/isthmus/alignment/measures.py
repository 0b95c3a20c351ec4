"""Measuring two samples by the name of a distance: what the command `isthmus distance` calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from isthmus.alignment.coral import coral_distance
from isthmus.alignment.distances import gaussian_lr_distance, gaussian_w2
from isthmus.alignment.dual import dual_distance
from isthmus.alignment.emd import emd
from isthmus.alignment.mmd import median_width, squared_mmd
from isthmus.alignment.sinkhorn import sinkhorn_divergence
from isthmus.densities.gaussian import moments
from isthmus.densities.samples import as_samples, same_width
from isthmus.errors import InputError


@dataclass(frozen=True)
class Measure:
    """A distance between two samples.

    Attributes:
        value: From samples of A `(N_A, D)` and of B `(N_B, D)` to a scalar.
        unit: Unit of the value, where the features are in units of B's deviation.
        zero: What it is where A and B are the same sample.
    """

    value: Callable[[Tensor, Tensor], Tensor]
    unit: str
    zero: str = "0 at equality"


@dataclass(frozen=True)
class Measurement:
    """A distance and what the same distance makes of mere noise.

    Attributes:
        value: The distance of A and B.
        noise: The same distance between random parts of A and B taken together, as large as A and
            B are: samples of one law. A value among these says nothing.
        measure: What was measured.
    """

    value: float
    noise: tuple[float, ...]
    measure: Measure

    @property
    def p_value(self) -> float:
        """Of the permutation test that A and B are samples of one law, one-sided."""
        return (1 + sum(each >= self.value for each in self.noise)) / (1 + len(self.noise))

    def __str__(self) -> str:
        """Two lines for a human reader."""
        noise = torch.tensor(self.noise, dtype=torch.float64)
        lines = [f"{self.value:.6g} {self.measure.unit} ({self.measure.zero})"]
        if len(self.noise) > 1:
            lines.append(
                f"two samples of one law give {noise.mean():.6g} ± {noise.std():.2g} "
                f"({len(noise)} random splits; p = {self.p_value:.2g})"
            )
        return "\n".join(lines)


def measure(
    method: str,
    a: Any,
    b: Any,
    *,
    splits: int = 20,
    seed: int = 0,
    on_split: Callable[[], object] | None = None,
) -> Measurement:
    """Measure how far A is from B, and how far two samples of one law are.

    Both are standardised by B's mean and deviation first.

    Args:
        method: A key of `MEASURES`.
        a: Samples of A, of shape (N_A, D).
        b: Samples of B, of shape (N_B, D).
        splits: Random splits that make the noise.
        seed: Of the splits.
        on_split: Called after each split.

    Raises:
        InputError: The method is unknown or the samples cannot be used.
    """
    if method not in MEASURES:
        raise InputError(method, "no such method", mend=f"use one of {', '.join(MEASURES)}")
    chosen = MEASURES[method]
    a, b = as_samples(a, "a").double(), as_samples(b, "b").double()
    same_width(a, b)
    mean, deviation = b.mean(0), b.std(0)
    a, b = (a - mean) / deviation, (b - mean) / deviation
    value = float(chosen.value(a, b))
    pooled, generator = torch.cat([a, b]), torch.Generator().manual_seed(seed)
    noise = []
    for _ in range(splits):
        shuffled = pooled[torch.randperm(len(pooled), generator=generator)]
        noise.append(float(chosen.value(*shuffled.split([len(a), len(b)]))))
        if on_split is not None:
            on_split()
    return Measurement(value, tuple(noise), chosen)


def _means(a: Tensor, b: Tensor) -> Tensor:
    return torch.linalg.vector_norm(a.mean(0) - b.mean(0))


def _mmd(a: Tensor, b: Tensor) -> Tensor:
    return squared_mmd(a, b, width=median_width(a, b)).clamp(min=0).sqrt()


def _sinkhorn(a: Tensor, b: Tensor) -> Tensor:
    return sinkhorn_divergence(a, b, blur=0.5)


def _dual(width: str | None) -> Callable[[Tensor, Tensor], Tensor]:
    def value(a: Tensor, b: Tensor) -> Tensor:
        floor = (len(a) + len(b)) * torch.tensor(2.0, dtype=a.dtype).log()
        return dual_distance(a, b, width=width).value + floor  # type: ignore[arg-type]

    return value


SQUARED, NATS = "squared deviations of B", "nats"
FLOOR = "at the floor -(n_A + n_B) log 2, which is taken off, for one sample"

MEASURES = {
    "means": Measure(_means, "deviations of B"),
    "coral": Measure(coral_distance, "without unit"),
    "gaussian-lr": Measure(lambda a, b: gaussian_lr_distance(*moments(a), *moments(b)), NATS),
    "gaussian-w2": Measure(lambda a, b: gaussian_w2(*moments(a), *moments(b)), SQUARED),
    "mmd": Measure(_mmd, "without unit, median rule"),
    "emd": Measure(emd, SQUARED),
    "sinkhorn": Measure(_sinkhorn, f"{SQUARED}, blur 0.5"),
    "dual-linear": Measure(_dual(None), NATS, FLOOR),
    "dual-kernel": Measure(_dual("median"), NATS, FLOOR),
}
"""The distances by name."""
