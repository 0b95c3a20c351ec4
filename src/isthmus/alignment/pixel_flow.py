"""LRMF in pixel space with a small Glow: the failure that its loss announces, and its control run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

from isthmus.alignment.back_to_back import BackToBack
from isthmus.alignment.certificate import Certificate, certify
from isthmus.alignment.lrmf import LRMF
from isthmus.attributes.digits import Classifier
from isthmus.attributes.domain import audit
from isthmus.densities import fit
from isthmus.densities.glow import Glow, GlowDensity
from isthmus.errors import InputError
from isthmus.metrics.classification import accuracy, kept
from isthmus.networks.images import as_images
from isthmus.networks.randomness import generator
from isthmus.seeding import derive

NOISE = 0.05
"""Half width of the uniform noise that gives pixels a density, as published."""

NOISES = 4
"""Draws of the noise for each training image, so that no flow learns one of them by heart."""


@dataclass(frozen=True)
class Pixels:
    """How grey images become the points that a flow moves, in a unit in which B has unit scale.

    One mean and one standard deviation serve all pixels: those at the edge of digits are black but
    for the noise, and a unit of their own would blow it up. L does not depend on the unit.

    Attributes:
        side: Side of the images in pixels.
        mean: Mean of all pixels of B.
        scale: Their standard deviation.
    """

    side: int
    mean: float
    scale: float

    @classmethod
    def of(cls, b: Tensor, side: int) -> Self:
        """The unit of images of B, `(n, 1, s, s)` in [0, 1], where s is a multiple of the side.

        Raises:
            InputError: It is none.
        """
        if side < 1 or b.shape[-1] % side:
            raise InputError(
                "side",
                f"is {side}, which {b.shape[-1]} pixels cannot be pooled to",
                mend=f"use a divisor of {b.shape[-1]}",
            )
        pooled = adaptive_avg_pool2d(b, side)
        return cls(side, float(pooled.mean()), float(pooled.std()))

    def points(self, images: Tensor, noise: torch.Generator) -> Tensor:
        """Images pooled to the side, with noise U(-0.05, 0.05) added: points `(n, side ** 2)`."""
        pooled = adaptive_avg_pool2d(images, self.side).flatten(1)
        drawn = (2 * torch.rand(pooled.shape, generator=noise) - 1) * NOISE
        return (pooled + drawn - self.mean) / self.scale

    def images(self, points: Tensor) -> Tensor:
        """Points as images `(n, 1, side, side)`, cut to [0, 1]."""
        return (points * self.scale + self.mean).view(-1, 1, self.side, self.side).clamp(0, 1)


@dataclass(frozen=True)
class Run:
    """One run of LRMF.

    Attributes:
        initial: The certificate before the first step.
        final: The certificate after the last one.
        curve: L in nats on the mini-batch of each step, of shape `(steps,)`.
        moved: T of the held-out points of A.
    """

    initial: Certificate
    final: Certificate
    curve: Tensor
    moved: Tensor


@dataclass(frozen=True)
class PixelFlow:
    """What `pixel_flow` found.

    Attributes:
        pixels: How points are to be read as images.
        a: Held-out points of A.
        b: Held-out points of B.
        private_nll: Negative log-likelihood of these under the private densities of A and B, in
            nats in the unit of the points.
        runs: By name, "lrmf-identity" and "lrmf-back-to-back".
    """

    pixels: Pixels
    a: Tensor
    b: Tensor
    private_nll: tuple[float, float]
    runs: Mapping[str, Run]

    @property
    def clouds(self) -> dict[str, Tensor]:
        """A as it is, "none", and T(A) of each run."""
        return {"none": self.a, **{name: run.moved for name, run in self.runs.items()}}


def pixel_flow(
    train: tuple[Any, Any],
    test: tuple[Any, Any],
    *,
    side: int = 8,
    levels: int = 2,
    flow_steps: int = 4,
    filters: int = 32,
    steps: int = 600,
    batch_size: int = 64,
    private_learning_rate: float = 2e-3,
    learning_rate: float = 2e-4,
    seed: int = 0,
) -> PixelFlow:
    """Align images of A to images of B in pixel space twice, from two starts (Usman et al. 2020).

    First a private Glow is fitted to A and one to B. Then LRMF starts once with T at the identity
    and a fresh S, and once, as the control, with T = F o G^-1 of the private Glows and with the
    private Glow of B as S, where L = 0 at the first step. All four trainings take as many steps.

    Args:
        train: Images of A and of B, floats `(n, 1, s, s)` in [0, 1], s a multiple of `side`.
        test: Held-out images of A and of B to certify on, likewise.
        side: Side in pixels to which they are pooled, a multiple of 2 ** levels.
        levels: Levels of each Glow.
        flow_steps: Steps of flow in a level, even.
        filters: Channels of the hidden layers of the couplings.
        steps: Steps of Adam in each training.
        batch_size: Images of each domain in a step.
        private_learning_rate: Adam's step size at the start, for the private densities; half a
            cosine lowers it to zero.
        learning_rate: The same for LRMF: a tenth, as published.
        seed: Of the noise, the weights and the batches.

    Returns:
        Both runs, ready for `judge`.

    Raises:
        InputError: The images cannot be used, or a size makes no sense.
    """
    sets = {
        f"{split} {name}": as_images(images, f"{split} {name}")
        for split, pair in (("train", train), ("test", test))
        for name, images in zip("ab", pair, strict=True)
    }
    pixels = Pixels.of(sets["train b"], side)
    a, b, test_a, test_b = (
        pixels.points(
            images.repeat(NOISES if name.startswith("train") else 1, 1, 1, 1),
            generator(seed, f"noise {name}"),
        )
        for name, images in sets.items()
    )
    shape = (1, side, side)
    sizes = {"levels": levels, "steps": flow_steps, "filters": filters}
    training: dict[str, Any] = {"steps": steps, "batch_size": batch_size}
    private_a, private_b = (
        GlowDensity(shape, **sizes, seed=derive(seed, f"private {name}")) for name in "ab"
    )
    fits = [
        fit(
            density,
            x,
            held_out=held_out,
            learning_rate=private_learning_rate,
            seeds=derive(seed, f"fit {name}"),
            **training,
        )
        for density, x, held_out, name in (
            (private_a, a, test_a, "a"),
            (private_b, b, test_b, "b"),
        )
    ]
    starts: dict[str, tuple[nn.Module, nn.Module]] = {
        "lrmf-identity": (
            GlowDensity(shape, **sizes, seed=derive(seed, "S")),
            Glow(shape, **sizes, seed=derive(seed, "T")),
        ),
        "lrmf-back-to-back": (private_b, BackToBack(private_a, private_b)),
    }
    runs = {}
    for name, (shared, flow) in starts.items():
        initial = certify(flow, shared, (private_a, private_b), test_a, test_b)
        model = LRMF(
            shared, flow, learning_rate=learning_rate, seeds=derive(seed, name), **training
        )
        model.fit(a, b, held_out=(test_a, test_b), private=(private_a, private_b))
        result = model.result_
        runs[name] = Run(initial[0], result.certificate, result.curve, model.transform(test_a))
    nll = float(fits[0].nll), float(fits[1].nll)
    return PixelFlow(pixels, test_a, test_b, nll, runs)


def judge(
    found: PixelFlow, images: Any, digits: npt.ArrayLike, classifier: Classifier, *, seed: int = 0
) -> dict[str, dict[str, float]]:
    """How well each run did: by its own loss, to a domain classifier, and to a digit classifier.

    Args:
        found: What `pixel_flow` found.
        images: The held-out images of A it was given.
        digits: Their classes.
        classifier: A classifier of B's digits; it sees each pixel of T(A) as a block of pixels.
        seed: Of the domain classifier.

    Returns:
        By method, "none" among them, `domain_accuracy` (share of T(A) and B told apart, 0.5 at
        best), `kept` (share of T(A) with the class that the classifier gives the image of A),
        `accuracy` (share with the class the digit has); for the runs also `loss`, `loss_error` and
        `loss_initial`, the certificates in nats.

    Raises:
        InputError: The images are not those of the runs, or their size is not the classifier's.
    """
    block = classifier.side // found.pixels.side
    before = classifier.predict(images).argmax(1)
    figures: dict[str, dict[str, float]] = {}
    for name, points in found.clouds.items():
        shown = found.pixels.images(points).repeat_interleave(block, 2).repeat_interleave(block, 3)
        after = classifier.predict(shown).argmax(1)
        figures[name] = {
            "domain_accuracy": audit(points, found.b, seed=derive(seed, "audit")).value,
            "kept": kept(before, after).value,
            "accuracy": accuracy(after, digits).value,
        }
    for name, run in found.runs.items():
        figures[name] |= {
            "loss": run.final.value,
            "loss_error": run.final.error,
            "loss_initial": run.initial.value,
        }
    return figures
