"""MUNIT: translation that gives the content of one image the style of another (Huang et al. 2018).

Which factor is style and which is content is not learnt from the two domains but is laid down by
the networks: style is what can be said by the means and deviations of channels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, l1_loss

from isthmus.errors import InputError
from isthmus.networks.adain import (
    STYLE_HALVINGS,
    AdaINDecoder,
    content_encoder,
    style_encoder,
)
from isthmus.networks.convolutional import GROUPS
from isthmus.networks.patch import PatchDiscriminator
from isthmus.networks.randomness import seeded
from isthmus.translation import losses
from isthmus.translation.translator import (
    DOMAINS,
    OTHER,
    Direction,
    Domain,
    GeneratorPass,
    LearnedTranslator,
    check_images,
    into,
    needed,
)


@dataclass(frozen=True)
class MunitTerms:
    """Weights of the terms, as published.

    Attributes:
        gan: Least-squares GAN on translations, summed over the scales.
        image: L1 of an image decoded from its own content and style.
        content: L1 of the content of a translation to the source's.
        style: L1 of the style of a translation to the one that was drawn for it.
        cycle: L1 of a translation that is translated back under its source's own style. Published:
            0, or 10 for scenes.
    """

    gan: float = 1.0
    image: float = 10.0
    content: float = 1.0
    style: float = 1.0
    cycle: float = 0.0


CYCLE_TERMS = MunitTerms(cycle=10.0)
"""MUNIT + cycle, the published setting for scenes."""


class Munit(LearnedTranslator):
    """In each domain a content encoder, a style encoder, a decoder, and discriminators.

    Defaults are the published sizes. For 32 px on a processor: width 16, 4 blocks, fold 2,
    discriminator width 16, levels 2, scales 2; for 64 px at full size: levels 2.

    Args:
        channels: Channels of the images.
        width: Channels of the encoders' first layer, see `isthmus.networks.adain`.
        blocks: Residual blocks of a content encoder, and AdaIN blocks of a decoder.
        fold: See `content_encoder`.
        groups: Of the discriminators' GroupNorm; 0 for InstanceNorm. The encoders and decoders have
            the norms that the method is made of.
        discriminator_width: Channels of a discriminator's first layer.
        levels: Halvings in a discriminator.
        scales: Discriminators a domain. Images need at least 4 pixels times 2^(levels + scales - 1)
            a side, and 16.
        style: Numbers in a style.
        terms: Weights; the published ones where they are left out.
        seed: Of the initial weights.

    Raises:
        InputError: A size makes no sense.
    """

    terms: MunitTerms

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
        style: int = 8,
        *,
        terms: MunitTerms | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if min(blocks, scales, style) < 1:
            raise InputError(
                "munit",
                f"has {blocks} blocks, {scales} scales and a style of {style}",
                mend="use at least one of each",
            )
        self.config = {
            "channels": channels,
            "width": width,
            "blocks": blocks,
            "fold": fold,
            "groups": groups,
            "discriminator_width": discriminator_width,
            "levels": levels,
            "scales": scales,
            "style": style,
        }
        self.terms = MunitTerms() if terms is None else terms
        with seeded(seed):
            self.contents = nn.ModuleDict(
                {d: content_encoder(channels, width, blocks, fold=fold) for d in DOMAINS}
            )
            self.styles = nn.ModuleDict(
                {d: style_encoder(channels, width, style, fold=fold) for d in DOMAINS}
            )
            self.decoders = nn.ModuleDict(
                {d: AdaINDecoder(channels, width, blocks, style, fold=fold) for d in DOMAINS}
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
        judged = 4 << self.config["levels"] + self.config["scales"] - 1
        least = max(judged, 1 << STYLE_HALVINGS)
        check_images(a, b, channels=self.config["channels"], least=least)

    def generator_parameters(self) -> Iterator[nn.Parameter]:
        """Those of the encoders and decoders."""
        return chain.from_iterable(
            part.parameters() for part in (self.contents, self.styles, self.decoders)
        )

    def discriminator_parameters(self) -> Iterator[nn.Parameter]:
        """Those of the discriminators of both domains."""
        return self.judges.parameters()

    def encode(self, x: Tensor, domain: Domain) -> tuple[Tensor, Tensor]:
        """Content `(n, 4 * width, side / 4, side / 4)` and style `(n, style)` of a domain's images."""
        return self.contents[domain](x), self.styles[domain](x)

    def translate(self, x: Tensor, direction: Direction, guide: Tensor | None = None) -> Tensor:
        """The content of `x` in the style of the guide; see `Translator`."""
        target = into(direction)
        content = self.contents[OTHER[target]](x)
        return self.decoders[target](content, self.styles[target](needed(guide, x)))

    def generator_losses(self, a: Tensor, b: Tensor, noise: torch.Generator) -> GeneratorPass:
        """All terms on one batch, each summed over the two domains.

        With c = C(x) and s = S(x) the content and style of a domain's own image, G_d the decoder
        into domain d (o the other one) and z ~ N(0, I) a style drawn anew: y_d = G_d(c_o, z_d) is
        the translation; x_d is compared with G_d(c_d, s_d), c_o with C_d(y_d), z_d with S_d(y_d),
        and in the cycle x_d with G_d(C_o(y_o), s_d). Guides play no part in training.

        Args:
            a: Images of A, `(n, channels, side, side)` in [-1, 1].
            b: Images of B, likewise.
            noise: Of the styles.
        """
        t, x = self.terms, {"a": a, "b": b}
        content: dict[str, Tensor] = {}
        style: dict[str, Tensor] = {}
        for d in DOMAINS:
            content[d], style[d] = self.encode(x[d], d)

        terms: dict[str, Tensor] = {}
        translated: dict[str, Tensor] = {}
        again: dict[str, Tensor] = {}
        for d in DOMAINS:
            o = OTHER[d]
            drawn = torch.randn(
                (len(x[o]), self.config["style"]), generator=noise, device=noise.device
            ).to(style[d])
            decoded = self.decoders[d](
                torch.cat([content[d], content[o]]), torch.cat([style[d], drawn])
            )
            image, translated[d] = decoded.split([len(x[d]), len(x[o])])
            again[o], style_again = self.encode(translated[d], d)
            terms[f"image/{d}"] = t.image * l1_loss(image, x[d])
            terms[f"content/{o}"] = t.content * l1_loss(again[o], content[o])
            terms[f"style/{d}"] = t.style * l1_loss(style_again, drawn)
            scores = self.judges[d](translated[d])
            terms[f"gan/{d}"] = t.gan * torch.stack([*map(losses.lsgan_generator, scores)]).sum()
        if t.cycle:
            for d in DOMAINS:
                cycled = self.decoders[d](again[d], style[d])
                terms[f"cycle/{d}"] = t.cycle * l1_loss(cycled, x[d])
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


class MultiScaleDiscriminator(nn.Module):
    """A `PatchDiscriminator` on the image and on each of its halvings (Wang et al. 2018, pix2pixHD).

    Args:
        channels: Channels of the images.
        width: Channels of a discriminator's first layer.
        levels: Halvings in a discriminator.
        scales: Number of discriminators. Published: 3.
        groups: Of every GroupNorm.
    """

    def __init__(self, channels: int, width: int, levels: int, scales: int, *, groups: int) -> None:
        super().__init__()
        self.judges = nn.ModuleList(
            PatchDiscriminator(channels, width, levels, groups=groups) for _ in range(scales)
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        """Scores `(n, 1, s, s)` of images `(n, channels, side, side)`, the finest scale first."""
        scores = [self.judges[0](x)]
        for judge in self.judges[1:]:
            x = avg_pool2d(x, 3, 2, 1, count_include_pad=False)
            scores.append(judge(x))
        return scores
