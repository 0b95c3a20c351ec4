"""RIFT: many-to-many translation that finds out what two domains share (Usman et al. 2023).

The guide speaks only through a faint, noisy, image-sized embedding. What the source can supply is
cheaper taken from the source, so that the embedding is left with what the source lacks.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import l1_loss

from isthmus.errors import InputError
from isthmus.translation import losses
from isthmus.translation.cyclic import CyclicTranslator
from isthmus.translation.translator import (
    DOMAINS,
    OTHER,
    Direction,
    Domain,
    GeneratorPass,
    into,
    needed,
    with_noise,
)


@dataclass(frozen=True)
class RiftTerms:
    """Weights of the terms, and noises on images in [-1, 1] and embeddings in (-1, 1).

    Attributes:
        gan: Least-squares GAN on translations.
        cycle: L1 of the noisy cycle reconstruction.
        identity: L1 of an image translated into its own domain under its own embedding.
        capacity: Price of the embedding, see `bits`.
        bits: None prices mean |s|, as published, where the best weight differs between data sets
            and directions; a number of bits that may pass in the end prices only what exceeds it,
            by one rule for all (`losses.excess_bits`).
        bits_at_start: What may pass in the first quarter of the steps. An embedding that is used by
            then stays open; from there the budget falls in proportion, until three quarters.
        bits_steps: Steps of the training.
        image_noise: sigma_x, on every image that enters a translation.
        embedding_noise: sigma_s, on every embedding that enters a translation.
        guess: Loss against the guess discriminators.
        embedding_return: L1 of the guide's embedding to the one that the cycle pass gives back.
        embedding_swap: L1 of the guide's embedding to the one re-read from the translation.
        cycle_swap: L1 of the cycle reconstruction from the re-read embedding.
    """

    gan: float = 1.0
    cycle: float = 10.0
    identity: float = 1.0
    capacity: float = 0.5
    bits: float | None = None
    bits_at_start: float = 1024.0
    bits_steps: int = 4000
    image_noise: float = 0.05
    embedding_noise: float = 0.3
    guess: float = 0.0
    embedding_return: float = 0.0
    embedding_swap: float = 0.0
    cycle_swap: float = 0.0

    def __post_init__(self) -> None:
        if self.bits is None:
            return
        if not (0 < self.bits <= self.bits_at_start and self.embedding_noise > 0):
            raise InputError(
                "bits",
                f"is {self.bits} from {self.bits_at_start} with embedding_noise "
                f"{self.embedding_noise}",
                mend="give all positive, no more bits in the end than at the start; or bits none "
                "to price the mean absolute embedding",
            )
        if self.bits_steps < 1:
            raise InputError("bits_steps", f"is {self.bits_steps}", mend="give the training's")

    def budget(self, step: int) -> float:
        """Bits that may pass at a step, free of charge: constant, falling geometrically, constant.

        Raises:
            InputError: There is no budget, `bits` is none.
        """
        if self.bits is None:
            raise InputError("bits", "is none", mend="give the bits that may pass in the end")
        fallen = min(1.0, max(0.0, 2 * step / self.bits_steps - 0.5))
        return self.bits_at_start ** (1 - fallen) * self.bits**fallen


PAPER_TERMS = RiftTerms(
    capacity=2.0, image_noise=0.5, embedding_noise=0.5, guess=2.0, embedding_return=1.0
)
"""Published code's setting for 3DS-A at 64 px (batch 8, both learning rates 1e-4)."""


class Rift(CyclicTranslator):
    """Two generators, each of which translates and embeds what it is given.

    The generator into B takes an image of A and one embedding channel, and gives an image of B and
    the embedding of its input. With an embedding of zeros and no noise it is the encoder of A.
    Arguments are those of `CyclicTranslator`.
    """

    embedding = 1
    standard = RiftTerms()
    terms: RiftTerms

    def encode(self, x: Tensor, domain: Domain) -> Tensor:
        """Embeddings `(n, 1, side, side)` in (-1, 1) of images of a domain."""
        return self._run(OTHER[domain], [_bare(x)])[0][1]

    def translate(self, x: Tensor, direction: Direction, guide: Tensor | None = None) -> Tensor:
        """Translations of `x` under the guide's embedding, without noise; see `Translator`."""
        return self.under(x, direction, self.encode(needed(guide, x), into(direction)))

    def under(self, x: Tensor, direction: Direction, embedding: Tensor) -> Tensor:
        """Translations of `x` under embeddings `(n, 1, side, side)` of the target domain."""
        return self._run(into(direction), [torch.cat([x, embedding], 1)])[0][0]

    def generator_losses(self, a: Tensor, b: Tensor, noise: torch.Generator) -> GeneratorPass:
        """All terms on one batch, each summed over the two domains.

        With s = E(x), its batch rolled by one s', and F_d the noisy translation into domain d
        (o the other one): y_d = F_d(x_o, s'_d) is the translation, F_d(x_d, s_d) the identity, and
        F_d(y_o, s_d) the cycle. The swap terms re-read the guide's embedding from the translation
        that is there already. Passes that do not wait for each other share one batch.

        Args:
            a: Images of A, `(n, channels, side, side)` in [-1, 1], n at least 2.
            b: Images of B, likewise.
            noise: Of the images and the embeddings.

        Raises:
            InputError: There is a single image, which would be paired with itself.
        """
        if len(a) < 2:
            raise InputError("batch_size", f"is {len(a)}", mend="use 2 or more, to roll the guides")
        t, x = self.terms, {"a": a, "b": b}
        own = {d: self.encode(x[d], d) for d in DOMAINS}
        guiding = {d: own[d].roll(1, 0) for d in DOMAINS}

        def noisy(images: Tensor, embeddings: Tensor) -> Tensor:
            parts = (
                with_noise(images, t.image_noise, noise),
                with_noise(embeddings, t.embedding_noise, noise),
            )
            return torch.cat(parts, 1)

        terms: dict[str, Tensor] = {}
        translated: dict[str, Tensor] = {}
        for d in DOMAINS:
            inputs = [noisy(x[OTHER[d]], guiding[d])]
            inputs += [noisy(x[d], own[d])] if t.identity else []
            (translated[d], _), *same = self._run(d, inputs)
            for image, _ in same:
                terms[f"identity/{d}"] = t.identity * l1_loss(image, x[d])

        cycled: dict[str, Tensor] = {}
        reread: dict[Domain, Tensor] = {}
        for d in DOMAINS:
            o = OTHER[d]
            inputs = [noisy(translated[o], own[d])]
            inputs += [_bare(translated[o])] if t.embedding_swap or t.cycle_swap else []
            (cycled[d], returned), *again = self._run(d, inputs)
            terms[f"cycle/{d}"] = t.cycle * l1_loss(cycled[d], x[d])
            if t.embedding_return:
                terms[f"embedding_return/{o}"] = t.embedding_return * l1_loss(returned, guiding[o])
            if again:
                reread[o] = again[0][1]

        for d, embedding in reread.items():
            if t.embedding_swap:
                terms[f"embedding_swap/{d}"] = t.embedding_swap * l1_loss(embedding, guiding[d])
            if t.cycle_swap:
                inputs = [noisy(translated[OTHER[d]], embedding.roll(-1, 0))]
                image = self._run(d, inputs)[0][0]
                terms[f"cycle_swap/{d}"] = t.cycle_swap * l1_loss(image, x[d])

        for d in DOMAINS:
            if t.capacity:
                terms[f"capacity/{d}"] = t.capacity * self._price(own[d])
            if t.gan:
                terms[f"gan/{d}"] = t.gan * self.adversaries.deceive(d, translated[d])
            if t.guess:
                terms[f"guess/{d}"] = t.guess * self.adversaries.confuse(d, x[d], cycled[d])
        return GeneratorPass(
            losses=terms,
            translations=translated,
            reconstructions=cycled if t.guess else {},
            readings=self._readings(own),
        )

    def _run(self, target: Domain, inputs: list[Tensor]) -> list[tuple[Tensor, Tensor]]:
        """Images and embeddings for each input of the generator into a domain, in one batch."""
        outputs = self.into[target](torch.cat(inputs))
        images, embeddings = outputs.split([self.config["channels"], 1], 1)
        counts = [len(part) for part in inputs]
        return list(zip(images.split(counts), embeddings.split(counts), strict=True))

    def _price(self, embedding: Tensor) -> Tensor:
        if self.terms.bits is None:
            return losses.capacity(embedding)
        budget = self.terms.budget(self.step)
        return losses.excess_bits(embedding, self.terms.embedding_noise, budget)

    def _readings(self, embeddings: dict[Domain, Tensor]) -> dict[str, Tensor]:
        sigma = self.terms.embedding_noise
        found: dict[str, Tensor] = {}
        for d, embedding in embeddings.items():
            found[f"mean_abs/{d}"] = losses.capacity(embedding.detach())
            if sigma:
                found[f"bits/{d}"] = losses.channel_bits(embedding.detach(), sigma)
        return found


def _bare(images: Tensor) -> Tensor:
    """The encoder's input: the images and an embedding of zeros, without noise."""
    return torch.cat([images, torch.zeros_like(images[:, :1])], 1)
