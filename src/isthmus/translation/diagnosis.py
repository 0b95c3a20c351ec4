"""What a trained translator keeps to: the capacity of its embedding, the honesty of its cycle."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import l1_loss

from isthmus.metrics.correctness import Role
from isthmus.translation.losses import capacity, channel_bits, theorem_bits
from isthmus.translation.rift import Rift
from isthmus.translation.translator import (
    INTO,
    Direction,
    Domain,
    Translator,
    to_bytes,
    to_unit,
    with_noise,
)

CHUNK = 250
"""Images at a time."""

BACK: Mapping[Direction, Direction] = {"a2b": "b2a", "b2a": "a2b"}


def needed_bits(
    roles: Mapping[str, Role], codes: Mapping[str, npt.NDArray[np.int64]], domain: Domain
) -> float:
    """What a guide of a domain has to say: log2 of the combinations of its specific factors.

    Args:
        roles: Name and role of every factor.
        codes: Factors `(n,)` of images of the domain, in which each value occurs.
        domain: The guide's.
    """
    own = (codes[name] for name, role in roles.items() if role is Role[domain.upper()])
    return float(sum(np.log2(len(np.unique(values))) for values in own))


def embedding_readings(embeddings: Tensor, sigma: float) -> dict[str, float]:
    """Power of embeddings `(n, ...)`, and what they can say under noise of deviation sigma > 0.

    Returns:
        `mean_square` and `mean_abs` per element, `bound_bits` (`losses.channel_bits`) and
        `theorem_bits` (the bound as printed, `losses.theorem_bits`).
    """
    return {
        "mean_square": embeddings.square().mean().item(),
        "mean_abs": capacity(embeddings).item(),
        "bound_bits": channel_bits(embeddings, sigma).item(),
        "theorem_bits": theorem_bits(embeddings, sigma).item(),
    }


@torch.no_grad()
def embeddings(model: Rift, images: Tensor, domain: Domain) -> Tensor:
    """Embeddings `(n, 1, side, side)` of byte images of a domain."""
    return torch.cat([model.encode(to_unit(part), domain) for part in images.split(CHUNK)])


@torch.no_grad()
def noisy_translations(
    model: Rift, sources: Tensor, direction: Direction, guides: Tensor, noise: torch.Generator
) -> Tensor:
    """Translations as in training, with noise on source and embedding; only these obey the bound.

    Args:
        model: The translator, whose `terms` hold both noises.
        sources: Bytes `(n, channels, side, side)`.
        direction: "a2b" or "b2a".
        guides: As many bytes of the target domain.
        noise: Source of randomness.

    Returns:
        Bytes of the shape of the sources.
    """
    terms, done = model.terms, []
    for source, guide in zip(sources.split(CHUNK), guides.split(CHUNK), strict=True):
        x = with_noise(to_unit(source), terms.image_noise, noise)
        embedding = model.encode(to_unit(guide), INTO[direction])
        embedding = with_noise(embedding, terms.embedding_noise, noise)
        done.append(to_bytes(model.under(x, direction, embedding)))
    return torch.cat(done)


@torch.no_grad()
def cycle_errors(
    translator: Translator,
    sources: Tensor,
    direction: Direction,
    guides: Tensor,
    sigma: float,
    noise: torch.Generator,
) -> tuple[float, float]:
    """L1 of images translated there and, under themselves as guides, back; without noise and with.

    A translator that hides its source in a faint pattern reconstructs it well, until noise covers
    the pattern.

    Args:
        translator: The translator.
        sources: Bytes `(n, channels, side, side)`.
        direction: The way there.
        guides: As many bytes of the other domain, for the way there.
        sigma: Standard deviation of the noise on the translations, for images in [-1, 1].
        noise: Source of randomness.

    Returns:
        Both errors, means over all elements of images in [-1, 1].
    """
    errors = []
    for source, guide in zip(sources.split(CHUNK), guides.split(CHUNK), strict=True):
        x = to_unit(source)
        there = translator.translate(x, direction, to_unit(guide))
        backs = (
            translator.translate(image, BACK[direction], x)
            for image in (there, with_noise(there, sigma, noise))
        )
        errors.append([len(x) * l1_loss(back, x).item() for back in backs])
    clean, noisy = np.sum(errors, 0) / len(sources)
    return float(clean), float(noisy)
