"""UNIT: translation through one code that both domains are encoded into (Liu et al. 2017).

As released by its authors, where the two autoencoders share no weights: that the codes mean the
same is left to the discriminators and the cycle.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss

from isthmus.errors import InputError
from isthmus.networks.adain import content_encoder
from isthmus.networks.convolutional import GROUPS
from isthmus.networks.generator import SHRINKING, ResidualBlock, norm
from isthmus.networks.randomness import seeded
from isthmus.translation import losses
from isthmus.translation.munit import MultiScaleDiscriminator
from isthmus.translation.translator import (
    DOMAINS,
    OTHER,
    Direction,
    GeneratorPass,
    LearnedTranslator,
    check_images,
    into,
    with_noise,
)


@dataclass(frozen=True)
class UnitTerms:
    """Weights of the terms, as published.

    Attributes:
        gan: Least-squares GAN on translations, summed over the scales.
        image: L1 of an image decoded from its own code.
        code: Mean square of the codes of images, the Kullback-Leibler divergence of N(code, I)
            from N(0, I) up to a factor.
        cycle: L1 of a translation that is translated back.
        cycle_code: Mean square of the codes of translations.
        noise: Standard deviation of what is added to every code in training.
    """

    gan: float = 1.0
    image: float = 10.0
    code: float = 0.01
    cycle: float = 10.0
    cycle_code: float = 0.01
    noise: float = 1.0


class Unit(LearnedTranslator):
    """In each domain an encoder, a decoder, and discriminators at several scales.

    Defaults are the published sizes, but for the discriminators' norm (Adam 1e-4 on both sides). For
    32 px on a processor: width 16, fold 2, discriminator width 16, levels 2, scales 2.

    Args:
        channels: Channels of the images.
        width: Channels of the encoders' first layer.
        blocks: Residual blocks of an encoder, and of a decoder.
        fold: See `isthmus.networks.adain.content_encoder`.
        groups: Of the discriminators' GroupNorm; 0 for InstanceNorm.
        discriminator_width: Channels of a discriminator's first layer.
        levels: Halvings in a discriminator.
        scales: Discriminators a domain. Images need at least 4 pixels times 2^(levels + scales - 1)
            a side.
        terms: Weights; the published ones where they are left out.
        seed: Of the initial weights.

    Raises:
        InputError: A size makes no sense.
    """

    terms: UnitTerms

    def __init__(
        self,
        channels: int = 3,
        width: int = 64,
        blocks: int = 4,
        fold: int = 1,
        groups: int = GROUPS,
        discriminator_width: int = 64,
        levels: int = 3,
        scales: int = 3,
        *,
        terms: UnitTerms | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if min(blocks, scales) < 1:
            mend = "use at least one of each"
            raise InputError("unit", f"has {blocks} blocks and {scales} scales", mend=mend)
        self.config = {
            "channels": channels,
            "width": width,
            "blocks": blocks,
            "fold": fold,
            "groups": groups,
            "discriminator_width": discriminator_width,
            "levels": levels,
            "scales": scales,
        }
        self.terms = UnitTerms() if terms is None else terms
        with seeded(seed):
            self.encoders = nn.ModuleDict(
                {d: content_encoder(channels, width, blocks, fold=fold) for d in DOMAINS}
            )
            self.decoders = nn.ModuleDict(
                {d: decoder(channels, width, blocks, fold=fold) for d in DOMAINS}
            )
            self.judges = nn.ModuleDict(
                {
                    d: MultiScaleDiscriminator(
                        channels, discriminator_width, levels, scales, groups=groups
                    )
                    for d in DOMAINS
                }
            )

    def check(self, a: Tensor, b: Tensor) -> None:
        """Refuse what are not images of one size that the networks take."""
        least = 4 << self.config["levels"] + self.config["scales"] - 1
        check_images(a, b, channels=self.config["channels"], least=least)

    def generator_parameters(self) -> Iterator[nn.Parameter]:
        """Those of the encoders and decoders."""
        return chain.from_iterable(part.parameters() for part in (self.encoders, self.decoders))

    def discriminator_parameters(self) -> Iterator[nn.Parameter]:
        """Those of the discriminators of both domains."""
        return self.judges.parameters()

    def translate(self, x: Tensor, direction: Direction, guide: Tensor | None = None) -> Tensor:
        """`x` decoded into the other domain, the same under every guide; see `Translator`."""
        target = into(direction)
        return self.decoders[target](self.encoders[OTHER[target]](x))

    def generator_losses(self, a: Tensor, b: Tensor, noise: torch.Generator) -> GeneratorPass:
        """All terms on one batch, each summed over the two domains.

        With h_d = E_d(x_d) the code of a domain's own image, n ~ N(0, noise^2) drawn anew for every
        code, G_d the decoder into domain d (o the other one): y_d = G_d(h_o + n_o) is the
        translation; x_d is compared with G_d(h_d + n_d), and in the cycle with G_d(h'_d + n'_d),
        where h'_d = E_o(y_o). The codes h_d and h'_d are kept small.

        Args:
            a: Images of A, `(n, channels, side, side)` in [-1, 1].
            b: Images of B, likewise.
            noise: Of the codes.
        """
        t, x = self.terms, {"a": a, "b": b}
        codes = {d: self.encoders[d](x[d]) for d in DOMAINS}
        noisy = {d: with_noise(codes[d], t.noise, noise) for d in DOMAINS}
        terms: dict[str, Tensor] = {}
        translated: dict[str, Tensor] = {}
        again: dict[str, Tensor] = {}
        for d in DOMAINS:
            o = OTHER[d]
            decoded = self.decoders[d](torch.cat([noisy[d], noisy[o]]))
            image, translated[d] = decoded.split([len(x[d]), len(x[o])])
            again[o] = self.encoders[d](translated[d])
            terms[f"image/{d}"] = t.image * l1_loss(image, x[d])
            terms[f"code/{d}"] = t.code * codes[d].square().mean()
            scores = self.judges[d](translated[d])
            terms[f"gan/{d}"] = t.gan * torch.stack([*map(losses.lsgan_generator, scores)]).sum()
        for d in DOMAINS:
            cycled = self.decoders[d](with_noise(again[d], t.noise, noise))
            terms[f"cycle/{d}"] = t.cycle * l1_loss(cycled, x[d])
            terms[f"cycle_code/{d}"] = t.cycle_code * again[d].square().mean()
        return GeneratorPass(terms, translated)

    def discriminator_losses(
        self,
        a: Tensor,
        b: Tensor,
        translations: dict[str, Tensor],
        reconstructions: dict[str, Tensor],
        noise: torch.Generator,
    ) -> dict[str, Tensor]:
        """Least squares, `discriminator/a` and `discriminator/b`, each summed over the scales."""
        terms = {}
        for d, real in (("a", a), ("b", b)):
            counts = [len(real), len(translations[d])]
            scores = self.judges[d](torch.cat([real, translations[d]]))
            parts = [losses.lsgan_discriminator(*each.split(counts)) for each in scores]
            terms[f"discriminator/{d}"] = torch.stack(parts).sum()
        return terms


def decoder(channels: int, width: int, blocks: int, *, fold: int = 1) -> nn.Sequential:
    """The way back from `content_encoder`, with the same arguments: to images in (-1, 1).

    Residual blocks under InstanceNorm, then two doublings, which repeat every place and convolve by
    5 x 5 under a norm over the whole image (layer norm).
    """
    maps, kernel = SHRINKING * width, 7 if fold == 1 else 3
    layers: list[nn.Module] = [ResidualBlock(maps, 0) for _ in range(blocks)]
    for _ in range(int(math.log2(SHRINKING // fold))):
        layers += [
            nn.Upsample(scale_factor=2),
            nn.Conv2d(maps, maps // 2, 5, padding=2, bias=False),
            norm(maps // 2, 1),
            nn.ReLU(inplace=True),
        ]
        maps //= 2
    layers += [nn.Conv2d(maps, channels * fold**2, kernel, padding=kernel // 2)]
    layers += [nn.PixelShuffle(fold)] if fold > 1 else []
    return nn.Sequential(*layers, nn.Tanh())
