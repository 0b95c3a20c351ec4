"""DiDA: adaptation and disentangling of one labelled attribute (Cao et al. 2018).

A is real and without labels, B is synthetic and labelled by classes of the attribute. The common
code is what tells the classes, in both domains; the separate code must not tell them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, l1_loss

from isthmus.errors import InputError
from isthmus.networks.bottleneck import Decoder, Encoder
from isthmus.networks.convolutional import GROUPS, SLOPE
from isthmus.networks.randomness import seeded
from isthmus.translation.translator import (
    Direction,
    GeneratorPass,
    LearnedTranslator,
    into,
    needed,
)

MOST_CLASSES = 256
"""A label is kept in a byte."""


@dataclass(frozen=True)
class DidaTerms:
    """Weights of the terms; those of the published code where it has them.

    Attributes:
        label: Cross-entropy of B's labels, from the common code.
        domain: Binary cross-entropy of the common codes under the name of the other domain.
        reconstruction: L1 of an image from its two codes.
        adversary: Cross-entropy of the labels from the separate code, which is to be as high as
            that of a guess; real images are labelled by the common code.
        synthesis: Cross-entropy of B's labels, from the common code of a recombination with the
            separate code of a real image.
    """

    label: float = 1.0
    domain: float = 0.25
    reconstruction: float = 1.0
    adversary: float = 7.0
    synthesis: float = 1.0


class Dida(LearnedTranslator):
    """A common and a separate encoder, a decoder, a head for labels, and two adversaries.

    The published code trains in three stages, over and over; here all losses act in every step, and
    the autoencoder leaves the common code as the labels make it. The adversary's term ends where it
    does no better than a guess, beyond which the published one has no bound.

    Args:
        channels: Channels of the images.
        side: Height and width of the images, a multiple of 2^levels.
        width: Channels of the encoders' first layer, see `isthmus.networks.bottleneck`.
        levels: Halvings in encoders and decoder.
        common: Numbers in the common code. Published: 48.
        separate: Numbers in the separate code. Published: 144.
        classes: Of the attribute, such as bins of an angle.
        groups: Of every GroupNorm.
        terms: Weights.
        seed: Of the initial weights.

    Raises:
        InputError: A size makes no sense.
    """

    terms: DidaTerms

    def __init__(
        self,
        channels: int = 1,
        side: int = 32,
        width: int = 64,
        levels: int = 5,
        common: int = 48,
        separate: int = 144,
        classes: int = 10,
        groups: int = GROUPS,
        *,
        terms: DidaTerms | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if not 2 <= classes <= MOST_CLASSES:
            raise InputError("classes", f"is {classes}", mend=f"use 2 to {MOST_CLASSES}")
        self.config = {
            "channels": channels,
            "side": side,
            "width": width,
            "levels": levels,
            "common": common,
            "separate": separate,
            "classes": classes,
            "groups": groups,
        }
        self.terms = DidaTerms() if terms is None else terms
        sizes = (channels, side, width, levels)
        with seeded(seed):
            self.common = Encoder(*sizes, common, groups=groups)
            self.separate = Encoder(*sizes, separate, groups=groups)
            self.decoder = Decoder(*sizes, common + separate, groups=groups)
            self.head = nn.Linear(common, classes)
            self.critic = _perceptron(common, common, 1)
            self.adversary = _perceptron(separate, common, classes)

    def check(self, a: Tensor, b: Tensor) -> None:
        """Refuse what are not real images `(n, c, side, side)` and images `labelled` as they are."""
        channels, side, classes = (self.config[key] for key in ("channels", "side", "classes"))
        for name, x, planes in (("a", a, channels), ("b", b, channels + 1)):
            if tuple(x.shape[1:]) != (planes, side, side):
                wanted = f"(n, {planes}, {side}, {side})"
                raise InputError(
                    name, f"has shape {tuple(x.shape)}", mend=f"give {wanted}; see dida.labelled"
                )
        plane = b[:, 0].flatten(1)
        if (plane != plane[:, :1]).any() or (plane >= classes).any():
            raise InputError(
                "b",
                f"has no label from 0 to {classes - 1} in its first channel",
                mend="make it with dida.labelled",
            )

    def generator_parameters(self) -> Iterator[nn.Parameter]:
        """Those of the encoders, the decoder and the head."""
        return chain.from_iterable(
            part.parameters() for part in (self.common, self.separate, self.decoder, self.head)
        )

    def discriminator_parameters(self) -> Iterator[nn.Parameter]:
        """Those of the critic of domains and of the adversary that reads the separate code."""
        return chain(self.critic.parameters(), self.adversary.parameters())

    def translate(self, x: Tensor, direction: Direction, guide: Tensor | None = None) -> Tensor:
        """`x` with the common code, the attribute, of the guide; it stays in its domain."""
        into(direction)
        return self._decode(self.common(needed(guide, x)), self.separate(x))

    def generator_losses(self, a: Tensor, b: Tensor, noise: torch.Generator) -> GeneratorPass:
        """All terms on one batch; nothing is drawn.

        Args:
            a: Real images, `(n, channels, side, side)` in [-1, 1].
            b: As many synthetic ones with their labels, see `labelled`, likewise.
            noise: Not used.
        """
        t, (labels, pictures) = self.terms, _parted(b)
        both = torch.cat([a, pictures])
        common, separate = self.common(both), self.separate(both)
        logits = self.head(common)
        guessed, told = logits.split([len(a), len(b)])
        names = torch.cat([guessed.argmax(1), labels])
        read = cross_entropy(self.adversary(separate), names)
        driven = common[len(a) :].detach(), separate[: len(a)].detach()
        recombined = self._decode(*driven).detach()
        chance = math.log(self.config["classes"])
        terms = {
            "label": t.label * cross_entropy(told, labels),
            "domain": t.domain * self._domain_loss(common, len(a), swapped=True),
            "reconstruction": t.reconstruction
            * l1_loss(self._decode(common.detach(), separate), both),
            "adversary": -t.adversary * read.clamp(max=chance),
            "synthesis": t.synthesis * cross_entropy(self.head(self.common(recombined)), labels),
        }
        return GeneratorPass(terms)

    def discriminator_losses(
        self,
        a: Tensor,
        b: Tensor,
        translations: dict[str, Tensor],
        reconstructions: dict[str, Tensor],
        noise: torch.Generator,
    ) -> dict[str, Tensor]:
        """Cross-entropies: `critic` of the domains, `reader` of the labels in the separate code."""
        labels, pictures = _parted(b)
        both = torch.cat([a, pictures])
        with torch.no_grad():
            common, separate = self.common(both), self.separate(both)
            names = torch.cat([self.head(common[: len(a)]).argmax(1), labels])
        return {
            "critic": self._domain_loss(common, len(a), swapped=False),
            "reader": cross_entropy(self.adversary(separate), names),
        }

    def _decode(self, common: Tensor, separate: Tensor) -> Tensor:
        return self.decoder(torch.cat([common, separate], 1))

    def _domain_loss(self, common: Tensor, real: int, *, swapped: bool) -> Tensor:
        """Cross-entropy of the critic, the first codes being of A, under the right names or not."""
        logits = self.critic(common).squeeze(1)
        names = (torch.arange(len(logits), device=logits.device) < real) != swapped
        return binary_cross_entropy_with_logits(logits, names.to(logits))


def labelled(images: Tensor, labels: Tensor) -> Tensor:
    """Images with their labels in a channel of their own, as `Dida` takes them for domain B.

    Args:
        images: uint8 `(n, c, side, side)`.
        labels: Classes, integers `(n,)` from 0 to 255.

    Returns:
        uint8 `(n, 1 + c, side, side)`, the label in every pixel of the first channel.
    """
    plane = labels.to(torch.uint8)[:, None, None, None].expand(-1, 1, *images.shape[2:])
    return torch.cat([plane, images], 1)


def _parted(batch: Tensor) -> tuple[Tensor, Tensor]:
    """The labels `(n,)` and the images of a labelled batch in [-1, 1]."""
    return ((batch[:, 0, 0, 0] + 1) * 127.5).round().long(), batch[:, 1:]


def _perceptron(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    """Two hidden layers."""
    return nn.Sequential(
        nn.Linear(inputs, hidden),
        nn.LeakyReLU(SLOPE),
        nn.Linear(hidden, hidden),
        nn.LeakyReLU(SLOPE),
        nn.Linear(hidden, outputs),
    )
