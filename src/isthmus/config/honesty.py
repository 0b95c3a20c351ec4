"""The schema of the self-defence: its sets of pairs, the training of its methods, the audit."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from isthmus.config.fields import Section, number, sample_count, step_count
from isthmus.config.translation import Game, Networks

PairedSetName = Literal["scenes", "colour-digits", "stick-figures"]
DefenceName = Literal[
    "cyclegan",
    "noise",
    "guess",
    "guess-noise",
    "guess-noise-unequal",
    "unit",
    "munit-cycle",
    "pix2pix",
]


class Pairs(Section):
    """A set of pairs; a training takes no notice of who belongs to whom, but for pix2pix."""

    size: int = number("height and width of every image", "pixels", ge=16, le=256)
    train_size: int = sample_count("pairs to train with")
    test_size: int = number("pairs to judge with", "samples", ge=20, le=10_000_000)


class PairedSets(Section):
    """The sets of the self-defence."""

    scenes: Pairs
    colour_digits: Pairs = Field(alias="colour-digits")
    stick_figures: Pairs = Field(alias="stick-figures")


class Defence(Section):
    """How every method of the self-defence is built and trained; their own are in `translator`."""

    seeds: int = number("independent trainings", "seeds", ge=1, le=100)
    networks: Networks
    training: Game


class Honesty(Section):
    """The audit of what a trained translator hides."""

    probe_steps: int = step_count("training length of the two networks that read translations")
