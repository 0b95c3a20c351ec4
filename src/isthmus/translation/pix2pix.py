"""pix2pix: supervised translation, a bound for what is learnt without pairs (Isola et al. 2017)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss, softplus

from isthmus.errors import InputError
from isthmus.networks.convolutional import GROUPS
from isthmus.networks.patch import PatchDiscriminator
from isthmus.networks.randomness import seeded
from isthmus.networks.unet import UNet
from isthmus.translation.translator import (
    DOMAINS,
    OTHER,
    Direction,
    GeneratorPass,
    LearnedTranslator,
    check_images,
    into,
)


@dataclass(frozen=True)
class Pix2PixTerms:
    """Weights of the terms, as published.

    Attributes:
        gan: GAN on pairs, with the logarithm and the generator's loss that does not saturate.
        l1: L1 to the image that belongs to the source.
    """

    gan: float = 1.0
    l1: float = 100.0


class Pix2Pix(LearnedTranslator):
    """Into each domain a U-Net, and a discriminator of pairs; the two directions share nothing.

    It is trained on pairs: row i of A and row i of B belong together, in all data and in every
    batch. Defaults are the published sizes but for the norm, see `UNet` (Adam 2e-4 on both sides).
    For 32 px on a processor: width 16, 5 halvings, dropped 0, discriminator width 16, levels 2.

    Args:
        channels: Channels of the images.
        width: Channels of the U-Nets' first layer.
        halvings: Of the U-Nets; image sides are multiples of 2 to that power.
        dropped: Doublings under dropout, in training alone.
        groups: Of every GroupNorm; 0 for InstanceNorm.
        discriminator_width: Channels of the discriminators' first layer.
        levels: Halvings in the discriminators; images need at least 4 pixels times 2^levels a side.
        terms: Weights; the published ones where they are left out.
        seed: Of the initial weights.

    Raises:
        InputError: A size makes no sense.
    """

    paired: ClassVar[bool] = True
    terms: Pix2PixTerms

    def __init__(
        self,
        channels: int = 3,
        width: int = 64,
        halvings: int = 8,
        dropped: int = 3,
        groups: int = GROUPS,
        discriminator_width: int = 64,
        levels: int = 3,
        *,
        terms: Pix2PixTerms | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.config = {
            "channels": channels,
            "width": width,
            "halvings": halvings,
            "dropped": dropped,
            "groups": groups,
            "discriminator_width": discriminator_width,
            "levels": levels,
        }
        self.terms = Pix2PixTerms() if terms is None else terms
        sizes = (channels, channels, width, halvings)
        with seeded(seed):
            self.into = nn.ModuleDict(
                {d: UNet(*sizes, dropped=dropped, groups=groups) for d in DOMAINS}
            )
            self.judges = nn.ModuleDict(
                {
                    d: PatchDiscriminator(2 * channels, discriminator_width, levels, groups=groups)
                    for d in DOMAINS
                }
            )

    def check(self, a: Tensor, b: Tensor) -> None:
        """Refuse what are not pairs of images of one size that the networks take."""
        least = 4 << self.config["levels"]
        check_images(a, b, channels=self.config["channels"], least=least)
        if len(a) != len(b):
            mend = "give pairs, row i of a and row i of b"
            raise InputError("b", f"holds {len(b)} images, a {len(a)}", mend=mend)
        step = 1 << self.config["halvings"]
        if a.shape[-1] % step:
            mend = f"use a multiple of {step}, or fewer halvings"
            raise InputError("a", f"has side {a.shape[-1]}", mend=mend)

    def generator_parameters(self) -> Iterator[nn.Parameter]:
        """Those of both U-Nets."""
        return self.into.parameters()

    def discriminator_parameters(self) -> Iterator[nn.Parameter]:
        """Those of both discriminators."""
        return self.judges.parameters()

    def translate(self, x: Tensor, direction: Direction, guide: Tensor | None = None) -> Tensor:
        """Translations of `x` without dropout, the same under every guide; see `Translator`."""
        return self.into[into(direction)](x)

    def generator_losses(self, a: Tensor, b: Tensor, noise: torch.Generator) -> GeneratorPass:
        """GAN and L1 on one batch of pairs, each summed over the two directions.

        What is made for a pair goes with it to the discriminators, never through a history, which
        would tear pairs apart.

        Args:
            a: Images of A, `(n, channels, side, side)` in [-1, 1].
            b: Those of B that belong to them.
            noise: Of the dropout.
        """
        t, x = self.terms, {"a": a, "b": b}
        terms: dict[str, Tensor] = {}
        made: dict[str, Tensor] = {}
        for d in DOMAINS:
            source = x[OTHER[d]]
            made[d] = self.into[d](source, noise)
            scores = self.judges[d](torch.cat([source, made[d]], 1))
            terms[f"gan/{d}"] = t.gan * softplus(-scores).mean()
            terms[f"l1/{d}"] = t.l1 * l1_loss(made[d], x[d])
        return GeneratorPass(terms, reconstructions=made)

    def discriminator_losses(
        self,
        a: Tensor,
        b: Tensor,
        translations: dict[str, Tensor],
        reconstructions: dict[str, Tensor],
        noise: torch.Generator,
    ) -> dict[str, Tensor]:
        """Of each direction, mean log(1 + e^-D(x, y)) + mean log(1 + e^D(x, y')), y' made from x."""
        x, terms = {"a": a, "b": b}, {}
        for d in DOMAINS:
            source = x[OTHER[d]]
            pairs = [torch.cat([source, image], 1) for image in (x[d], reconstructions[d])]
            real, fake = self.judges[d](torch.cat(pairs)).chunk(2)
            terms[f"discriminator/{d}"] = softplus(-real).mean() + softplus(fake).mean()
        return terms
