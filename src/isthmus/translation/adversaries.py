"""The discriminators of a translator: in each domain one of images and one that guesses."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from isthmus.networks.patch import PatchDiscriminator
from isthmus.translation import losses
from isthmus.translation.translator import DOMAINS, Domain


class Adversaries(nn.Module):
    """D tells images of a domain from translations into it, Q reconstructions from their images.

    Images are `(n, channels, side, side)` in [-1, 1].

    Args:
        channels: Channels of the images.
        width: Channels of a discriminator's first layer.
        levels: Halvings, see `PatchDiscriminator`.
        groups: Of every GroupNorm.
    """

    def __init__(self, channels: int, width: int, levels: int, groups: int) -> None:
        super().__init__()
        self.judges, self.guessers = (
            nn.ModuleDict(
                {d: PatchDiscriminator(k * channels, width, levels, groups=groups) for d in DOMAINS}
            )
            for k in (1, 2)
        )

    def deceive(self, domain: Domain, translations: Tensor) -> Tensor:
        """The generators' loss against D (`losses.lsgan_generator`), a scalar."""
        return losses.lsgan_generator(self.judges[domain](translations))

    def confuse(self, domain: Domain, images: Tensor, reconstructions: Tensor) -> Tensor:
        """The generators' loss against Q (`losses.guess_generator`), a scalar."""
        pairs = losses.both_orders(reconstructions, images)
        return losses.guess_generator(self.guessers[domain](pairs))

    def discriminator_losses(
        self,
        images: Mapping[Domain, Tensor],
        translations: Mapping[str, Tensor],
        reconstructions: Mapping[str, Tensor],
    ) -> dict[str, Tensor]:
        """The discriminators' own losses, scalars `discriminator/a` and so on.

        Args:
            images: Real ones of each domain.
            translations: Into each domain.
            reconstructions: Of `images`, for the losses `guess_discriminator/a` and so on; or none.
        """
        terms = {}
        for d in DOMAINS:
            scores = self.judges[d](torch.cat([images[d], translations[d]]))
            real, fake = scores.split([len(images[d]), len(translations[d])])
            terms[f"discriminator/{d}"] = losses.lsgan_discriminator(real, fake)
            if reconstructions:
                pairs = losses.both_orders(reconstructions[d], images[d])
                terms[f"guess_discriminator/{d}"] = losses.guess_discriminator(
                    self.guessers[d](pairs)
                )
        return terms
