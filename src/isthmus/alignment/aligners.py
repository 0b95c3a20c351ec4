"""Aligning two samples by the name of a method: what the command `isthmus align` calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from isthmus.alignment.back_to_back import BackToBack
from isthmus.alignment.certificate import Certificate
from isthmus.alignment.coral import coral
from isthmus.alignment.lrmf import LRMF
from isthmus.densities import Affine, Gaussian, RealNVPDensity, fit
from isthmus.densities.samples import as_samples, same_width
from isthmus.errors import InputError

OnStep = Callable[[int, Tensor], None]


@dataclass(frozen=True)
class Alignment:
    """The image of a sample under the map that a method found.

    Attributes:
        points: T(A), float64 of shape (N_A, D), in the unit of the input.
        flow: T between points in units of B's mean and deviation.
        certificate: What LRMF says of itself on held-out points; None for other methods.
        stopped: Whether training ended early on a loss that was not finite; `points` are then
            those of the last good state.
    """

    points: npt.NDArray[np.float64]
    flow: nn.Module
    certificate: Certificate | None = None
    stopped: bool = False


def align(
    method: str,
    a: Any,
    b: Any,
    *,
    steps: int = 3000,
    seed: int = 0,
    on_step: OnStep | None = None,
) -> Alignment:
    """Move A onto B.

    Both are standardised by B's mean and deviation first, and T(A) is taken back.

    Args:
        method: A key of `ALIGNERS`.
        a: Samples of A, of shape (N_A, D).
        b: Samples of B, of shape (N_B, D).
        steps: Training steps of the methods that train.
        seed: Of initial weights and mini-batches.
        on_step: Called after each training step.

    Raises:
        InputError: The method is unknown or the samples cannot be used.
    """
    if method not in ALIGNERS:
        raise InputError(method, "no such method", mend=f"use one of {', '.join(ALIGNERS)}")
    a, b = as_samples(a, "a").double(), as_samples(b, "b").double()
    same_width(a, b)
    mean, deviation = b.mean(0), b.std(0)
    unit_a, unit_b = (a - mean) / deviation, (b - mean) / deviation
    flow, certificate, stopped = ALIGNERS[method](unit_a, unit_b, steps, seed, on_step)
    with torch.no_grad():
        moved = flow()(unit_a.to(next(flow.parameters()))).double()
    return Alignment((moved * deviation + mean).numpy(), flow, certificate, stopped)


def _coral(
    a: Tensor, b: Tensor, steps: int, seed: int, on_step: OnStep | None
) -> tuple[nn.Module, Certificate | None, bool]:
    return coral(a, b, match_means=True), None, False


def _back_to_back(
    a: Tensor, b: Tensor, steps: int, seed: int, on_step: OnStep | None
) -> tuple[nn.Module, Certificate | None, bool]:
    densities = []
    stopped = False
    for x in (a, b):
        density = RealNVPDensity(x.shape[-1], seeds=seed)
        result = fit(density, x, steps=steps, seeds=seed, on_step=on_step)
        stopped |= int(result.steps) < steps
        densities.append(density)
    return BackToBack(*densities), None, stopped


def _lrmf_gaussian(
    a: Tensor, b: Tensor, steps: int, seed: int, on_step: OnStep | None
) -> tuple[nn.Module, Certificate | None, bool]:
    width = a.shape[-1]
    aligner = LRMF(Gaussian(width), Affine(width), seeds=seed).fit(a, b)
    return aligner.flow_, aligner.result_.certificate, False


def _lrmf_realnvp(
    a: Tensor, b: Tensor, steps: int, seed: int, on_step: OnStep | None
) -> tuple[nn.Module, Certificate | None, bool]:
    aligner = LRMF(steps=steps, seeds=seed).fit(a, b, on_step=on_step)
    stopped = int(aligner.result_.steps) < steps
    return aligner.flow_, aligner.result_.certificate, stopped


ALIGNERS = {
    "coral": _coral,
    "back-to-back": _back_to_back,
    "lrmf-gaussian": _lrmf_gaussian,
    "lrmf-realnvp": _lrmf_realnvp,
}
"""The methods by name."""

TRAININGS = {"coral": 0, "back-to-back": 2, "lrmf-gaussian": 0, "lrmf-realnvp": 3}
"""How many trainings of `steps` steps each method takes."""
