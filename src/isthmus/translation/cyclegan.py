"""CycleGAN (Zhu et al. 2017), with or without self-defence (Bashkirova, Usman, Saenko 2019).

It is RIFT with the embedding drowned: no guide gets through.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import l1_loss

from isthmus.translation.cyclic import CyclicTranslator
from isthmus.translation.translator import (
    DOMAINS,
    OTHER,
    Direction,
    GeneratorPass,
    into,
    with_noise,
)


@dataclass(frozen=True)
class CycleGanTerms:
    """Weights of the terms; with `noise` and `guess` at 0 the plain CycleGAN.

    Attributes:
        gan: Least-squares GAN on translations.
        cycle_a: L1 of A's reconstructions.
        cycle_b: L1 of B's reconstructions.
        identity: Of the L1 of an image translated into its own domain, in that domain's cycle
            weight.
        noise: Standard deviation of what is added to a translation before it is translated back,
            for images in [-1, 1]. Published: 0.1.
        guess: Loss against the guess discriminators. Published: 2 up to the cycle weight.
    """

    gan: float = 1.0
    cycle_a: float = 10.0
    cycle_b: float = 10.0
    identity: float = 0.5
    noise: float = 0.0
    guess: float = 0.0


class CycleGan(CyclicTranslator):
    """Two generators, and no way for a guide; arguments are those of `CyclicTranslator`."""

    embedding = 0
    standard = CycleGanTerms()
    terms: CycleGanTerms

    def translate(self, x: Tensor, direction: Direction, guide: Tensor | None = None) -> Tensor:
        """Translations of `x`, the same under every guide; see `Translator`."""
        return self.into[into(direction)](x)

    def generator_losses(self, a: Tensor, b: Tensor, noise: torch.Generator) -> GeneratorPass:
        """GAN, cycle, and where they have a weight identity and guess, each summed over domains.

        The discriminators and the identity see images without noise.

        Args:
            a: Images of A, `(n, channels, side, side)` in [-1, 1].
            b: Images of B, likewise.
            noise: Of the translations.
        """
        t, x = self.terms, {"a": a, "b": b}
        weights = {"a": t.cycle_a, "b": t.cycle_b}
        terms: dict[str, Tensor] = {}
        translated: dict[str, Tensor] = {}
        for d in DOMAINS:
            inputs = [x[OTHER[d]], x[d]] if t.identity else [x[OTHER[d]]]
            translated[d], *same = self.into[d](torch.cat(inputs)).split([len(i) for i in inputs])
            for image in same:
                terms[f"identity/{d}"] = t.identity * weights[d] * l1_loss(image, x[d])

        cycled: dict[str, Tensor] = {}
        for d in DOMAINS:
            cycled[d] = self.into[d](with_noise(translated[OTHER[d]], t.noise, noise))
            terms[f"cycle/{d}"] = weights[d] * l1_loss(cycled[d], x[d])
            terms[f"gan/{d}"] = t.gan * self.adversaries.deceive(d, translated[d])
            if t.guess:
                terms[f"guess/{d}"] = t.guess * self.adversaries.confuse(d, x[d], cycled[d])
        return GeneratorPass(terms, translated, cycled if t.guess else {})
