"""DRIT++: a content that both domains have and an attribute that is appended to it (Lee et al. 2020).

An adversary on contents makes those of the two domains alike; what they lack is left to the
attribute, a few numbers that the decoder is given as constant maps.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import binary_cross_entropy_with_logits, l1_loss

from isthmus.errors import InputError
from isthmus.networks.adain import content_encoder, style_encoder
from isthmus.networks.convolutional import GROUPS, SLOPE
from isthmus.networks.generator import SHRINKING, ResidualBlock, norm
from isthmus.networks.randomness import seeded
from isthmus.translation.munit import MultiScaleDiscriminator
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
    with_noise,
)

TINY = 1e-5
"""Added to the ratio of mode seeking, which is divided by."""

SMALLEST_CONTENT = 8
"""Places a side that the content discriminator needs."""


@dataclass(frozen=True)
class DritTerms:
    """Weights of the terms, and a noise, as published.

    Attributes:
        gan: Cross-entropy GAN on translations, summed over the scales.
        content_gan: Cross-entropy of contents, called half A's and half B's.
        cross_cycle: L1 of two images that exchange their attributes twice.
        reconstruction: L1 of an image decoded from its own content and attribute.
        kl: Divergence of the attribute's normal distribution from N(0, I).
        content: Mean square of the content.
        latent: L1 of the attribute of a translation to the one that was drawn for it.
        mode_seeking: 1 / (distance of translations / distance of their attributes + 1e-5).
        content_noise: Standard deviation of what is added to contents in training.
    """

    gan: float = 1.0
    content_gan: float = 1.0
    cross_cycle: float = 10.0
    reconstruction: float = 10.0
    kl: float = 0.01
    content: float = 0.01
    latent: float = 10.0
    mode_seeking: float = 1.0
    content_noise: float = 1.0


class Drit(LearnedTranslator):
    """A content encoder, an attribute encoder and a decoder a domain, and two sorts of adversaries.

    The last block of the content encoders and the first of the decoders are shared. This is the
    published concatenation mode, which its authors advise where colour varies. Defaults are the
    published sizes (Adam 1e-4 on both sides, a batch of 1 image for either sort of translation,
    1200 epochs of which the rates fall in the second half, no history). For 32 px on a processor:
    width 16, fold 2, discriminator width 16, levels 2, scales 2. The content discriminator takes
    the same step as the others, where published ones are of its own rate and number.

    Args:
        channels: Channels of the images.
        width: Channels of the encoders' first layer, see `isthmus.networks.adain`.
        blocks: Residual blocks of a content encoder and of a decoder, the shared one included.
        fold: See `content_encoder`.
        groups: Of the image discriminators' GroupNorm; 0 for InstanceNorm.
        discriminator_width: Channels of an image discriminator's first layer.
        levels: Halvings in an image discriminator.
        scales: Discriminators of each sort a domain. Images need at least 4 pixels times
            2^(levels + scales - 1) a side, and 32.
        attribute: Numbers in an attribute.
        terms: Weights; the published ones where they are left out.
        seed: Of the initial weights.

    Raises:
        InputError: A size makes no sense.
    """

    terms: DritTerms

    def __init__(
        self,
        channels: int = 3,
        width: int = 64,
        blocks: int = 4,
        fold: int = 1,
        groups: int = GROUPS,
        discriminator_width: int = 64,
        levels: int = 4,
        scales: int = 3,
        attribute: int = 8,
        *,
        terms: DritTerms | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if min(blocks, scales, attribute) < 1:
            raise InputError(
                "drit",
                f"has {blocks} blocks, {scales} scales and an attribute of {attribute}",
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
            "attribute": attribute,
        }
        self.terms = DritTerms() if terms is None else terms
        maps = SHRINKING * width

        def judges() -> nn.ModuleDict:
            sizes = (channels, discriminator_width, levels, scales)
            return nn.ModuleDict(
                {d: MultiScaleDiscriminator(*sizes, groups=groups) for d in DOMAINS}
            )

        with seeded(seed):
            self.contents = nn.ModuleDict(
                {d: content_encoder(channels, width, blocks - 1, fold=fold) for d in DOMAINS}
            )
            self.last_content = ResidualBlock(maps, 0)
            self.attributes = nn.ModuleDict(
                {d: style_encoder(channels, width, 2 * attribute, fold=fold) for d in DOMAINS}
            )
            self.first_decoded = ResidualBlock(maps, 0)
            self.decoders = nn.ModuleDict(
                {
                    d: ConcatenatingDecoder(channels, width, blocks - 1, attribute, fold=fold)
                    for d in DOMAINS
                }
            )
            self.judges, self.judges_of_drawn = judges(), judges()
            self.content_judge = _content_discriminator(maps)

    def check(self, a: Tensor, b: Tensor) -> None:
        """Refuse what are not images of one size that the networks take."""
        judged = 4 << self.config["levels"] + self.config["scales"] - 1
        least = max(judged, SHRINKING * SMALLEST_CONTENT)
        check_images(a, b, channels=self.config["channels"], least=least)

    def generator_parameters(self) -> Iterator[nn.Parameter]:
        """Those of the encoders and decoders."""
        parts = (
            self.contents,
            self.last_content,
            self.attributes,
            self.first_decoded,
            self.decoders,
        )
        return chain.from_iterable(part.parameters() for part in parts)

    def discriminator_parameters(self) -> Iterator[nn.Parameter]:
        """Those of the discriminators of images and of contents."""
        parts = (self.judges, self.judges_of_drawn, self.content_judge)
        return chain.from_iterable(part.parameters() for part in parts)

    def content(self, x: Tensor, domain: Domain) -> Tensor:
        """Contents `(n, 4 * width, side / 4, side / 4)` of a domain's images, without noise."""
        return self.last_content(self.contents[domain](x))

    def attribute(self, x: Tensor, domain: Domain) -> tuple[Tensor, Tensor]:
        """Mean and log variance, `(n, attribute)` each, of the attributes of a domain's images."""
        mean, log_variance = self.attributes[domain](x).chunk(2, 1)
        return mean, log_variance

    def decode(self, content: Tensor, attribute: Tensor, domain: Domain) -> Tensor:
        """Images of a domain in (-1, 1), from contents and attributes `(n, attribute)`."""
        return self.decoders[domain](self.first_decoded(content), attribute)

    def translate(self, x: Tensor, direction: Direction, guide: Tensor | None = None) -> Tensor:
        """The content of `x` with the guide's mean attribute; see `Translator`."""
        target = into(direction)
        attribute, _ = self.attribute(needed(guide, x), target)
        return self.decode(self.content(x, OTHER[target]), attribute, target)

    def generator_losses(self, a: Tensor, b: Tensor, noise: torch.Generator) -> GeneratorPass:
        """All terms on one batch, each summed over the two domains.

        With c_d and s_d the noisy content of x_d and an attribute drawn from its normal
        distribution (o the other domain), and z, z' ~ N(0, I): G_d(c_d, s_d) rebuilds x_d, and
        y_d = G_d(c_o, s_d) is the translation; with the contents and attributes of the two
        translations the exchange is repeated, which gives x_d again. Translations under z and z',
        G_d(c_o, z), have discriminators of their own; z is compared with the mean attribute of the
        first, which does not train the attribute encoder, as published.

        Args:
            a: Images of A, `(n, channels, side, side)` in [-1, 1].
            b: Images of B, as many.
            noise: Of the contents and attributes.
        """
        t, count = self.terms, len(a)
        x: dict[Domain, Tensor] = {"a": a, "b": b}

        def normal() -> Tensor:
            size = (count, self.config["attribute"])
            return torch.randn(size, generator=noise, device=noise.device).to(a)

        def codes(
            images: Tensor, of_content: Domain, of_attribute: Domain
        ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
            """Noisy content, attribute, and its mean and log variance."""
            mean, log_variance = self.attribute(images, of_attribute)
            content = with_noise(self.content(images, of_content), t.content_noise, noise)
            return content, mean + (log_variance / 2).exp() * normal(), mean, log_variance

        terms: dict[str, Tensor] = {}
        content: dict[Domain, Tensor] = {}
        attribute: dict[Domain, Tensor] = {}
        for d in DOMAINS:
            content[d], attribute[d], mean, log_variance = codes(x[d], d, d)
            terms[f"kl/{d}"] = t.kl * divergence(mean, log_variance)
            terms[f"content/{d}"] = t.content * content[d].square().mean()
            terms[f"content_gan/{d}"] = t.content_gan * _entropy(
                self.content_judge(content[d]), 0.5
            )

        translated: dict[str, Tensor] = {}
        for d in DOMAINS:
            o = OTHER[d]
            first, second = normal(), normal()
            decoded = self.decode(
                torch.cat([content[d], *[content[o]] * 3]),
                torch.cat([attribute[d], attribute[d], first, second]),
                d,
            )
            image, translated[d], drawn, different = decoded.chunk(4)
            translated[f"drawn/{d}"] = drawn
            terms[f"reconstruction/{d}"] = t.reconstruction * l1_loss(image, x[d])
            terms[f"gan/{d}"] = t.gan * _judged(self.judges[d](translated[d]), 1)
            terms[f"gan_drawn/{d}"] = t.gan * _judged(self.judges_of_drawn[d](drawn), 1)
            terms[f"latent/{d}"] = t.latent * l1_loss(self._frozen_mean(drawn, d), first)
            terms[f"mode_seeking/{d}"] = t.mode_seeking * mode_seeking(
                drawn, different, first, second
            )

        again = {d: codes(translated[d], OTHER[d], d)[:2] for d in DOMAINS}
        for d in DOMAINS:
            cycled = self.decode(again[OTHER[d]][0], again[d][1], d)
            terms[f"cross_cycle/{d}"] = t.cross_cycle * l1_loss(cycled, x[d])
        return GeneratorPass(terms, translated)

    def discriminator_losses(
        self,
        a: Tensor,
        b: Tensor,
        translations: dict[str, Tensor],
        reconstructions: dict[str, Tensor],
        noise: torch.Generator,
    ) -> dict[str, Tensor]:
        """Cross-entropies: of images and translations summed over the scales, and of contents.

        They are `discriminator/a`, `discriminator_drawn/a`, `content_discriminator/a` and so on.
        """
        terms = {}
        x: dict[Domain, Tensor] = {"a": a, "b": b}
        for d in DOMAINS:
            for name, judges, fake in (
                ("discriminator", self.judges, translations[d]),
                ("discriminator_drawn", self.judges_of_drawn, translations[f"drawn/{d}"]),
            ):
                scores = judges[d](torch.cat([x[d], fake]))
                real, made = zip(*(s.split([len(x[d]), len(fake)]) for s in scores), strict=True)
                terms[f"{name}/{d}"] = _judged(real, 1) + _judged(made, 0)
            with torch.no_grad():
                content = with_noise(self.content(x[d], d), self.terms.content_noise, noise)
            terms[f"content_discriminator/{d}"] = _entropy(
                self.content_judge(content), float(d == "a")
            )
        return terms

    def _frozen_mean(self, x: Tensor, domain: Domain) -> Tensor:
        """Mean attributes, with a gradient in `x` and none in the encoder's weights."""
        encoder = self.attributes[domain]
        weights = {name: weight.detach() for name, weight in encoder.named_parameters()}
        return functional_call(encoder, weights, (x,)).chunk(2, 1)[0]


class ConcatenatingDecoder(nn.Module):
    """From content and attribute to images in (-1, 1), the attribute appended at each resolution.

    Residual blocks under InstanceNorm, then two doublings by transposed convolutions under a norm
    over the whole image, and a convolution of 1 x 1. The attribute is appended, as constant maps,
    before the blocks, before each doubling and before the last layer.

    Args:
        channels: Channels of the images.
        width: Channels of the last layer at full size, but for the attribute; content has 4 times
            as many.
        blocks: Residual blocks. Published: 3, after the shared one.
        attribute: Numbers in an attribute.
        fold: Pixels a side that are folded into channels.
    """

    def __init__(
        self, channels: int, width: int, blocks: int, attribute: int, *, fold: int
    ) -> None:
        super().__init__()
        maps = SHRINKING * width + attribute
        stages = [nn.Sequential(*(ResidualBlock(maps, 0) for _ in range(blocks)))]
        for _ in range((SHRINKING // fold).bit_length() - 1):
            maps += attribute
            stages.append(
                nn.Sequential(
                    nn.ConvTranspose2d(maps, maps // 2, 3, 2, 1, output_padding=1, bias=False),
                    norm(maps // 2, 1),
                    nn.ReLU(inplace=True),
                )
            )
            maps //= 2
        last = nn.Conv2d(maps + attribute, channels * fold**2, 1)
        stages.append(nn.Sequential(last, nn.PixelShuffle(fold), nn.Tanh()))
        self.stages = nn.ModuleList(stages)

    def forward(self, content: Tensor, attribute: Tensor) -> Tensor:
        """Images `(n, channels, side, side)`.

        Args:
            content: `(n, 4 * width, side / 4, side / 4)`.
            attribute: `(n, attribute)`.
        """
        for stage in self.stages:
            constant = attribute[..., None, None].expand(-1, -1, *content.shape[2:])
            content = stage(torch.cat([content, constant], 1))
        return content


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(m, v) || N(0, I)) = 1/2 sum (m^2 + v - 1 - log v), the mean over the images.

    Args:
        mean: m, `(n, k)`.
        log_variance: log v, likewise.

    Returns:
        A scalar from 0 up, in nats.
    """
    return (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean() / 2


def mode_seeking(x: Tensor, y: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """1 / (d(x, y) / d(z, z') + 1e-5), d the mean absolute difference (Mao et al. 2019).

    Small where translations differ as much as the attributes that they were made with.

    Args:
        x: Translations under z, any shape.
        y: Translations of the same images under z'.
        first: z, any shape.
        second: z', likewise, elsewhere than z.

    Returns:
        A scalar from 0 to 1e5.
    """
    return 1 / (l1_loss(x, y) / l1_loss(first, second) + TINY)


def _judged(scores: Iterator[Tensor] | list[Tensor] | tuple[Tensor, ...], label: float) -> Tensor:
    """`_entropy`, summed over the scales."""
    return torch.stack([_entropy(each, label) for each in scores]).sum()


def _entropy(logits: Tensor, label: float) -> Tensor:
    """Mean cross-entropy of the logits of the label 1."""
    return binary_cross_entropy_with_logits(logits, torch.full_like(logits, label))


def _content_discriminator(maps: int) -> nn.Sequential:
    """Contents `(n, maps, side, side)` to logits of A, `(n, 1, s, s)`, s = side / 2 - 3.

    Published, for contents of 54 x 54, are two halvings more.
    """
    return nn.Sequential(
        nn.Conv2d(maps, maps, 4, 2, 1, bias=False),
        norm(maps, 0),
        nn.LeakyReLU(SLOPE, inplace=True),
        nn.Conv2d(maps, maps, 4),
        nn.LeakyReLU(SLOPE, inplace=True),
        nn.Conv2d(maps, 1, 1),
    )
