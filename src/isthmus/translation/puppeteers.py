"""PuppetGAN, its ablations and its rivals, by name: what each learns from, and how it is driven."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from isthmus.translation.benchmark import Method
from isthmus.translation.cyclevae import CycleVae, CycleVaeTerms
from isthmus.translation.dida import Dida, DidaTerms, labelled
from isthmus.translation.munit import Munit, MunitTerms
from isthmus.translation.puppetgan import PuppetGan, PuppetTerms
from isthmus.translation.translator import LearnedTranslator, to_bytes, to_unit

CLASSES = 10
"""Bins of the attribute that DiDA takes for labels."""

CHUNK = 500
"""Images driven at a time."""

Lesson = Callable[[Tensor, npt.NDArray[np.float64]], Tensor]
"""Domain B for the trainer, from triplets `(n, 3, c, side, side)` and their attributes `(n, 3)`."""

Drive = Callable[[LearnedTranslator, Tensor, Tensor], Tensor]
"""Images of A from real images and as many synthetic guides, all in [-1, 1]."""


def whole(triplets: Tensor, attributes: npt.NDArray[np.float64]) -> Tensor:
    """The triplets as they are."""
    return triplets


def singly(triplets: Tensor, attributes: npt.NDArray[np.float64]) -> Tensor:
    """Their images, which nothing holds together."""
    return triplets.flatten(0, 1)


def binned(triplets: Tensor, attributes: npt.NDArray[np.float64]) -> Tensor:
    """Their images with the attribute as a label: equal bins from the lowest value to the highest."""
    edges = np.linspace(attributes.min(), attributes.max(), CLASSES + 1)[1:-1]
    labels = np.searchsorted(edges, attributes.ravel(), side="right")
    return labelled(triplets.flatten(0, 1), torch.from_numpy(labels))


def guided(model: LearnedTranslator, real: Tensor, guide: Tensor) -> Tensor:
    """The real image with what the guide supplies."""
    return model.translate(real, "a2b", guide)


def translated(model: LearnedTranslator, real: Tensor, guide: Tensor) -> Tensor:
    """The guide as a real image: without demonstrations nothing says what to take of it."""
    return model.translate(guide, "a2b", guide)


def styled(model: LearnedTranslator, real: Tensor, guide: Tensor) -> Tensor:
    """MUNIT's content of the real image and style of the guide, decoded as a real image."""
    assert isinstance(model, Munit)
    content, _ = model.encode(real, "a")
    _, style = model.encode(guide, "b")
    return model.decoders["a"](content, style)


class Puppeteer(NamedTuple):
    """A method.

    Attributes:
        method: Its kind of translator and its terms.
        lesson: What it learns from.
        drive: How it is used.
        far: Whether its synthetic images are those whose rest is far from that of the real ones.
    """

    method: Method
    lesson: Lesson = whole
    drive: Drive = guided
    far: bool = False


PUPPETGAN = Method(PuppetGan, PuppetTerms)

PUPPETEERS: Mapping[str, Puppeteer] = {
    "puppetgan": Puppeteer(PUPPETGAN),
    "cyclegan": Puppeteer(PUPPETGAN, drive=translated),
    "dida": Puppeteer(Method(Dida, DidaTerms), binned),
    "munit": Puppeteer(Method(Munit, MunitTerms), singly, styled),
    "cycle-vae": Puppeteer(Method(CycleVae, CycleVaeTerms)),
    "puppetgan-dagger": Puppeteer(PUPPETGAN, far=True),
    "puppetgan-no-attribute-cycle": Puppeteer(PUPPETGAN),
    "puppetgan-no-noise": Puppeteer(PUPPETGAN),
    "puppetgan-no-gan": Puppeteer(PUPPETGAN),
    "puppetgan-separate": Puppeteer(PUPPETGAN),
    "puppetgan-short-code": Puppeteer(PUPPETGAN),
}
"""The methods by name; some differ in their weights or sizes alone."""


@torch.no_grad()
def driven(model: LearnedTranslator, drive: Drive, reals: Tensor, guides: Tensor) -> Tensor:
    """Every real image under every guide, in evaluation mode.

    Args:
        model: The translator.
        drive: How it is used.
        reals: uint8 `(r, c, side, side)`.
        guides: uint8 `(..., c, side, side)`.

    Returns:
        uint8 `(r, ..., c, side, side)`.
    """
    flat = guides.flatten(0, -4)
    model.eval()
    real, guide = (
        rows.flatten()
        for rows in torch.meshgrid(torch.arange(len(reals)), torch.arange(len(flat)), indexing="ij")
    )
    done = [
        to_bytes(drive(model, to_unit(reals[r]), to_unit(flat[g])))
        for r, g in zip(real.split(CHUNK), guide.split(CHUNK), strict=True)
    ]
    return torch.cat(done).reshape(len(reals), *guides.shape)
