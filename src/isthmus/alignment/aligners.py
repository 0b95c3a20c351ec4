"""Aligning two samples by the name of a method: what the command `isthmus align` calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from isthmus.alignment.adversarial import SNGAN, WGANGP, Adversarial
from isthmus.alignment.back_to_back import BackToBack
from isthmus.alignment.certificate import Certificate
from isthmus.alignment.coral import coral
from isthmus.alignment.emd import emd
from isthmus.alignment.flow_matching import FlowMatching
from isthmus.alignment.free_points import Distance, FreePoints
from isthmus.alignment.lrmf import LRMF
from isthmus.alignment.mmd import median_width, squared_mmd
from isthmus.densities import Affine, Gaussian, RealNVPDensity, fit
from isthmus.densities.continuous import ContinuousFlow
from isthmus.densities.samples import as_samples, same_width
from isthmus.errors import InputError

OnStep = Callable[[int, Tensor], None]


@dataclass(frozen=True)
class Alignment:
    """The image of a sample under what a method found.

    Attributes:
        points: T(A), float64 of shape (N_A, D), in the unit of the input.
        flow: T between points in units of B's mean and deviation; None where points moved freely
            or along a velocity field.
        certificate: What LRMF says of itself on held-out points; None for other methods.
        stopped: Whether training ended early on a loss that was not finite; `points` are then
            those of the last good state.
    """

    points: npt.NDArray[np.float64]
    flow: nn.Module | None
    certificate: Certificate | None
    stopped: bool


@dataclass(frozen=True)
class _Moved:
    points: Tensor
    flow: nn.Module | None = None
    certificate: Certificate | None = None
    stopped: bool = False


def align(
    method: str,
    a: Any,
    b: Any,
    *,
    steps: int | None = None,
    seed: int = 0,
    on_step: OnStep | None = None,
) -> Alignment:
    """Move A onto B.

    Both are standardised by B's mean and deviation first, and T(A) is taken back.

    Args:
        method: A key of `ALIGNERS`.
        a: Samples of A, of shape (N_A, D).
        b: Samples of B, of shape (N_B, D).
        steps: Steps of each training; by default the method's own number.
        seed: Of initial weights and mini-batches.
        on_step: Called after each training step.

    Raises:
        InputError: The method is unknown or the samples cannot be used.
    """
    aligner = find(method)
    a, b = as_samples(a, "a").double(), as_samples(b, "b").double()
    same_width(a, b)
    mean, deviation = b.mean(0), b.std(0)
    moved = aligner.run(
        (a - mean) / deviation,
        (b - mean) / deviation,
        steps=aligner.steps if steps is None else steps,
        seed=seed,
        on_step=on_step,
    )
    points = (moved.points.double() * deviation + mean).numpy()
    return Alignment(points, moved.flow, moved.certificate, moved.stopped)


def find(method: str) -> Aligner:
    """The method of this name.

    Raises:
        InputError: There is none.
    """
    if method not in ALIGNERS:
        raise InputError(method, "no such method", mend=f"use one of {', '.join(ALIGNERS)}")
    return ALIGNERS[method]


def _moved_by(flow: nn.Module, a: Tensor, **found: Any) -> _Moved:
    with torch.no_grad():
        return _Moved(flow()(a.to(next(flow.parameters()))), flow, **found)


def _coral(a: Tensor, b: Tensor, *, steps: int, seed: int, on_step: OnStep | None) -> _Moved:
    return _moved_by(coral(a, b, match_means=True), a)


def _back_to_back(a: Tensor, b: Tensor, *, steps: int, seed: int, on_step: OnStep | None) -> _Moved:
    densities = [RealNVPDensity(x.shape[-1], seeds=seed) for x in (a, b)]
    taken = [
        int(fit(density, x, steps=steps, seeds=seed, on_step=on_step).steps)
        for density, x in zip(densities, (a, b), strict=True)
    ]
    return _moved_by(BackToBack(*densities), a, stopped=min(taken) < steps)


def _lrmf(
    a: Tensor, b: Tensor, *, steps: int, seed: int, on_step: OnStep | None, kind: str
) -> _Moved:
    width = a.shape[-1]
    models: dict[str, tuple[nn.Module | None, nn.Module | None]] = {
        "gaussian": (Gaussian(width), Affine(width)),
        "realnvp": (None, None),
        "continuous": (None, ContinuousFlow(width, seed=seed)),
    }
    density, flow = models[kind]
    aligner = LRMF(density, flow, steps=steps, seeds=seed).fit(a, b, on_step=on_step)
    result = aligner.result_
    stopped = kind != "gaussian" and int(result.steps) < steps
    return _moved_by(aligner.flow_, a, certificate=result.certificate, stopped=stopped)


def _free_points(
    a: Tensor,
    b: Tensor,
    *,
    steps: int,
    seed: int,
    on_step: OnStep | None,
    distance: Callable[[Tensor, Tensor], Distance],
) -> _Moved:
    aligner = FreePoints(distance(a, b), steps=steps).fit(a, b, on_step=on_step)
    return _Moved(aligner.points_, stopped=int(aligner.result_.steps) < steps)


def _adversarial(
    a: Tensor,
    b: Tensor,
    *,
    steps: int,
    seed: int,
    on_step: OnStep | None,
    kind: type[Adversarial],
    learning_rate: float,
) -> _Moved:
    aligner = kind(steps=steps, learning_rate=learning_rate, seeds=seed).fit(a, b, on_step=on_step)
    return _moved_by(aligner.flow_, a, stopped=aligner.result_.steps < steps)


def _flow_matching(
    a: Tensor, b: Tensor, *, steps: int, seed: int, on_step: OnStep | None
) -> _Moved:
    aligner = FlowMatching(steps=steps, seeds=seed).fit(a, b, on_step=on_step)
    return _Moved(aligner.transform(a), stopped=int(aligner.result_.steps) < steps)


@dataclass(frozen=True)
class Aligner:
    """How a method is run.

    Attributes:
        run: From standardised A and B to what moved.
        steps: Steps of each training where the caller names none; 0 for a closed form.
        trainings: How many trainings of that length it takes.
    """

    run: Callable[..., _Moved]
    steps: int = 3000
    trainings: int = 1


def _median_mmd(a: Tensor, b: Tensor) -> Distance:
    return partial(squared_mmd, width=median_width(a, b))


ALIGNERS = {
    "coral": Aligner(_coral, steps=0),
    "mmd": Aligner(partial(_free_points, distance=_median_mmd), steps=500),
    "emd": Aligner(partial(_free_points, distance=lambda a, b: emd), steps=100),
    "back-to-back": Aligner(_back_to_back, trainings=2),
    "lrmf-gaussian": Aligner(partial(_lrmf, kind="gaussian"), steps=0),
    "lrmf-realnvp": Aligner(partial(_lrmf, kind="realnvp"), trainings=3),
    "lrmf-continuous": Aligner(partial(_lrmf, kind="continuous"), trainings=3),
    "sn-gan": Aligner(partial(_adversarial, kind=SNGAN, learning_rate=2e-4)),
    "wgan-gp": Aligner(partial(_adversarial, kind=WGANGP, learning_rate=1e-4)),
    "ot-cfm": Aligner(_flow_matching),
}
"""The methods by name."""
