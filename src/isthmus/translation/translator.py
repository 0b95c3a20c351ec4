"""What a translator is: the one protocol between methods, the trainer and the evaluation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from isthmus.errors import InputError

Domain = Literal["a", "b"]
Direction = Literal["a2b", "b2a"]

DOMAINS: tuple[Domain, Domain] = ("a", "b")
OTHER: dict[Domain, Domain] = {"a": "b", "b": "a"}
INTO: dict[str, Domain] = {"a2b": "b", "b2a": "a"}
"""The domain that a direction leads into."""


class Translator(nn.Module, ABC):
    """Turns images of one domain into images of the other.

    `config` holds the whole numbers that `isthmus.networks.storage` rebuilds the translator from.
    """

    config: dict[str, int]

    @abstractmethod
    def translate(self, x: Tensor, direction: Direction, guide: Tensor | None = None) -> Tensor:
        """Translations of images, without noise.

        Args:
            x: Source images, floats `(n, c, side, side)` in [-1, 1].
            direction: "a2b" or "b2a".
            guide: As many images of the target domain, which supply what the source lacks.

        Returns:
            Images of the target domain, of the shape of `x`, in [-1, 1].

        Raises:
            InputError: The direction is unknown, or there is no fitting guide where one is needed.
        """


@dataclass(frozen=True)
class GeneratorPass:
    """What one pass of the generators gives.

    Attributes:
        losses: Scalars, weighted; the generators minimise their sum.
        translations: For the discriminators, who may be shown older ones in their place.
        reconstructions: For the discriminators, of this very batch.
        readings: Scalars to watch, not minimised.
    """

    losses: dict[str, Tensor]
    translations: dict[str, Tensor] = field(default_factory=dict)
    reconstructions: dict[str, Tensor] = field(default_factory=dict)
    readings: dict[str, Tensor] = field(default_factory=dict)


class LearnedTranslator(Translator):
    """A translator that the trainer can train, by the names of losses and nothing else.

    All randomness comes from the generator that is passed in, so that a step can be repeated.
    `terms` holds the method's weights and noises, which are not needed to translate. Where `paired`
    is true, image i of A and image i of B belong together, and so do those of every batch. The
    trainer keeps `step`, the number of steps done, for weights that change on the way.
    """

    paired: ClassVar[bool] = False
    terms: Any
    step: int = 0

    @abstractmethod
    def check(self, a: Tensor, b: Tensor) -> None:
        """Refuse data that do not fit the networks.

        Args:
            a: All images of domain A, bytes `(n, ...)`.
            b: Those of domain B.

        Raises:
            InputError: A shape does not fit.
        """

    @abstractmethod
    def generator_losses(self, a: Tensor, b: Tensor, noise: torch.Generator) -> GeneratorPass:
        """The generators' side of one step on unpaired batches `(n, ...)` in [-1, 1]."""

    @abstractmethod
    def discriminator_losses(
        self,
        a: Tensor,
        b: Tensor,
        translations: dict[str, Tensor],
        reconstructions: dict[str, Tensor],
        noise: torch.Generator,
    ) -> dict[str, Tensor]:
        """The discriminators' side of the same step, weighted scalars by name.

        Args:
            a: The batch of domain A.
            b: The batch of domain B.
            translations: Those of the generator pass or older ones, without gradient.
            reconstructions: Those of the generator pass, without gradient.
            noise: Source of randomness.
        """

    @abstractmethod
    def generator_parameters(self) -> Iterator[nn.Parameter]:
        """What the generator losses train, in an order that never changes."""

    @abstractmethod
    def discriminator_parameters(self) -> Iterator[nn.Parameter]:
        """What the discriminator losses train, in an order that never changes."""


def into(direction: str) -> Domain:
    """The domain that a direction leads into.

    Raises:
        InputError: It is neither "a2b" nor "b2a".
    """
    if direction not in INTO:
        raise InputError("direction", f"is {direction!r}", mend='use "a2b" or "b2a"')
    return INTO[direction]


def needed(guide: Tensor | None, x: Tensor) -> Tensor:
    """The guide, where a translator cannot do without.

    Raises:
        InputError: There is none, or it is not of the shape of the source images.
    """
    if guide is None or guide.shape != x.shape:
        found = "is missing" if guide is None else f"has shape {tuple(guide.shape)}"
        mend = f"give one image a source image, {tuple(x.shape)} in all; to a command, --guide"
        raise InputError("guide", found, mend=mend)
    return guide


def check_images(a: Tensor, b: Tensor, *, channels: int, least: int) -> None:
    """Refuse images that are not `(n, channels, side, side)`, side a multiple of 4 from `least` up.

    Raises:
        InputError: They are not, or the two sides differ.
    """
    for name, x in (("a", a), ("b", b)):
        side = x.shape[-1]
        if x.shape[1:] != (channels, side, side) or side % 4 or side < least:
            raise InputError(
                name,
                f"has shape {tuple(x.shape)}",
                mend=f"give square images of {channels} channels, the side a multiple of 4 and at "
                f"least {least} pixels",
            )
    if a.shape[1:] != b.shape[1:]:
        raise InputError(
            "b", f"has side {b.shape[-1]}, a has {a.shape[-1]}", mend="resize one of the two"
        )


def with_noise(x: Tensor, sigma: float, noise: torch.Generator) -> Tensor:
    """Add n ~ N(0, sigma^2) to every element, without clamping; nothing where sigma is 0."""
    if not sigma:
        return x
    return x + sigma * torch.randn(x.shape, generator=noise, device=noise.device).to(x)


def to_unit(images: Tensor) -> Tensor:
    """Bytes 0 to 255 as floats from -1 to 1."""
    return images.float() / 127.5 - 1


def to_bytes(images: Tensor) -> Tensor:
    """Floats from -1 to 1 as the nearest bytes; what lies outside is clamped."""
    return ((images + 1) * 127.5).round().clamp(0, 255).byte()


@torch.no_grad()
def translate_bytes(
    translator: Translator,
    sources: Tensor,
    direction: Direction,
    guides: Tensor | None = None,
    *,
    batch_size: int = 256,
) -> Tensor:
    """Translations of whole sets of byte images, in evaluation mode.

    Args:
        translator: The translator; it stays on its device.
        sources: uint8 `(n, c, side, side)`.
        direction: "a2b" or "b2a".
        guides: As many images of the target domain, or none.
        batch_size: Images at a time.

    Returns:
        uint8 of the shape of `sources`, on their device.

    Raises:
        InputError: As `Translator.translate`; or what comes is of another shape.
    """
    weight = next(translator.parameters(), None)
    device = sources.device if weight is None else weight.device
    if guides is not None:
        needed(guides, sources)
    mode = translator.training
    translator.eval()
    done = []
    for start in range(0, len(sources), batch_size):
        rows = slice(start, start + batch_size)
        guide = None if guides is None else to_unit(guides[rows].to(device))
        done.append(
            to_bytes(translator.translate(to_unit(sources[rows].to(device)), direction, guide))
        )
    translator.train(mode)
    moved = torch.cat(done).to(sources.device)
    if moved.shape != sources.shape:
        problem = f"have shape {tuple(moved.shape)} where sources have {tuple(sources.shape)}"
        raise InputError("translations", problem, mend="give images of the side of the training")
    return moved
