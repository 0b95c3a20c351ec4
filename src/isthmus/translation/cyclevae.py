"""Cycle-consistent VAE: an attribute apart, from pairs that share it (Jha et al., ECCV 2018).

It learns from synthetic images alone; real ones are met when it is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss, mse_loss

from isthmus.errors import InputError
from isthmus.networks.bottleneck import Decoder, Encoder
from isthmus.networks.convolutional import GROUPS
from isthmus.networks.randomness import seeded
from isthmus.translation.translator import (
    Direction,
    GeneratorPass,
    LearnedTranslator,
    into,
    needed,
)


@dataclass(frozen=True)
class CycleVaeTerms:
    """Weights of the terms, as in the published code.

    Attributes:
        reconstruction: Mean squared error, for images in [0, 1], of each of two images that share
            the attribute, decoded with the attribute's code of the other one.
        divergence: KL of the rest's code from N(0, I), a number of the image.
        cycle: L1 between the means of the rest's code, read from two images that were decoded with
            one rest and two attributes; the encoder alone learns from it.
    """

    reconstruction: float = 2.0
    divergence: float = 3.0
    cycle: float = 10.0


class CycleVae(LearnedTranslator):
    """An encoder into an attribute and a distribution of the rest, and a decoder; no adversary.

    Published for 28 px: width 16, attribute 16, rest 16, Adam 1e-4, batch 64. A step does what the
    published code does in two, one forward and one in reverse.

    Args:
        channels: Channels of the images.
        side: Height and width of the images, a multiple of 2^levels.
        width: Channels of the encoder's first layer, see `isthmus.networks.bottleneck`.
        levels: Halvings in encoder and decoder.
        attribute: Numbers in the code of the attribute.
        rest: Numbers in the code of the rest.
        groups: Of every GroupNorm.
        terms: Weights.
        seed: Of the initial weights.

    Raises:
        InputError: A size makes no sense.
    """

    terms: CycleVaeTerms

    def __init__(
        self,
        channels: int = 1,
        side: int = 32,
        width: int = 16,
        levels: int = 3,
        attribute: int = 16,
        rest: int = 16,
        groups: int = GROUPS,
        *,
        terms: CycleVaeTerms | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if min(attribute, rest) < 1:
            raise InputError(
                "cyclevae",
                f"has an attribute of {attribute} numbers and a rest of {rest}",
                mend="use at least one each",
            )
        self.config = {
            "channels": channels,
            "side": side,
            "width": width,
            "levels": levels,
            "attribute": attribute,
            "rest": rest,
            "groups": groups,
        }
        self.terms = CycleVaeTerms() if terms is None else terms
        sizes = (channels, side, width, levels)
        with seeded(seed):
            self.encoder = Encoder(*sizes, attribute + 2 * rest, groups=groups)
            self.decoder = Decoder(*sizes, attribute + rest, groups=groups)

    def check(self, a: Tensor, b: Tensor) -> None:
        """Refuse what are not triplets `(n, 3, c, side, side)`; `a` is not looked at."""
        side = self.config["side"]
        shape = (3, self.config["channels"], side, side)
        if tuple(b.shape[1:]) != shape:
            raise InputError(
                "b",
                f"has shape {tuple(b.shape)}",
                mend=f"give (n, {', '.join(map(str, shape))}), or set the sizes",
            )

    def generator_parameters(self) -> Iterator[nn.Parameter]:
        """Those of the encoder and the decoder."""
        return self.parameters()

    def discriminator_parameters(self) -> Iterator[nn.Parameter]:
        """None."""
        return iter(())

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Attribute `(n, attribute)`, and mean and log variance of the rest, `(n, rest)` each."""
        sizes = (self.config["attribute"], self.config["rest"], self.config["rest"])
        attribute, mean, log_variance = self.encoder(x).split(sizes, 1)
        return attribute, mean, log_variance

    def translate(self, x: Tensor, direction: Direction, guide: Tensor | None = None) -> Tensor:
        """The attribute of the guide and the mean rest of `x`, in the one domain that it knows."""
        into(direction)
        attribute, _, _ = self.encode(needed(guide, x))
        return self._decode(attribute, self.encode(x)[1])

    def generator_losses(self, a: Tensor, b: Tensor, noise: torch.Generator) -> GeneratorPass:
        """All terms on one batch, the first two means over b1 and b3, which share the attribute.

        Args:
            a: Not used.
            b: Triplets `(n, 3, channels, side, side)` in [-1, 1].
            noise: Of the codes of the rest.
        """
        t, (b1, b2, b3) = self.terms, b.unbind(1)
        attribute, mean, log_variance = self.encode(torch.cat([b1, b3]))
        drawn = mean + (log_variance / 2).exp() * _normal(mean, noise)
        decoded = self._decode(attribute.roll(len(b1), 0), drawn)
        divergence = (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean() / 2

        with torch.no_grad():
            rest = _normal(mean[: len(b1)], noise)
            other, _, _ = self.encode(b2)
            two = torch.cat([attribute[: len(b1)], other])
            made = self._decode(two, torch.cat([rest, rest]))
        first, second = self.encode(made)[1].chunk(2)
        terms = {
            "reconstruction": t.reconstruction * mse_loss(decoded / 2, torch.cat([b1, b3]) / 2),
            "divergence": t.divergence * divergence / b1[0].numel(),
            "cycle": t.cycle * l1_loss(first, second),
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
        """None."""
        return {}

    def _decode(self, attribute: Tensor, rest: Tensor) -> Tensor:
        return self.decoder(torch.cat([attribute, rest], 1))


def _normal(like: Tensor, noise: torch.Generator) -> Tensor:
    return torch.randn(like.shape, generator=noise, device=noise.device).to(like)
