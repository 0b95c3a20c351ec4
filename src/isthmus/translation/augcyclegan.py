"""Augmented CycleGAN: what an image lacks is a latent, and both go round (Almahairi et al. 2018).

An image with a latent of the other domain becomes an image there; the pair of the two says which
latent would lead back.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss, relu

from isthmus.errors import InputError
from isthmus.networks.adain import FOLDS, STYLE_HALVINGS, AdaINBlock, adain, style_encoder
from isthmus.networks.convolutional import GROUPS, SLOPE
from isthmus.networks.generator import SHRINKING
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
class AugCycleGanTerms:
    """Weights of the terms, as published.

    Attributes:
        gan: Least-squares GAN on translations.
        latent_gan: Least-squares GAN on inferred latents, which are to be N(0, I).
        cycle: L1 of a translation that is translated back under the inferred latent.
        latent_cycle: L1 of the latent inferred from source and translation to the one drawn.
    """

    gan: float = 1.0
    latent_gan: float = 1.0
    cycle: float = 1.0
    latent_cycle: float = 0.025


class AugCycleGan(LearnedTranslator):
    """For each domain a generator into it, an encoder of its latent, and two discriminators.

    Both domains have a latent, as in the paper's formulas; its published experiments give one of
    them none. Defaults are the published sizes for 64 px (Adam 2e-4 with discriminators at 4e-5,
    batch 32, 50 epochs of which the rates fall in the second half, no history, gradients clipped at
    500). For 32 px on a processor: width 16, 4 blocks, fold 2, discriminator width 16.

    Args:
        channels: Channels of the images.
        width: Channels of the generators' and the encoders' first layer.
        blocks: Residual blocks.
        fold: See `ResNetGenerator`.
        groups: Of the image discriminators' GroupNorm; 0 for InstanceNorm.
        discriminator_width: Channels of the image discriminators' first layer, and width of the
            latent ones.
        levels: Halvings in the image discriminators; images need at least 4 pixels times 2^levels a
            side, and 16.
        latent: Numbers in a latent.
        terms: Weights; the published ones where they are left out.
        seed: Of the initial weights.

    Raises:
        InputError: A size makes no sense.
    """

    terms: AugCycleGanTerms

    def __init__(
        self,
        channels: int = 3,
        width: int = 32,
        blocks: int = 9,
        fold: int = 1,
        groups: int = GROUPS,
        discriminator_width: int = 64,
        levels: int = 3,
        latent: int = 16,
        *,
        terms: AugCycleGanTerms | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if width < 1 or blocks < 0 or latent < 1 or fold not in FOLDS:
            raise InputError(
                "augcyclegan",
                f"has width {width}, {blocks} blocks, a latent of {latent} and fold {fold}",
                mend="use positive sizes, and fold 1, 2 or 4",
            )
        self.config = {
            "channels": channels,
            "width": width,
            "blocks": blocks,
            "fold": fold,
            "groups": groups,
            "discriminator_width": discriminator_width,
            "levels": levels,
            "latent": latent,
        }
        self.terms = AugCycleGanTerms() if terms is None else terms
        with seeded(seed):
            self.into = nn.ModuleDict(
                {d: ConditionalGenerator(channels, width, blocks, latent, fold) for d in DOMAINS}
            )
            self.encoders = nn.ModuleDict(
                {d: style_encoder(2 * channels, width, latent, fold=fold) for d in DOMAINS}
            )
            self.judges = nn.ModuleDict(
                {
                    d: PatchDiscriminator(channels, discriminator_width, levels, groups=groups)
                    for d in DOMAINS
                }
            )
            self.latent_judges = nn.ModuleDict(
                {d: _latent_discriminator(latent, discriminator_width) for d in DOMAINS}
            )

    def check(self, a: Tensor, b: Tensor) -> None:
        """Refuse what are not images of one size that the networks take."""
        least = max(4 << self.config["levels"], 1 << STYLE_HALVINGS)
        check_images(a, b, channels=self.config["channels"], least=least)

    def generator_parameters(self) -> Iterator[nn.Parameter]:
        """Those of the generators and the encoders."""
        return chain(self.into.parameters(), self.encoders.parameters())

    def discriminator_parameters(self) -> Iterator[nn.Parameter]:
        """Those of the discriminators of images and of latents."""
        return chain(self.judges.parameters(), self.latent_judges.parameters())

    def infer(self, a: Tensor, b: Tensor, domain: Domain) -> Tensor:
        """Latents `(n, latent)` of a domain that lead to its images from those of the other.

        Args:
            a: Images of A.
            b: Images of B, the counterparts.
            domain: Whose latents.
        """
        return self.encoders[domain](torch.cat([a, b], 1))

    def encode(self, x: Tensor, domain: Domain) -> Tensor:
        """Latents `(n, latent)` of a domain's images, whose counterparts are made under latent 0."""
        zeros = x.new_zeros(len(x), self.config["latent"])
        pair = {domain: x, OTHER[domain]: self.into[OTHER[domain]](x, zeros)}
        return self.infer(pair["a"], pair["b"], domain)

    def translate(self, x: Tensor, direction: Direction, guide: Tensor | None = None) -> Tensor:
        """Translations of `x` under the latent inferred from the guide; see `Translator`."""
        target = into(direction)
        return self.into[target](x, self.encode(needed(guide, x), target))

    def generator_losses(self, a: Tensor, b: Tensor, noise: torch.Generator) -> GeneratorPass:
        """All terms on one batch, each summed over the two domains.

        With G_d the generator into domain d (o the other one), E_d the encoder of its latent and
        z_d ~ N(0, I): y_d = G_d(x_o, z_d) is the translation. The pair (x_o, y_d) gives two latents:
        E_d's is compared with z_d; E_o's, which should be N(0, I) as well, leads back, and
        G_o(y_d, E_o(x_o, y_d)) is compared with x_o. Guides play no part in training.

        Args:
            a: Images of A, `(n, channels, side, side)` in [-1, 1].
            b: Images of B, likewise.
            noise: Of the latents.
        """
        t = self.terms
        x: dict[Domain, Tensor] = {"a": a, "b": b}
        terms: dict[str, Tensor] = {}
        translated: dict[str, Tensor] = {}
        for d in DOMAINS:
            o = OTHER[d]
            drawn = self._draw(x[o], noise)
            image = self.into[d](x[o], drawn)
            pair = {o: x[o], d: image}
            again, leading_back = (self.infer(pair["a"], pair["b"], domain) for domain in (d, o))
            translated[d], translated[f"latent/{o}"] = image, leading_back
            terms[f"gan/{d}"] = t.gan * losses.lsgan_generator(self.judges[d](image))
            terms[f"latent_gan/{o}"] = t.latent_gan * losses.lsgan_generator(
                self.latent_judges[o](leading_back)
            )
            terms[f"cycle/{o}"] = t.cycle * l1_loss(self.into[o](image, leading_back), x[o])
            terms[f"latent_cycle/{d}"] = t.latent_cycle * l1_loss(again, drawn)
        return GeneratorPass(terms, translated)

    def discriminator_losses(
        self,
        a: Tensor,
        b: Tensor,
        translations: dict[str, Tensor],
        reconstructions: dict[str, Tensor],
        noise: torch.Generator,
    ) -> dict[str, Tensor]:
        """Least squares, `discriminator/a` of images, `latent_discriminator/a` of latents, etc."""
        terms = {}
        for d, images in (("a", a), ("b", b)):
            drawn = self._draw(images, noise)
            for name, judge, real, fake in (
                ("discriminator", self.judges[d], images, translations[d]),
                ("latent_discriminator", self.latent_judges[d], drawn, translations[f"latent/{d}"]),
            ):
                scores = judge(torch.cat([real, fake]))
                terms[f"{name}/{d}"] = losses.lsgan_discriminator(
                    *scores.split([len(real), len(fake)])
                )
        return terms

    def _draw(self, x: Tensor, noise: torch.Generator) -> Tensor:
        """Latents from N(0, I), as many as images."""
        size = (len(x), self.config["latent"])
        return torch.randn(size, generator=noise, device=noise.device).to(x)


class ConditionalGenerator(nn.Module):
    """A `ResNetGenerator` whose norms are all AdaIN to what a linear layer makes of a latent.

    Conditional instance normalisation (Dumoulin et al. 2017).

    Args:
        channels: Channels of the images.
        width: Channels of the first layer at full size; the blocks have 4 times as many.
        blocks: Residual blocks.
        latent: Numbers in a latent.
        fold: 1, 2 or 4.
    """

    def __init__(self, channels: int, width: int, blocks: int, latent: int, fold: int) -> None:
        super().__init__()
        kernel, maps = (7 if fold == 1 else 3), width * fold
        steps = int(math.log2(SHRINKING // fold))
        widths = [maps << step for step in range(steps + 1)]
        self.first = nn.PixelUnshuffle(fold)
        layers: list[nn.Module] = [
            nn.Conv2d(channels * fold**2, maps, kernel, padding=kernel // 2, bias=False)
        ]
        layers += [nn.Conv2d(wide, 2 * wide, 3, 2, 1, bias=False) for wide in widths[:-1]]
        layers += [AdaINBlock(widths[-1]) for _ in range(blocks)]
        layers += [
            nn.ConvTranspose2d(wide, wide // 2, 3, 2, 1, output_padding=1, bias=False)
            for wide in reversed(widths[1:])
        ]
        norms = [
            *((wide, 1) for wide in widths),
            *[(widths[-1], 2)] * blocks,
            *((wide, 1) for wide in reversed(widths[:-1])),
        ]
        self.layers = nn.ModuleList(layers)
        self.targets = nn.ModuleList(_targets(latent, wide, count) for wide, count in norms)
        self.last = nn.Sequential(
            nn.Conv2d(maps, channels * fold**2, kernel, padding=kernel // 2),
            nn.PixelShuffle(fold),
            nn.Tanh(),
        )

    def forward(self, x: Tensor, latent: Tensor) -> Tensor:
        """Images of the shape of `x` in (-1, 1).

        Args:
            x: Images `(n, channels, side, side)`, side a multiple of 4.
            latent: `(n, latent)`.
        """
        x = self.first(x.contiguous(memory_format=torch.channels_last))
        for layer, targets in zip(self.layers, self.targets, strict=True):
            if isinstance(layer, AdaINBlock):
                x = layer(x, targets(latent))
            else:
                x = relu(adain(layer(x), *targets(latent).chunk(2, 1)))
        return self.last(x)


def _targets(latent: int, channels: int, norms: int) -> nn.Linear:
    """From a latent to mean and deviation of every channel, 0 and 1 at first under latent 0."""
    layer = nn.Linear(latent, 2 * channels * norms)
    with torch.no_grad():
        layer.bias.view(norms, 2, channels).copy_(torch.tensor([[[0.0], [1.0]]]))
    return layer


def _latent_discriminator(latent: int, width: int) -> nn.Sequential:
    """Latents `(n, latent)` to scores `(n, 1)`; the published batch norm is left out."""
    layers: list[nn.Module] = []
    for inputs in (latent, width, width):
        layers += [nn.Linear(inputs, width), nn.LeakyReLU(SLOPE, inplace=True)]
    return nn.Sequential(*layers, nn.Linear(width, 1))
