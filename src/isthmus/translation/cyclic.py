"""What RIFT and CycleGAN share: a generator into each domain, and the adversaries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from isthmus.networks.convolutional import GROUPS
from isthmus.networks.generator import ResNetGenerator
from isthmus.networks.randomness import seeded
from isthmus.translation.adversaries import Adversaries
from isthmus.translation.translator import DOMAINS, LearnedTranslator, check_images


class CyclicTranslator(LearnedTranslator):
    """Two generators and their discriminators, of the published sizes but for the norm.

    For 32 px on a processor: width 16, 4 blocks, fold 2, discriminator width 16.

    Args:
        channels: Channels of the images.
        width: Channels of the generators' first layer, see `ResNetGenerator`.
        blocks: Residual blocks.
        fold: See `ResNetGenerator`.
        groups: Of every GroupNorm; 0 for InstanceNorm, as published.
        discriminator_width: Channels of the discriminators' first layer.
        levels: Halvings in the discriminators; images need at least 4 pixels times 2^levels a side.
        terms: Weights and noises; `standard` where they are left out.
        seed: Of the initial weights.

    Raises:
        InputError: A size makes no sense.
    """

    embedding: ClassVar[int]
    """Channels of the embedding that a generator takes and gives beside the image."""

    standard: ClassVar[Any]

    def __init__(
        self,
        channels: int = 3,
        width: int = 64,
        blocks: int = 9,
        fold: int = 1,
        groups: int = GROUPS,
        discriminator_width: int = 64,
        levels: int = 3,
        *,
        terms: Any = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.config = {
            "channels": channels,
            "width": width,
            "blocks": blocks,
            "fold": fold,
            "groups": groups,
            "discriminator_width": discriminator_width,
            "levels": levels,
        }
        self.terms = self.standard if terms is None else terms
        sizes = (channels + self.embedding, channels + self.embedding, width, blocks)
        with seeded(seed):
            self.into = nn.ModuleDict(
                {d: ResNetGenerator(*sizes, fold=fold, groups=groups) for d in DOMAINS}
            )
            self.adversaries = Adversaries(channels, discriminator_width, levels, groups)

    def check(self, a: Tensor, b: Tensor) -> None:
        """Refuse what are not images of one size that the networks take."""
        check_images(a, b, channels=self.config["channels"], least=4 << self.config["levels"])

    def generator_parameters(self) -> Iterator[nn.Parameter]:
        """Both generators'."""
        return self.into.parameters()

    def discriminator_parameters(self) -> Iterator[nn.Parameter]:
        """Those of the discriminators of images and of the guess discriminators."""
        return self.adversaries.parameters()

    def discriminator_losses(
        self,
        a: Tensor,
        b: Tensor,
        translations: dict[str, Tensor],
        reconstructions: dict[str, Tensor],
        noise: torch.Generator,
    ) -> dict[str, Tensor]:
        """Least squares, of the guess discriminators only where reconstructions are given."""
        return self.adversaries.discriminator_losses(
            {"a": a, "b": b}, translations, reconstructions
        )
