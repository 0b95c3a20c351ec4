"""The schema of the studies: one experiment of the talk each, complete in one stage."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from isthmus.config.fields import (
    Section,
    Width,
    count,
    hidden_widths,
    length,
    number,
    sample_count,
    seed_count,
    step_count,
    step_size,
    weight,
)

Positive = Annotated[float, Field(gt=0, le=1_000_000)]
Count = Annotated[int, Field(ge=1, le=10_000_000)]


class LrmfTheory(Section):
    """The lemmas, the theorem and the special cases of LRMF, measured."""

    repeats: int = count("repeats of the aligned pair, of the shift of 4 and of every gap", "1")
    pairs: int = count("random pairs for lemma 2.1 and random affine flows for lemma 2.2", "1")
    flows: int = count("random RealNVP flows for theorem 2.3", "flows")
    laws: int = count("random pairs of discrete laws", "pairs")
    samples: int = number("samples of A and of B, even", "samples", ge=20, le=10_000_000)
    atoms: int = count("atoms of the discrete laws, fewer than samples", "atoms", least=4)
    shifts: list[Annotated[float, Field(ge=0, le=1000)]] = Field(
        description="shifts of two unit normal laws in the left panel", min_length=1
    )
    gaps: list[Annotated[float, Field(ge=0, le=1000)]] = Field(
        description="gaps of the two clouds in the middle panel; the largest, 8 or more, is "
        "disjoint",
        min_length=1,
    )
    cloud: int = number("samples of each cloud, and as many to judge", "samples", ge=20, le=10**7)
    components: int = count("Gaussians in the mixture family", "components", least=2)
    steps: int = step_count("steps on the shared mixture after EM")
    classifier_steps: int = step_count("training length of the domain classifier")


class PixelFlow(Section):
    """LRMF between digits in pixel space, by Glow: from the identity, and from F o G^-1."""

    seeds: int = seed_count("runs, each with its own noise, weights and batches")
    side: int = number("side to which the digits are pooled", "pixels", ge=2, le=256)
    levels: int = number("levels of each Glow", "levels", ge=1, le=6)
    flow_steps: int = number("steps of flow in a level, even", "steps", ge=2, le=64)
    filters: int = number("channels of the hidden layers of a coupling", "channels", ge=1, le=4096)
    steps: int = step_count("length of each of the four trainings")
    batch_size: int = count("images of each domain in a step", "images")
    private_learning_rate: float = step_size("Adam's step size of the private densities")
    learning_rate: float = step_size("Adam's step size of LRMF, a tenth as published")


class Dual(Section):
    """The dual of the logistic distance: checks, and three ways to move a cloud in the plane."""

    points: int = sample_count("points of a cloud")
    seeds: int = seed_count("pairs of clouds, one batch")
    steps: int = step_count("gradient steps of each alignment")
    step: float = step_size("step of the discriminator (min-max) and of alpha (duals)")
    point_step: float = step_size(
        "step of the points; the largest round one below 4 regulariser / points"
    )
    other_point_steps: list[Positive] = Field(
        description="other steps of the points, to show how the linear methods depend on it",
        min_length=1,
    )
    regulariser: float = length("lambda", "1")
    width: float = length("width of the Gaussian kernel", "units of the points")
    pairs: int = count("random pairs of 40 + 40 points in the checks", "pairs")


class VanishingGradient(Section):
    """Example 2.2 of LRMF, the gradient of a far shared component, and the noisy bound of ours."""

    seeds: int = seed_count("independent samples of A")
    samples: int = sample_count("points of A")
    noise: list[Positive] = Field(
        description="standard deviations of the noise on the aligned variables, besides none",
        min_length=1,
        max_length=3,
    )


class Means(Section):
    """Two clouds of equal means and covariances."""

    samples: int = sample_count("points of each cloud")
    deviation: float = length("standard deviation of a blob", "circle radii")
    steps: int = step_count("training length of the domain classifier")


class NoiseFloor(Section):
    """MMD and EMD of two samples of one law against those of two laws."""

    shift: float = number("distance of the two means", "standard deviations", ge=0, le=100)
    batch: int = sample_count("points of each sample where the dimension varies")
    dimensions: list[Count] = Field(
        description="dimensions beyond the plane, rising; the last is the high one", min_length=1
    )
    samples: list[Count] = Field(
        description="sample sizes of the curve in the highest dimension", min_length=1
    )


class Saddle(Section):
    """Simultaneous gradient descent-ascent on f(x, y) = x y."""

    step: float = step_size("step size of both players")
    steps: int = step_count("length of the path")


class Generator(Section):
    """The gradient that reaches a generator while the discriminator trains."""

    distance: float = number("between the two clouds", "standard deviations", ge=0, le=1000)
    samples: int = sample_count("points of each cloud")
    hidden: int = count("width of the discriminator's two hidden layers", "units")
    steps: int = step_count("training length of the discriminator")
    learning_rate: float = step_size("Adam's step size, constant")


class Nonsense(Section):
    """A permutation of B's points: every distance is zero, every class is chance."""

    samples: int = sample_count("points of B")
    classes: int = count("blobs on a circle, one class each", "classes", least=2)
    deviation: float = length("standard deviation of a blob", "circle radii")


class Motivation(Section):
    """What could go wrong: the talk's motivation, each a small measurement."""

    seeds: int = seed_count()
    means: Means
    noise_floor: NoiseFloor
    saddle: Saddle
    generator: Generator
    nonsense: Nonsense


class Meshes(Section):
    """The vertices of a body in two poses as samples of two laws."""

    seeds: int = seed_count()
    vertices: int = number("vertices of the body, about", "vertices", ge=200, le=1_000_000)
    couplings: int = number("couplings of every RealNVP", "layers", ge=2, le=64)
    hidden: list[Width] = hidden_widths("widths of the hidden layers of a coupling")
    steps: int = step_count("length of each of the three trainings")
    batch_size: int = count("vertices of each pose in a step", "vertices")
    learning_rate: float = step_size("Adam's step size at the start")


class DigitStudy(Section):
    """The stability study: a grid of runs of four methods under linear discriminators."""

    source: str = Field(description="labelled source of digits, one of `sources`")
    target: str = Field(description="unlabelled target, one of `sources`")
    target_size: int = sample_count("training images of the target")
    test_size: int = sample_count("test images of the target that runs are judged on")
    width: int = number("channels of the first convolution", "channels", ge=4, le=512)
    features: int = count("size of the feature layer before the softmax", "features")
    source_steps: int = step_count("training length of the source network")
    learning_rate_range: Annotated[list[Positive], Field(min_length=2, max_length=2)] = Field(
        description="smallest and largest learning rate of the grid"
    )
    learning_rates: int = count("learning rates of the grid, evenly spaced in the logarithm", "1")
    regulariser_range: Annotated[list[Positive], Field(min_length=2, max_length=2)] = Field(
        description="smallest and largest multiple of each method's reference regulariser"
    )
    regularisers: int = count("regularisers of the grid, evenly spaced in the logarithm", "1")
    epochs: int = count("passes over the target", "epochs")
    batch_size: int = count("images of each domain in a step", "images")
    seeds: int = seed_count("source networks, each with the whole grid of every method")


class DiracGan(Section):
    """The GAN with one parameter a side (Mescheder et al. 2018)."""

    start: Annotated[list[float], Field(min_length=2, max_length=2)] = Field(
        description="first state: generator, discriminator"
    )
    step: float = number("step size of both players", "per step", gt=0, le=10)
    discriminator_steps: int = count("D steps a G step in the five-step rows", "steps")
    clip: float = length("WGAN: largest |psi|", "1")
    wgan_gp_weight: float = weight("weight of WGAN-GP's penalty")
    wgan_gp_target: float = weight("|psi| that WGAN-GP asks for")
    noise_std: float = number("deviation of the instance noise", "units of x", ge=0, le=1000)
    penalty: float = weight("weight of the gradient penalty")
    critical_penalty: float = weight("weight of the row at the critical value")
    consensus: float = weight("weight of consensus optimisation")
    steps: int = step_count("training length")
    draws: int = count("noise draws an evaluation of the field", "samples")
    seeds: int = seed_count("repetitions of the rows with noise")


class InstanceNoise(Section):
    """Two normals on a line and their Jensen-Shannon divergence, with and without noise."""

    gap: float = length("distance of the means", "units of x")
    std: float = length("standard deviation of both laws", "units of x")
    noise_std: float = number("standard deviation of the noise", "units of x", ge=0, le=1000)


class RegularisedGan(Section):
    """The regularised Jensen-Shannon GAN on seven Gaussians in three dimensions (Roth et al.)."""

    weight: float = length("weight of the regulariser, the first one where annealed", "radii^2")
    decay: float = number("last weight over first, where annealed", "1", gt=0, le=1)
    steps: int = number("steps of each network", "optimiser steps", ge=2, le=10_000_000)
    batch: int = count("real samples of a step, and as many fake", "samples")
    hidden: int = count("units of each of the two hidden layers", "units")
    learning_rate: float = step_size("Adam's step size")
    samples: int = number("samples drawn of each generator to judge", "samples", ge=7, le=1_000_000)
    seeds: int = seed_count("GANs of each kind")


class LeakingAugmentation(Section):
    """Generators of four orientations, trained under random rotations of probability p."""

    samples: int = count("augmented real samples a generator learns from", "samples")
    restarts: int = count("generators a policy, each with its own start and samples", "generators")
    steps: int = step_count("length of the descent")
    learning_rate: float = number("Adam's step size, in logits", "per step", gt=0, le=10)


class Channel(Section):
    """Theorem 1 of RIFT: random Gaussian codes through a noisy channel."""

    codes: int = count("equally likely codes", "codes", least=2)
    dimension: int = count("numbers in a code", "1")
    powers: list[Positive] = Field(description="mean squared norms of a code", min_length=1)
    sigma: float = length("deviation of the noise where the power varies", "1")
    sigmas: list[Positive] = Field(description="deviations of the noise", min_length=1)
    power: float = length("mean squared norm where the noise varies", "1")
    draws: int = count("draws of code and noise", "draws", least=2)
    seeds: int = seed_count("codebooks")


class ManipulationMetric(Section):
    """What the exact renderer, chance and copies score on the splits of 3D-Shapes."""

    pairs: int = sample_count("pairs of each direction")
    seeds: int = seed_count()


class Comparison(Section):
    """The talk's table of families, with what is left of each gradient far from B."""

    shifts: list[Positive] = Field(
        description="distances of the means, in standard deviations, beyond 1", min_length=1
    )
    samples: int = sample_count("points of A and of B")
    seeds: int = seed_count()


class Studies(Section):
    """The studies, in the order of the report."""

    comparison: Comparison
    motivation: Motivation
    dual: Dual
    digit_study: DigitStudy
    lrmf_theory: LrmfTheory
    vanishing_gradient: VanishingGradient
    meshes: Meshes
    pixel_flow: PixelFlow
    dirac_gan: DiracGan
    instance_noise: InstanceNoise
    regularised_gan: RegularisedGan
    leaking_augmentation: LeakingAugmentation
    channel: Channel
    manipulation_metric: ManipulationMetric
