"""The schema of the puppets: data, networks, training and weights of PuppetGAN and its rivals."""

from __future__ import annotations

from typing import Annotated, Any, Literal

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
from isthmus.config.translation import Game, PartOf

PuppetTask = Literal["rotation", "size", "released", "mouth"]
PuppeteerName = Literal[
    "puppetgan",
    "cyclegan",
    "dida",
    "munit",
    "cycle-vae",
    "puppetgan-dagger",
    "puppetgan-no-attribute-cycle",
    "puppetgan-no-noise",
    "puppetgan-no-gan",
    "puppetgan-separate",
    "puppetgan-short-code",
]


class Puppets(Section):
    """The data of a task: real images, synthetic triplets, and sequences to test with."""

    size: int = number("height and width of every image", "pixels", ge=16, le=64)
    real_train: int = sample_count("real images to train with, without their labels")
    real_test: int = sample_count("real images held back, of those at hand, to be driven")
    triplets: int = sample_count("synthetic triplets to train with")
    sequences: int = sample_count("synthetic sequences to drive them by")


class PuppetJudge(Section):
    """The classifier of real images that judges what is kept of them."""

    steps: int = step_count("training length")
    batch_size: int = count("images in a step", "images")
    learning_rate: float = step_size("AdamW's step size")


class PuppetNetworks(Section):
    """Sizes that the puppeteers share."""

    width: int = number("channels of the encoders' first layer", "channels", ge=4, le=256)
    levels: int = number("halvings in encoders and decoders", "levels", ge=1, le=6)
    attribute: int = number("numbers in the code of the attribute", "1", ge=1, le=1024)
    rest: int = number("numbers in the code of the rest", "1", ge=1, le=1024)
    groups: int = number("groups of every GroupNorm", "groups", ge=1, le=64)
    discriminator_width: int = number("channels of their first layer", "channels", ge=4, le=256)
    discriminator_levels: int = number("halvings in the discriminators", "levels", ge=1, le=6)


class PuppetSizes(PuppetNetworks):
    """Those and the sizes that only some puppeteers have."""

    encoders: int = number("1 for both domains, or 2", "encoders", ge=1, le=2)
    common: int = number("DiDA: numbers in the common code", "1", ge=1, le=1024)
    separate: int = number("DiDA: numbers in the separate code", "1", ge=1, le=1024)
    classes: int = number("DiDA: bins of the attribute", "bins", ge=2, le=256)
    blocks: int = number("MUNIT: residual blocks", "blocks", ge=1, le=32)
    fold: int = number("MUNIT: pixels folded into channels a side", "pixels", ge=1, le=4)
    scales: int = number("MUNIT: discriminators, each of half the size", "1", ge=1, le=5)


class Puppetry(Section):
    """How every puppeteer is built and trained."""

    seeds: int = number("independent trainings", "seeds", ge=1, le=100)
    snapshots: int = number("points of the learning curve", "points", ge=1, le=100)
    looked_at: int = sample_count("real test images driven at a point of the learning curve")
    networks: PuppetNetworks
    training: Game


class Puppeteer(Section):
    """A method's own sizes and training."""

    networks: Annotated[dict[str, Any], PartOf(PuppetSizes)] = Field(
        description="its sizes where they are not those of `puppetry.networks`"
    )
    training: Annotated[dict[str, Any], PartOf(Game)] = Field(
        description="its training where it is not that of `puppetry.training`"
    )


class PuppetGan(Puppeteer):
    """PuppetGAN's weights and noise, or those of PuppetGAN without one of its parts."""

    reconstruction: float = weight("an image from its own code")
    disentanglement: float = weight("b3 from the attribute of b1 and the rest of b2")
    cycle: float = weight("an image through the other domain and back")
    attribute_cycle_b: float = weight("b3, its attribute through a real image")
    attribute_cycle_a: float = weight("a real image, its rest through a synthetic one")
    gan: float = weight("least-squares GAN on all generated images")
    noise: float = weight("deviation of the noise on generated images in [-1, 1]")


class Puppeteers(Section):
    """The methods' own sizes, training and weights; those that are not named are as published."""

    puppetgan: PuppetGan
    cyclegan: PuppetGan
    dida: Puppeteer
    munit: Puppeteer
    cycle_vae: Puppeteer = Field(alias="cycle-vae")
    puppetgan_dagger: PuppetGan = Field(alias="puppetgan-dagger")
    puppetgan_no_attribute_cycle: PuppetGan = Field(alias="puppetgan-no-attribute-cycle")
    puppetgan_no_noise: PuppetGan = Field(alias="puppetgan-no-noise")
    puppetgan_no_gan: PuppetGan = Field(alias="puppetgan-no-gan")
    puppetgan_separate: PuppetGan = Field(alias="puppetgan-separate")
    puppetgan_short_code: PuppetGan = Field(alias="puppetgan-short-code")
