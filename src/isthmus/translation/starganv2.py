"""StarGAN v2: one generator, told the style of a guide or a drawn one (Choi et al. 2020).

Style reaches the generator as means and deviations of its channels, so that what a guide gives is
laid down by the networks and is not learnt from the two domains.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, pairwise

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import avg_pool2d, interpolate, l1_loss, leaky_relu, softplus

from isthmus.errors import InputError
from isthmus.networks.adain import FOLDS, adain
from isthmus.networks.convolutional import SLOPE
from isthmus.networks.generator import SHRINKING, norm
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

SLOWNESS = 100
"""How many times slower the mapping network learns than the rest. Published: 1e-6 and 1e-4."""

SHARED, UNSHARED = 4, 3
"""Hidden layers of the mapping network: for both domains, and then for one."""


@dataclass(frozen=True)
class StarGanV2Terms:
    """Weights of the terms, as published for faces.

    Attributes:
        gan: Logistic GAN on translations.
        style: L1 of the style of a translation to the one that it was made with.
        diversity: L1 between translations of one image under two styles, which is to grow; at the
            start, from where it falls linearly. Published: 1 for faces, 2 for animals.
        diversity_steps: Steps after which it is 0.
        cycle: L1 of a translation that is translated back under its source's own style.
        r1: gamma of the gradient penalty of the discriminator (`losses.r1`).
    """

    gan: float = 1.0
    style: float = 1.0
    diversity: float = 1.0
    diversity_steps: int = 100_000
    cycle: float = 1.0
    r1: float = 1.0


class StarGanV2(LearnedTranslator):
    """A generator, a mapping network, a style encoder and a discriminator, shared by both domains.

    All but the generator have a head for each domain. Defaults are the published sizes for 64 px
    (Adam 1e-4 on both sides with betas 0 and 0.99, batch 8, 100,000 steps, no history; weight decay
    and the high-pass mask for faces are left out). For 32 px on a processor: width 16, fold 2,
    widest 64, levels 3, hidden 64, and `diversity_steps` the number of steps.

    Args:
        channels: Channels of the images.
        width: Channels of the first layers. Published: 2^14 / side.
        blocks: Residual blocks of the generator at a quarter of the side; the second half is told
            the style.
        fold: 1, 2 or 4; pixels a side that are folded into channels first, see `ResNetGenerator`.
        widest: Most channels of a layer.
        levels: Halvings in the discriminator and the style encoder. Published: so many that 4 x 4
            places are left; where there are more, features are means over them.
        style: Numbers in a style.
        latent: Numbers that a style is drawn from.
        hidden: Width of the mapping network.
        terms: Weights; the published ones where they are left out.
        seed: Of the initial weights.

    Raises:
        InputError: A size makes no sense.
    """

    terms: StarGanV2Terms

    def __init__(
        self,
        channels: int = 3,
        width: int = 256,
        blocks: int = 4,
        fold: int = 1,
        widest: int = 512,
        levels: int = 4,
        style: int = 64,
        latent: int = 16,
        hidden: int = 512,
        *,
        terms: StarGanV2Terms | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.config = {
            "channels": channels,
            "width": width,
            "blocks": blocks,
            "fold": fold,
            "widest": widest,
            "levels": levels,
            "style": style,
            "latent": latent,
            "hidden": hidden,
        }
        halvings = int(math.log2(SHRINKING))
        least = dict.fromkeys(self.config, 1) | {"levels": halvings, "blocks": 0}
        wrong = [name for name, value in self.config.items() if value < least[name]]
        if wrong or fold not in FOLDS:
            field = wrong[0] if wrong else "fold"
            raise InputError(
                "starganv2",
                f"is {self.config[field]}",
                field=field,
                mend=f"use positive sizes, fold 1, 2 or 4, and {halvings} levels or more",
            )
        self.terms = StarGanV2Terms() if terms is None else terms

        def maps(levels: int) -> list[int]:
            """Channels at each resolution, from that of the folded image on."""
            return [min(width << k, widest) for k in range(int(math.log2(fold)), levels + 1)]

        with seeded(seed):
            self.generator = StyledGenerator(channels, maps(halvings), blocks, style, fold=fold)
            self.mapping = MappingNetwork(latent, hidden, style)
            self.encoder = HeadedNetwork(channels, maps(levels), style, fold=fold)
            self.judge = HeadedNetwork(channels, maps(levels), 1, fold=fold)
            self.apply(_initialise)

    def check(self, a: Tensor, b: Tensor) -> None:
        """Refuse what are not images of one size that the networks take."""
        check_images(a, b, channels=self.config["channels"], least=4 << self.config["levels"])

    def generator_parameters(self) -> Iterator[nn.Parameter]:
        """Those of the generator, the mapping network and the style encoder."""
        return chain.from_iterable(
            part.parameters() for part in (self.generator, self.mapping, self.encoder)
        )

    def discriminator_parameters(self) -> Iterator[nn.Parameter]:
        """Those of the discriminator."""
        return self.judge.parameters()

    def translate(self, x: Tensor, direction: Direction, guide: Tensor | None = None) -> Tensor:
        """Translations of `x` in the style of the guide, clamped; see `Translator`."""
        style = self.encoder(needed(guide, x), into(direction))
        return self.generator(x, style).clamp(-1, 1)

    @property
    def diversity(self) -> float:
        """Weight of the diversity term in the next pass."""
        t = self.terms
        return t.diversity * max(0.0, 1 - self.step / t.diversity_steps)

    def generator_losses(self, a: Tensor, b: Tensor, noise: torch.Generator) -> GeneratorPass:
        """All terms on one batch, each summed over the two domains.

        Half of the images are translated into the other domain and half into their own, as where
        the target is drawn at random; x_d are those that go into domain d, s_x their own styles.
        Each is translated twice: under M_d(z), z ~ N(0, I), and under the style E_d of a guide, the
        batch rolled by one. With s either of them, y = G(x_d, s) is the translation; s is compared
        with E_d(y), x_d with G(y, s_x), and y with G(x_d, s'), s' a second style of the same kind,
        through which no gradient passes. A guide trains the generator alone, as published.

        Args:
            a: Images of A, `(n, channels, side, side)` in [-1, 1], n at least 2.
            b: Images of B, as many.
            noise: Of the styles.

        Raises:
            InputError: There is a single image, which would be its own guide.
        """
        if len(a) < 2:
            raise InputError("batch_size", f"is {len(a)}", mend="use 2 or more, to roll the guides")
        t, count = self.terms, len(a)
        half = (count + 1) // 2
        x: dict[Domain, Tensor] = {"a": a, "b": b}
        own = {d: self.encoder(x[d], d) for d in DOMAINS}

        def sources(of: dict[Domain, Tensor], target: Domain) -> tuple[Tensor, Tensor]:
            """What the images that go into a domain have, for drawn styles and for guides."""
            found = torch.cat([of[OTHER[target]][:half], of[target][half:]])
            return found, found.detach()

        def styles(domain: Domain, shift: int) -> tuple[Tensor, Tensor]:
            """Drawn ones, and those of the batch rolled."""
            latent = torch.randn(
                (count, self.config["latent"]), generator=noise, device=noise.device
            )
            drawn = self.mapping(latent.to(own[domain]), domain)
            return drawn, own[domain].detach().roll(shift, 0)

        weight = self.diversity
        terms: dict[str, Tensor] = {}
        translated: dict[str, Tensor] = {}
        for d in DOMAINS:
            images, back = torch.cat(sources(x, d)), torch.cat(sources(own, d))
            style = torch.cat(styles(d, 1))
            translated[d] = self.generator(images, style)
            drawn, guided = translated[d].chunk(2)
            again = torch.cat([self.encoder(drawn, d), _frozen(self.encoder, guided, d)])
            cycled = self.generator(translated[d], back)
            terms[f"gan/{d}"] = t.gan * softplus(-self.judge(translated[d], d)).mean()
            terms[f"style/{d}"] = t.style * l1_loss(again, style)
            terms[f"cycle/{d}"] = t.cycle * l1_loss(cycled, images)
            if weight:
                with torch.no_grad():
                    different = self.generator(images, torch.cat(styles(d, 2)))
                terms[f"diversity/{d}"] = -weight * l1_loss(translated[d], different)
        return GeneratorPass(terms, translated)

    def discriminator_losses(
        self,
        a: Tensor,
        b: Tensor,
        translations: dict[str, Tensor],
        reconstructions: dict[str, Tensor],
        noise: torch.Generator,
    ) -> dict[str, Tensor]:
        """Of each domain, mean log(1 + e^-D(x)) + mean log(1 + e^D(y)), and R1 at the images x."""
        terms = {}
        for d, x in (("a", a), ("b", b)):
            real = x.detach().requires_grad_()
            scores = self.judge(real, d)
            fake = self.judge(translations[d], d)
            terms[f"discriminator/{d}"] = softplus(-scores).mean() + softplus(fake).mean()
            terms[f"r1/{d}"] = self.terms.r1 * losses.r1(scores, real)
        return terms


class StyledGenerator(nn.Module):
    """Halvings and residual blocks under InstanceNorm; then blocks and doublings under AdaIN.

    Args:
        channels: Channels of the images.
        maps: Channels at each resolution, from the folded image to the smallest.
        blocks: Residual blocks at the smallest; the second half is under AdaIN.
        style: Numbers in a style.
        fold: Pixels a side that are folded into channels.
    """

    def __init__(
        self, channels: int, maps: list[int], blocks: int, style: int, *, fold: int
    ) -> None:
        super().__init__()
        self.narrowing = nn.Sequential(
            *_stem(channels, maps[0], fold),
            *(Block(wide, wider, normalised=True, halving=True) for wide, wider in pairwise(maps)),
            *(Block(maps[-1], maps[-1], normalised=True) for _ in range(blocks // 2)),
        )
        self.styled = nn.ModuleList(
            StyledBlock(maps[-1], maps[-1], style) for _ in range(blocks - blocks // 2)
        )
        self.styled.extend(
            StyledBlock(wide, narrower, style, doubling=True)
            for wide, narrower in pairwise(reversed(maps))
        )
        self.last = nn.Sequential(
            norm(maps[0], 0),
            nn.LeakyReLU(SLOPE, inplace=True),
            nn.Conv2d(maps[0], channels * fold**2, 1),
            nn.PixelShuffle(fold),
        )

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """Images of the shape of `x`, unbounded.

        Args:
            x: Images `(n, channels, side, side)`, side a multiple of 4.
            style: `(n, style)`.
        """
        x = self.narrowing(x.contiguous(memory_format=torch.channels_last))
        for block in self.styled:
            x = block(x, style)
        return self.last(x)


class HeadedNetwork(nn.Module):
    """Halvings without norm, a convolution of 4 x 4, and a linear head for each domain.

    The discriminator and the style encoder.

    Args:
        channels: Channels of the images.
        maps: Channels at each resolution, from the folded image to the smallest.
        outputs: Numbers that a head gives.
        fold: Pixels a side that are folded into channels.
    """

    def __init__(self, channels: int, maps: list[int], outputs: int, *, fold: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *_stem(channels, maps[0], fold),
            *(Block(wide, wider, halving=True) for wide, wider in pairwise(maps)),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(maps[-1], maps[-1], 4),
            nn.LeakyReLU(SLOPE),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )
        self.heads = nn.ModuleDict({d: nn.Linear(maps[-1], outputs) for d in DOMAINS})

    def forward(self, x: Tensor, domain: Domain) -> Tensor:
        """From images `(n, channels, side, side)` and their domain to `(n, outputs)`, unbounded."""
        return self.heads[domain](self.body(x.contiguous(memory_format=torch.channels_last)))


class MappingNetwork(nn.Module):
    """A perceptron from latents to styles, whose last layers are the domain's own.

    Args:
        latent: Numbers in a latent.
        hidden: Width of every hidden layer.
        style: Numbers in a style.
    """

    def __init__(self, latent: int, hidden: int, style: int) -> None:
        super().__init__()

        def layers(widths: list[int]) -> list[nn.Module]:
            return [
                layer
                for inputs, outputs in pairwise(widths)
                for layer in (SlowLinear(inputs, outputs), nn.ReLU(inplace=True))
            ]

        self.shared = nn.Sequential(*layers([latent, *[hidden] * SHARED]))
        self.heads = nn.ModuleDict(
            {
                d: nn.Sequential(*layers([hidden] * (UNSHARED + 1)), SlowLinear(hidden, style))
                for d in DOMAINS
            }
        )

    def forward(self, latent: Tensor, domain: Domain) -> Tensor:
        """From latents `(n, latent)`, which are N(0, I), to styles `(n, style)` of a domain."""
        return self.heads[domain](self.shared(latent))


class SlowLinear(nn.Linear):
    """A linear layer that Adam moves `SLOWNESS` times slower: its weights are kept that much larger.

    Adam's steps are as long however steep the loss is, so that the quotient is a learning rate.
    """

    def forward(self, x: Tensor) -> Tensor:
        """From `(n, inputs)` to `(n, outputs)`."""
        return super().forward(x) / SLOWNESS


class Block(nn.Module):
    """(x + f(x)) / sqrt 2, f two convolutions of 3 x 3, each after norm and LeakyReLU.

    Args:
        inputs: Channels that come in.
        outputs: Channels that go out; where they differ x is convolved by 1 x 1.
        normalised: Whether under InstanceNorm.
        halving: Whether the side is halved, by means of 2 x 2.
    """

    def __init__(
        self, inputs: int, outputs: int, *, normalised: bool = False, halving: bool = False
    ) -> None:
        super().__init__()

        def half(out: int) -> nn.Sequential:
            return nn.Sequential(
                norm(inputs, 0) if normalised else nn.Identity(),
                nn.LeakyReLU(SLOPE),
                nn.Conv2d(inputs, out, 3, padding=1),
            )

        self.first, self.second = half(inputs), half(outputs)
        self.shortcut = _shortcut(inputs, outputs)
        self.halving = halving

    def forward(self, x: Tensor) -> Tensor:
        """From `(n, inputs, side, side)` to `(n, outputs, side, side)`, or half the side."""
        inner, shortcut = self.first(x), self.shortcut(x)
        if self.halving:
            inner, shortcut = avg_pool2d(inner, 2), avg_pool2d(shortcut, 2)
        return (shortcut + self.second(inner)) / math.sqrt(2)


class StyledBlock(nn.Module):
    """A `Block` under AdaIN, which may double the side by repeating every place.

    Args:
        inputs: Channels that come in.
        outputs: Channels that go out; where they differ x is convolved by 1 x 1.
        style: Numbers in a style.
        doubling: Whether the side is doubled.
    """

    def __init__(self, inputs: int, outputs: int, style: int, *, doubling: bool = False) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.first_targets = nn.Linear(style, 2 * inputs)
        self.second_targets = nn.Linear(style, 2 * outputs)
        self.shortcut = _shortcut(inputs, outputs)
        self.doubling = doubling

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """From `(n, inputs, side, side)` to `(n, outputs, side, side)`, or twice the side."""
        inner, shortcut = _styled(x, self.first_targets(style)), self.shortcut(x)
        if self.doubling:
            inner, shortcut = (interpolate(y, scale_factor=2) for y in (inner, shortcut))
        inner = _styled(self.first(inner), self.second_targets(style))
        return (shortcut + self.second(inner)) / math.sqrt(2)


def _styled(x: Tensor, targets: Tensor) -> Tensor:
    """AdaIN to a mean and a deviation, given as its difference from 1; then LeakyReLU."""
    mean, deviation = targets.chunk(2, 1)
    return leaky_relu(adain(x, mean, 1 + deviation), SLOPE)


def _shortcut(inputs: int, outputs: int) -> nn.Module:
    return nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1, bias=False)


def _stem(channels: int, maps: int, fold: int) -> list[nn.Module]:
    return [nn.PixelUnshuffle(fold), nn.Conv2d(channels * fold**2, maps, 3, padding=1)]


def _frozen(network: nn.Module, x: Tensor, domain: Domain) -> Tensor:
    """What a network makes of `x`, with a gradient in `x` and none in its weights."""
    weights = {name: weight.detach() for name, weight in network.named_parameters()}
    return functional_call(network, weights, (x, domain))


def _initialise(module: nn.Module) -> None:
    """Weights of He et al. 2015 and biases of 0."""
    if isinstance(module, nn.Conv2d | nn.Linear):
        nn.init.kaiming_normal_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    if isinstance(module, SlowLinear):
        with torch.no_grad():
            module.weight.mul_(SLOWNESS)
