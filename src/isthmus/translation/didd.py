"""DIDD: translation by what two domains have in common and what each has alone (Benaim et al. 2019).

An autoencoder without a GAN on images: the code of an image is in two parts, and the part of the
guide's domain is exchanged.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, l1_loss

from isthmus.errors import InputError
from isthmus.networks.convolutional import GROUPS, SLOPE
from isthmus.networks.generator import norm
from isthmus.networks.randomness import seeded
from isthmus.translation.translator import (
    DOMAINS,
    OTHER,
    Direction,
    Domain,
    GeneratorPass,
    LearnedTranslator,
    into,
    needed,
)

PLACES = 2
"""Height and width of a code."""

WIDEST = 16
"""Channels of a whole code, in those of the first layer."""


@dataclass(frozen=True)
class DiddTerms:
    """Weights of the terms, as published.

    Attributes:
        reconstruction: L1 of an image decoded from its common and its own separate code.
        zero: Mean absolute value of the separate code of the other domain.
        confusion: Cross-entropy of the common codes, all of them called B's.
    """

    reconstruction: float = 1.0
    zero: float = 1.0
    confusion: float = 0.001


class Didd(LearnedTranslator):
    """A common encoder, a separate one for each domain, one decoder, and a classifier of domains.

    Defaults are the published sizes (Adam 2e-4 on both sides, batch 32, gradients clipped at 5).
    For 32 px on a processor: side 32, width 16, separate 12. Two things differ from what is
    published: codes are not normalised, since a norm over few places keeps a code from zero, and
    weights are not normalised by their spectrum, which the norm after them would cancel.

    Args:
        channels: Channels of the images.
        side: Height and width of the images, a power of two from 8 up; a code is 2 x 2.
        width: Channels of the first layer; every further one doubles them, up to 16 times.
        separate: Channels of a separate code, of 16 * width in all.
        groups: Of every GroupNorm; 0 for InstanceNorm, as published.
        terms: Weights; the published ones where they are left out.
        seed: Of the initial weights.

    Raises:
        InputError: A size makes no sense.
    """

    terms: DiddTerms

    def __init__(
        self,
        channels: int = 3,
        side: int = 128,
        width: int = 32,
        separate: int = 25,
        groups: int = GROUPS,
        *,
        terms: DiddTerms | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        common = WIDEST * width - 2 * separate
        if side < 4 * PLACES or side & (side - 1) or separate < 1 or common < 1:
            raise InputError(
                "didd",
                f"has side {side} and a separate code of {separate} channels at width {width}",
                mend=f"use a side of 8, 16, 32, ... and less than {WIDEST // 2} channels a width",
            )
        self.config = {
            "channels": channels,
            "side": side,
            "width": width,
            "separate": separate,
            "groups": groups,
        }
        self.terms = DiddTerms() if terms is None else terms
        halvings = (side // PLACES).bit_length() - 1
        widths = [min(width << level, WIDEST * width) for level in range(halvings - 1)]
        with seeded(seed):
            self.common = _encoder([channels, *widths], common, groups)
            self.separate = nn.ModuleDict(
                {d: _encoder([channels, *widths], separate, groups) for d in DOMAINS}
            )
            self.decoder = _decoder([WIDEST * width, *reversed(widths)], channels, groups)
            self.classifier = nn.Sequential(
                nn.Flatten(),
                nn.Linear(common * PLACES**2, WIDEST * width),
                nn.LeakyReLU(SLOPE, inplace=True),
                nn.Linear(WIDEST * width, 1),
                nn.Flatten(0),
            )

    def check(self, a: Tensor, b: Tensor) -> None:
        """Refuse what are not images of the size that the networks were made for."""
        size = (self.config["channels"], self.config["side"], self.config["side"])
        for name, x in (("a", a), ("b", b)):
            if x.shape[1:] != size:
                raise InputError(
                    name, f"has shape {tuple(x.shape)}", mend=f"give images {size}, or set side"
                )

    def generator_parameters(self) -> Iterator[nn.Parameter]:
        """Those of the encoders and the decoder."""
        return chain.from_iterable(
            part.parameters() for part in (self.common, self.separate, self.decoder)
        )

    def discriminator_parameters(self) -> Iterator[nn.Parameter]:
        """Those of the classifier of domains."""
        return self.classifier.parameters()

    def translate(self, x: Tensor, direction: Direction, guide: Tensor | None = None) -> Tensor:
        """What `x` has in common with the domain, and what the guide has alone; see `Translator`."""
        target = into(direction)
        own = self.separate[target](needed(guide, x))
        return self.decoder(_code(self.common(x), own, target))

    def generator_losses(self, a: Tensor, b: Tensor, noise: torch.Generator) -> GeneratorPass:
        """All terms on one batch, each summed over the two domains.

        With C the common and P_d the separate encoder of domain d (o the other one), G the decoder
        and D the classifier's probability of A: mean |G(C(x_d), P_d(x_d), 0) - x_d|, mean
        |P_d(x_o)|, and mean -log(1 - D(C(x_d))). The last asks for the name B in both domains, as
        published. Nothing is drawn and nothing translated in training.

        Args:
            a: Images of A, `(n, channels, side, side)` in [-1, 1].
            b: Images of B, likewise.
            noise: Not used.
        """
        t, x, counts = self.terms, {"a": a, "b": b}, [len(a), len(b)]
        both = torch.cat([a, b])

        def apart(values: Tensor) -> dict[Domain, Tensor]:
            return dict(zip(DOMAINS, values.split(counts), strict=True))

        codes = self.common(both)
        common = apart(codes)
        separate = {d: apart(self.separate[d](both)) for d in DOMAINS}
        decoded = apart(
            self.decoder(torch.cat([_code(common[d], separate[d][d], d) for d in DOMAINS]))
        )
        logits = apart(self.classifier(codes))
        terms: dict[str, Tensor] = {}
        for d in DOMAINS:
            terms[f"reconstruction/{d}"] = t.reconstruction * l1_loss(decoded[d], x[d])
            terms[f"zero/{d}"] = t.zero * separate[d][OTHER[d]].abs().mean()
            terms[f"confusion/{d}"] = t.confusion * _entropy(logits[d], "b")
        return GeneratorPass(terms)

    def discriminator_losses(
        self,
        a: Tensor,
        b: Tensor,
        translations: dict[str, Tensor],
        reconstructions: dict[str, Tensor],
        noise: torch.Generator,
    ) -> dict[str, Tensor]:
        """Cross-entropy of the common codes under their true domains, `classifier/a` and `/b`."""
        with torch.no_grad():
            codes = self.common(torch.cat([a, b]))
        parts = self.classifier(codes).split([len(a), len(b)])
        return {
            f"classifier/{d}": _entropy(logits, d) for d, logits in zip(DOMAINS, parts, strict=True)
        }


def _code(common: Tensor, own: Tensor, domain: Domain) -> Tensor:
    """Common code, A's and B's along the channels, zeros where an image of the domain has none."""
    parts = {domain: own, OTHER[domain]: torch.zeros_like(own)}
    return torch.cat([common, parts["a"], parts["b"]], 1)


def _entropy(logits: Tensor, domain: Domain) -> Tensor:
    """Mean -log of the probability of a domain, from the logits of A."""
    return binary_cross_entropy_with_logits(logits, torch.full_like(logits, float(domain == "a")))


def _encoder(widths: list[int], code: int, groups: int) -> nn.Sequential:
    """Convolutions of 4 x 4 and stride 2 through the widths, and a linear one to the code."""
    layers: list[nn.Module] = []
    for channels, wider in pairwise(widths):
        layers += [
            nn.Conv2d(channels, wider, 4, 2, 1, bias=False),
            norm(wider, groups),
            nn.LeakyReLU(SLOPE, inplace=True),
        ]
    return nn.Sequential(*layers, nn.Conv2d(widths[-1], code, 4, 2, 1))


def _decoder(widths: list[int], channels: int, groups: int) -> nn.Sequential:
    """The mirror image of `_encoder`, to images in (-1, 1)."""
    layers: list[nn.Module] = []
    for wide, narrower in pairwise(widths):
        layers += [
            nn.ConvTranspose2d(wide, narrower, 4, 2, 1, bias=False),
            norm(narrower, groups),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers, nn.ConvTranspose2d(widths[-1], channels, 4, 2, 1), nn.Tanh())
