"""The schema of the many-to-many benchmark: sets, networks, training and methods' weights."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from isthmus.config.fields import (
    Section,
    count,
    number,
    sample_count,
    step_count,
    step_size,
    weight,
)

SetName = Literal["3ds-a", "3ds-b", "3ds-c"]
TranslatorName = Literal["rift", "cyclegan", "munit", "munitx"]


class Scenes(Section):
    """The rendered sets of two domains."""

    size: int = number("height and width of every image", "pixels", ge=16, le=64)
    train_size: int = sample_count("images of each domain to train with")
    test_size: int = sample_count("images of each domain to translate and judge")


class Networks(Section):
    """Sizes that all translators share."""

    width: int = number("channels of the generators' first layer", "channels", ge=4, le=256)
    blocks: int = number("residual blocks", "blocks", ge=0, le=32)
    fold: int = number("pixels folded into channels a side", "pixels", ge=1, le=4)
    groups: int = number("groups of every GroupNorm; 0 is InstanceNorm", "groups", ge=0, le=64)
    discriminator_width: int = number("channels of their first layer", "channels", ge=4, le=256)
    levels: int = number("halvings in the discriminators", "levels", ge=1, le=6)


class Game(Section):
    """The training of a translator, the same for all."""

    steps: int = step_count("training length")
    batch_size: int = count("images of each domain in a step", "images", least=2)
    learning_rate: float = step_size("Adam's step size, generators")
    discriminator_learning_rate: float = step_size("Adam's step size, discriminators")
    decay_from: float = number("share of the steps after which both fall to 0", "1", ge=0, le=1)
    averaging: float = number("decay of the generators' average a step", "1", ge=0, le=1)


class Translation(Section):
    """How every translator is built and trained."""

    seeds: int = number("independent trainings", "seeds", ge=1, le=100)
    networks: Networks
    training: Game


class Rift(Section):
    """RIFT's weights and noises."""

    capacity: float = weight("price of the embedding")
    bits: Annotated[float, Field(gt=0, le=1_000_000)] | None = Field(
        description="bits that may pass free of charge; null prices the mean absolute embedding"
    )
    image_noise: float = weight("deviation of the noise on images in [-1, 1]")
    embedding_noise: float = weight("deviation of the noise on embeddings in (-1, 1)")
    guess: float = weight("honesty by guessing")
    embedding_return: float = weight("return of the guide's embedding by the cycle")
    embedding_swap: float = weight("guide's embedding re-read from the translation")
    cycle_swap: float = weight("cycle by the re-read embedding")


class Cyclegan(Section):
    """CycleGAN's weights and noises."""

    noise: float = weight("deviation of the noise on translations in [-1, 1]")
    guess: float = weight("honesty by guessing")


class Munit(Section):
    """MUNIT's weights where they differ between its two forms."""

    cycle: float = weight("explicit cycle; 0 in MUNIT itself")


class Translators(Section):
    """The methods' own weights."""

    rift: Rift
    cyclegan: Cyclegan
    munit: Munit
    munitx: Munit
