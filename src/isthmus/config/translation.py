"""The schema of the many-to-many benchmark: sets, networks, training and methods' weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from isthmus.config.fields import (
    Section,
    count,
    length,
    number,
    sample_count,
    step_count,
    step_size,
    weight,
)

SetName = Literal["3ds-a", "3ds-b", "3ds-c", "synaction", "celeba", "3ds-shifted"]
TranslatorName = Literal[
    "rift",
    "munit",
    "munitx",
    "cyclegan",
    "didd",
    "starganv2",
    "dritpp",
    "augcyclegan",
    "rift-no-capacity",
    "rift-dishonest",
    "noise",
    "guess",
    "guess-noise",
    "guess-noise-unequal",
    "unit",
    "munit-cycle",
    "pix2pix",
]


@dataclass(frozen=True)
class PartOf:
    """Marks a mapping of some of a section's names to values that the section would take."""

    section: type[Section]

    def __get_pydantic_core_schema__(self, _: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        fields = {
            name: core_schema.typed_dict_field(
                handler.generate_schema(Annotated[field.annotation, *field.metadata]),
                required=False,
            )
            for name, field in self.section.model_fields.items()
        }
        closed = core_schema.CoreConfig(strict=True, extra_fields_behavior="forbid")
        return core_schema.typed_dict_schema(fields, config=closed)


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


class Sizes(Networks):
    """Those and the sizes that only some translators have."""

    scales: int = number("discriminators, each of half the size", "discriminators", ge=1, le=5)
    separate: int = number("channels of DIDD's separate codes", "channels", ge=1, le=256)
    widest: int = number("most channels of a layer", "channels", ge=4, le=1024)
    hidden: int = number("width of the mapping network", "units", ge=4, le=1024)
    halvings: int = number("halvings of a U-Net", "halvings", ge=2, le=10)
    dropped: int = number("doublings of a U-Net under dropout", "doublings", ge=0, le=9)


class Game(Section):
    """The training of a translator."""

    steps: int = step_count("training length")
    batch_size: int = count("images of each domain in a step", "images")
    learning_rate: float = step_size("Adam's step size, generators")
    discriminator_learning_rate: float = step_size("Adam's step size, discriminators")
    decay_from: float = number("share of the steps after which both fall to 0", "1", ge=0, le=1)
    averaging: float = number("decay of the generators' average a step", "1", ge=0, le=1)
    betas: list[Annotated[float, Field(ge=0, lt=1)]] = Field(
        description="decays of Adam's means, both sides", min_length=2, max_length=2
    )
    history: int = number("translations kept for the discriminators", "images", ge=0, le=10_000)
    largest_gradient: float = length("norm that gradients are clipped to", "1")


class Translation(Section):
    """How every translator is built and trained."""

    seeds: int = number("independent trainings", "seeds", ge=1, le=100)
    snapshots: int = number("points of the learning curve", "points", ge=1, le=100)
    pairs: int = sample_count("test pairs of each direction at a point of the learning curve")
    networks: Networks
    training: Game


class Method(Section):
    """A method's own sizes and training, then its weights where not all are as published."""

    networks: Annotated[dict[str, Any], PartOf(Sizes)] = Field(
        description="its sizes where they are not those of `translation.networks`"
    )
    training: Annotated[dict[str, Any], PartOf(Game)] = Field(
        description="its training where it is not that of `translation.training`"
    )


class Rift(Method):
    """RIFT's weights and noises, or those of RIFT without one of its parts."""

    capacity: float = weight("price of the embedding")
    bits: Annotated[float, Field(gt=0, le=1_000_000)] | None = Field(
        description="bits that may pass in the end free of charge; null prices the mean absolute "
        "embedding instead"
    )
    bits_at_start: float = length("bits that may pass in the first quarter of the steps", "bits")
    image_noise: float = weight("deviation of the noise on images in [-1, 1]")
    embedding_noise: float = weight("deviation of the noise on embeddings in (-1, 1)")
    guess: float = weight("honesty by guessing")
    embedding_return: float = weight("return of the guide's embedding by the cycle")
    embedding_swap: float = weight("guide's embedding re-read from the translation")
    cycle_swap: float = weight("cycle by the re-read embedding")


class Cyclegan(Method):
    """CycleGAN's weights and noises; the self-defence is in them."""

    noise: float = weight("deviation of the noise on translations in [-1, 1]")
    guess: float = weight("honesty by guessing")
    cycle_a: float = weight("cycle of A")
    cycle_b: float = weight("cycle of B")


class Munit(Method):
    """MUNIT's weights where they differ between its two forms."""

    cycle: float = weight("explicit cycle; 0 in MUNIT itself")


class Didd(Method):
    """DIDD's weights where ours differ from the published ones."""

    confusion: float = weight("domains that the common code does not tell")


class StarGanV2(Method):
    """StarGANv2's weights where the published ones differ between data sets."""

    diversity: float = weight("translations under two styles differ, at the start; falls to 0")


class Translators(Section):
    """The methods' own sizes, training and weights."""

    rift: Rift
    munit: Munit
    munitx: Munit
    cyclegan: Cyclegan
    didd: Didd
    starganv2: StarGanV2
    dritpp: Method
    augcyclegan: Method
    rift_no_capacity: Rift = Field(alias="rift-no-capacity")
    rift_dishonest: Rift = Field(alias="rift-dishonest")
    noise: Cyclegan
    guess: Cyclegan
    guess_noise: Cyclegan = Field(alias="guess-noise")
    guess_noise_unequal: Cyclegan = Field(alias="guess-noise-unequal")
    unit: Method
    munit_cycle: Munit = Field(alias="munit-cycle")
    pix2pix: Method


class Classifiers(Section):
    """The classifier of a set's factors, on images of any values of them."""

    images: int = sample_count(
        "images to train with, or all there are, less those that are test images"
    )
    held_out: int = sample_count("images of any values to judge it with, a quarter of all at most")
    steps: int = step_count("training length")
    batch_size: int = count("images in a step", "images")
    learning_rate: float = step_size("AdamW's step size")


class Diagnosis(Section):
    """Honesty probes on translations, and the noise of the cycle."""

    pairs: int = number("training pairs of a direction to translate", "pairs", ge=6, le=10_000_000)
    epochs: int = count("passes over them, at most", "passes")
    patience: int = count("passes without progress after which a probe stops", "passes")
    batch_size: int = count("translations in a step", "images")
    learning_rate: float = step_size("Adam's step size")
    noise: float = length("deviation of the faint noise on translations", "1, of [-1, 1]")
