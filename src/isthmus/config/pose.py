"""The schema of multi-view pose: rigs, S2's training, ablations, and the rivals."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from isthmus.config.fields import Section, count, number, sample_count, step_size

RigName = Literal["rig", "ski"]
AblationName = Literal[
    "flat",
    "teacher",
    "likelihood",
    "limbs",
    "no-pose",
    "no-cameras",
    "no-heatmaps",
    "no-projections",
    "no-loss",
]
BundleName = Literal[
    "anipose",
    "anipose-fixed",
    "anipose-random",
    "anipose-random-fixed",
    "bundle",
    "bundle-fixed",
]
Views = Annotated[int, Field(ge=2, le=16)]


class Rig(Section):
    """Frames of a rig, and the numbers of cameras that they are solved with, the first ones."""

    train_size: int = sample_count("frames to train with")
    test_size: int = sample_count("frames to judge with")
    views: list[Views] = Field(
        description="numbers of cameras for S1 and the refinement", min_length=1
    )
    learned_views: list[Views] = Field(
        description="numbers of cameras for S2 and bundle adjustment; ablations take the last",
        min_length=1,
    )


class Solver(Section):
    """S2: the learned optimiser and its training."""

    width: int = number("width of its layers", "units", ge=4, le=4096)
    blocks: int = number("pairs of layers between exchanges of the views", "pairs", ge=1, le=16)
    epochs: int = count("passes of a stage over the frames", "passes")
    batch_size: int = count("frames in a step", "frames")
    learning_rate: float = step_size("Adam's step size, falling to 0")
    stages: int = number("most stages", "stages", ge=1, le=10)
    attempts: int = number("trainings of a stage until one improves", "trainings", ge=1, le=100)


class Pose(Section):
    """Multi-view pose."""

    seeds: int = number("independent trainings of S2", "seeds", ge=1, le=100)
    bundles: list[BundleName] = Field(description="kinds of classical bundle adjustment to run")
    bundle_frames: int = sample_count("test frames that classical bundle adjustment solves")
    timed_frames: int = sample_count("test frames that every method is timed on, one at a time")
    solver: Solver
