"""PuppetGAN: one attribute of real images, moved as synthetic ones show (Usman et al. 2019).

A is real and without labels. B is synthetic and comes in triplets: b3 has the attribute of b1 and
the rest of b2. The code of an image is in two parts, attribute and rest, alike for both domains; the
synthetic triplets say which part is which, and cycles through the parts carry that over to A.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss

from isthmus.errors import InputError
from isthmus.networks.bottleneck import Decoder, Encoder
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
    into,
    needed,
    with_noise,
)


@dataclass(frozen=True)
class PuppetTerms:
    """Weights of the terms, all L1 but for the GAN, and the noise; those of a re-implementation.

    Attributes:
        reconstruction: An image from its own code.
        disentanglement: b3 from the attribute of b1 and the rest of b2.
        cycle: An image through the other domain and back.
        attribute_cycle_b: b3, its attribute taken from a real image with the attribute of b1. The
            real decoder cannot drop the attribute it is given.
        attribute_cycle_a: A real image, its rest taken from a synthetic image with its attribute.
            Here the rest is replaced, and the real decoder cannot drop the rest it is given.
        gan: Least-squares GAN, on every kind of generated image.
        noise: Standard deviation of what is added to a generated image before it is encoded again,
            for images in [-1, 1].
    """

    reconstruction: float = 10.0
    disentanglement: float = 10.0
    cycle: float = 10.0
    attribute_cycle_b: float = 5.0
    attribute_cycle_a: float = 3.0
    gan: float = 1.0
    noise: float = 0.2


class PuppetGan(LearnedTranslator):
    """An encoder, a decoder into each domain, and a discriminator of each.

    Defaults are the sizes of a re-implementation for digits (Adam 2e-4, discriminators 5e-5, betas
    0.5 and 0.999, batch 200, no history). For 32 px on a processor: width 16, levels 4,
    discriminator width 16, levels 2, attribute 32, rest 32. Several attributes have a part of the
    code each, and a triplet each.

    Args:
        channels: Channels of the images.
        side: Height and width of the images, a multiple of 2^levels.
        width: Channels of the encoder's first layer, see `isthmus.networks.bottleneck`.
        levels: Halvings in encoder and decoders.
        attribute: Numbers in the part of an attribute.
        rest: Numbers in the part of the rest.
        attributes: Number of attributes.
        encoders: 1 for a common encoder, 2 for one of each domain.
        groups: Of every GroupNorm.
        discriminator_width: Channels of the discriminators' first layer.
        discriminator_levels: Halvings in the discriminators; images need at least 3 pixels times
            2^levels a side.
        terms: Weights and noise.
        seed: Of the initial weights.

    Raises:
        InputError: A size makes no sense.
    """

    terms: PuppetTerms

    def __init__(
        self,
        channels: int = 1,
        side: int = 32,
        width: int = 64,
        levels: int = 5,
        attribute: int = 64,
        rest: int = 64,
        attributes: int = 1,
        encoders: int = 1,
        groups: int = GROUPS,
        discriminator_width: int = 64,
        discriminator_levels: int = 3,
        *,
        terms: PuppetTerms | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.config = {
            "channels": channels,
            "side": side,
            "width": width,
            "levels": levels,
            "attribute": attribute,
            "rest": rest,
            "attributes": attributes,
            "encoders": encoders,
            "groups": groups,
            "discriminator_width": discriminator_width,
            "discriminator_levels": discriminator_levels,
        }
        least = 3 << discriminator_levels
        if min(attribute, rest, attributes) < 1 or side < least or encoders not in (1, 2):
            raise InputError(
                "puppetgan",
                f"has {attributes} attributes of {attribute} numbers, a rest of {rest}, {encoders} "
                f"encoders, and a side of {side} for discriminators that need {least}",
                mend="use positive numbers, 1 or 2 encoders, or fewer discriminator_levels",
            )
        self.terms = PuppetTerms() if terms is None else terms
        sizes = (channels, side, width, levels, attributes * attribute + rest)
        with seeded(seed):
            self.encoders = nn.ModuleList(Encoder(*sizes, groups=groups) for _ in range(encoders))
            self.decoders = nn.ModuleDict({d: Decoder(*sizes, groups=groups) for d in DOMAINS})
            self.judges = nn.ModuleDict(
                {
                    d: PatchDiscriminator(
                        channels, discriminator_width, discriminator_levels, groups=groups
                    )
                    for d in DOMAINS
                }
            )

    def check(self, a: Tensor, b: Tensor) -> None:
        """Refuse what are not real images `(n, c, side, side)` and triplets.

        Triplets are `(n, 3, c, side, side)`, or with k attributes `(n, 3k, c, side, side)`, those of
        the first attribute first.
        """
        side, channels = self.config["side"], self.config["channels"]
        image = (channels, side, side)
        shapes = {"a": (a, image), "b": (b, (3 * self.config["attributes"], *image))}
        for name, (x, shape) in shapes.items():
            if tuple(x.shape[1:]) != shape:
                raise InputError(
                    name,
                    f"has shape {tuple(x.shape)}",
                    mend=f"give (n, {', '.join(map(str, shape))}), or set the sizes",
                )

    def generator_parameters(self) -> Iterator[nn.Parameter]:
        """Those of the encoders and decoders."""
        return chain(self.encoders.parameters(), self.decoders.parameters())

    def discriminator_parameters(self) -> Iterator[nn.Parameter]:
        """Those of the discriminators of both domains."""
        return self.judges.parameters()

    def encode(self, x: Tensor, domain: Domain) -> Tensor:
        """Codes `(n, attributes * attribute + rest)`, the parts of the attributes first."""
        return self.encoders[DOMAINS.index(domain) % len(self.encoders)](x)

    def combine(self, moved: Tensor, kept: Tensor, attribute: int | None = None) -> Tensor:
        """Codes with an attribute, by default every one, of `moved` and the rest of `kept`."""
        size = self.config["attribute"]
        first = 0 if attribute is None else attribute
        end = self.config["attributes"] if attribute is None else attribute + 1
        taken = slice(first * size, end * size)
        code = kept.clone()
        code[:, taken] = moved[:, taken]
        return code

    def translate(self, x: Tensor, direction: Direction, guide: Tensor | None = None) -> Tensor:
        """`x` with all attributes of the guide: C_K(guide, x), K the domain of `x`.

        A translation stays in the domain it comes from: "a2b" moves real images by synthetic
        guides, "b2a" synthetic ones by real guides. Otherwise see `Translator`.
        """
        return self.move(x, direction, needed(guide, x))

    def move(
        self, x: Tensor, direction: Direction, guide: Tensor, attribute: int | None = None
    ) -> Tensor:
        """`x` with one attribute of the guide, by its number from 0, or with all; see `translate`."""
        guiding = into(direction)
        own = OTHER[guiding]
        code = self.combine(self.encode(guide, guiding), self.encode(x, own), attribute)
        return self.decoders[own](code)

    def generator_losses(self, a: Tensor, b: Tensor, noise: torch.Generator) -> GeneratorPass:
        """All terms on one batch (section 3 of the paper), each summed over the kinds of images.

        With C_K(x, y) the image of domain K from the attribute of x and the rest of y, and t + n a
        noisy image: |C_A(a, a) - a| and |C_B(b, b) - b|; |C_B(b1, b2) - b3|; a cycle from t = C_B(a,
        a), |C_A(t + n, t + n) - a|, and likewise for every b; with t = C_A(b1, a), |C_B(t + n, b2)
        - b3|; with t = C_B(a, b1), |C_A(t + n, a) - a|. The GAN judges all these images, without
        noise. Passes that do not wait for each other share one batch.

        Args:
            a: Real images, `(n, channels, side, side)` in [-1, 1].
            b: Triplets, `(n, 3 * attributes, channels, side, side)`.
            noise: Of the noise.
        """
        t, images = self.terms, b.unbind(1)
        code = self.encode(a, "a")
        codes = self.encode(torch.cat(images), "b").chunk(len(images))
        b1, b2, b3 = codes[::3], codes[1::3], images[2::3]
        own, kinds, cycles = [code] * len(b1), len(codes), len(codes) + len(b1)

        same_a, *in_a = self._decode("a", [code, *codes, *self._mixed(b1, own)])
        into_b = [*codes, *self._mixed(b1, b2), code, *self._mixed(own, b1)]
        from_b = self._decode("b", into_b)
        same_b, shown, in_b = from_b[:kinds], from_b[kinds:cycles], from_b[cycles:]

        again_b = self._encode_noisy("a", in_a, noise)
        again_a = self._encode_noisy("b", in_b, noise)
        from_a = [*again_b[:kinds]]
        from_a += self._mixed(again_b[kinds:], b2) if t.attribute_cycle_b else []
        back_b = self._decode("b", from_a)
        to_a = [again_a[0]]
        to_a += self._mixed(again_a[1:], own) if t.attribute_cycle_a else []
        back_a = self._decode("a", to_a)

        terms = {
            "reconstruction/a": t.reconstruction * l1_loss(same_a, a),
            "reconstruction/b": t.reconstruction * _distance(same_b, images),
            "disentanglement": t.disentanglement * _distance(shown, b3),
            "cycle/a": t.cycle * l1_loss(back_a[0], a),
            "cycle/b": t.cycle * _distance(back_b[:kinds], images),
        }
        if t.attribute_cycle_a:
            terms["attribute_cycle/a"] = t.attribute_cycle_a * _distance(back_a[1:], [a] * len(b1))
        if t.attribute_cycle_b:
            terms["attribute_cycle/b"] = t.attribute_cycle_b * _distance(back_b[kinds:], b3)
        generated = {"a": [same_a, *in_a, *back_a], "b": [*from_b, *back_b]}
        translated = {d: torch.cat(parts) for d, parts in generated.items()}
        if t.gan:
            for d in DOMAINS:
                deceived = losses.lsgan_generator(self.judges[d](translated[d]))
                terms[f"gan/{d}"] = t.gan * len(generated[d]) * deceived
        return GeneratorPass(terms, translated)

    def discriminator_losses(
        self,
        a: Tensor,
        b: Tensor,
        translations: dict[str, Tensor],
        reconstructions: dict[str, Tensor],
        noise: torch.Generator,
    ) -> dict[str, Tensor]:
        """Least squares, `discriminator/a` and `discriminator/b`, means over all kinds of images."""
        terms = {}
        for d, real in (("a", a), ("b", b.flatten(0, 1))):
            counts = [len(real), len(translations[d])]
            scores = self.judges[d](torch.cat([real, translations[d]])).split(counts)
            terms[f"discriminator/{d}"] = losses.lsgan_discriminator(*scores)
        return terms

    def _mixed(self, moved: Sequence[Tensor], kept: Sequence[Tensor]) -> list[Tensor]:
        """For each attribute the code with that of `moved` and the rest of `kept`."""
        pairs = enumerate(zip(moved, kept, strict=True))
        return [self.combine(x, y, attribute) for attribute, (x, y) in pairs]

    def _decode(self, domain: Domain, codes: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """The image of each code, in one batch."""
        return self.decoders[domain](torch.cat([*codes])).chunk(len(codes))

    def _encode_noisy(
        self, domain: Domain, images: Sequence[Tensor], noise: torch.Generator
    ) -> tuple[Tensor, ...]:
        """The code of each generated image under noise, in one batch."""
        noisy = with_noise(torch.cat([*images]), self.terms.noise, noise)
        return self.encode(noisy, domain).chunk(len(images))


def _distance(found: Sequence[Tensor], wanted: Sequence[Tensor]) -> Tensor:
    """The sum of the L1 distances of images from those that are wanted."""
    return torch.stack([l1_loss(x, y) for x, y in zip(found, wanted, strict=True)]).sum()
