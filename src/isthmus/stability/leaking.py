"""Leaking augmentation (Karras et al. 2020, arXiv 2006.06676): which policies hide the law.

A policy draws an element of a cyclic group, such as one of four quarter turns, and applies it to
every sample, real or generated. On laws it acts as a linear operator: a circular convolution with
its weights, whose spectrum is their discrete Fourier transform. Equal augmented laws mean equal
laws if and only if no value of that spectrum is zero, whether or not a sample can be turned back.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from isthmus.errors import InputError
from isthmus.seeding import derive

Law = NDArray[np.float64]

START_DEVIATION = 3.0
"""Deviation of a generator's logits at the start: nearly all its mass is on one state, any one."""


@dataclass(frozen=True)
class Leak:
    """What a policy does to laws.

    Attributes:
        spectrum: |DFT| of the weights, each from 0 to 1, the first one 1.
        smallest: The smallest of them.
        condition: Condition number of the operator on laws, 1 / smallest; infinite where it leaks.
        leaks: The smallest is zero up to rounding: different laws look alike once augmented.
    """

    spectrum: tuple[float, ...]
    smallest: float
    condition: float
    leaks: bool


def leak(weights: ArrayLike) -> Leak:
    """Whether a policy on a finite cyclic group leaks, and how badly it conditions what it keeps.

    Args:
        weights: Probability of each element of the group in cyclic order, of shape `(n,)`.

    Raises:
        InputError: They are no probabilities.
    """
    policy = _law(weights, "weights")
    spectrum = np.abs(np.fft.fft(policy))
    smallest = float(spectrum.min())
    leaks = bool(smallest <= len(policy) * np.finfo(float).eps)
    return Leak(
        spectrum=tuple(spectrum.tolist()),
        smallest=smallest,
        condition=math.inf if leaks else 1 / smallest,
        leaks=leaks,
    )


def augment(weights: ArrayLike, law: ArrayLike) -> Law:
    """The law of augmented samples, their circular convolution.

    Applied to two policies it gives the policy that is one after the other. The spectra multiply:
    policies that do not leak compose to one that does not.

    Args:
        weights: The policy, of shape `(n,)`.
        law: Probability of each state, of shape `(n,)`.

    Raises:
        InputError: One of them is no law, or they differ in length.
    """
    policy, q = _law(weights, "weights"), _law(law, "law")
    _same_length(policy, q)
    return circulant(policy) @ q


def circulant(policy: Law) -> Law:
    """The operator on laws as a matrix `(n, n)`, which acts from the left; its columns are laws."""
    n = len(policy)
    return policy[(np.arange(n)[:, None] - np.arange(n)) % n]


def recover(weights: ArrayLike, law: ArrayLike) -> Law:
    """The inverse of `augment`: the law behind an augmented law.

    Of observed frequencies it is the unbiased estimate, whose entries add up to 1 but may be
    negative.

    Args:
        weights: The policy, of shape `(n,)`.
        law: Augmented law or frequencies, of shape `(..., n)`.

    Raises:
        InputError: The policy leaks, or lengths differ.
    """
    policy, q = _law(weights, "weights"), np.asarray(law, dtype=np.float64)
    _same_length(policy, q)
    if leak(policy).leaks:
        raise InputError(
            "weights",
            "leak: several laws have the same augmented law",
            mend="leave the sample alone more often",
        )
    return np.fft.ifft(np.fft.fft(q) / np.fft.fft(policy)).real


def with_probability(p: float, weights: ArrayLike) -> Law:
    """The policy that is applied with probability p; its spectrum is 1 - p + p DFT(weights).

    With uniform weights the smallest is 1 - p, the condition number 1 / (1 - p).

    Raises:
        InputError: p is not in [0, 1], or the weights are no probabilities.
    """
    policy = p * _law(weights, "weights")
    policy[0] += 1 - p
    return _law(policy, "p")


def uniform(count: int) -> Law:
    """The policy that draws any of `count` elements alike."""
    return np.full(count, 1 / count)


def additive_noise(count: int, deviation: float) -> Law:
    """Normal noise on a periodic grid, as a policy of shifts.

    Its spectrum is the characteristic function exp(-(deviation w)^2 / 2) at the frequencies
    w = 2 pi k / count, summed over those that the grid cannot tell apart, and so nowhere zero.

    Args:
        count: Cells of the grid.
        deviation: Standard deviation in cells, above 0.
    """
    wraps = np.arange(-math.ceil(10 * deviation / count) - 1, math.ceil(10 * deviation / count) + 2)
    distance = np.arange(count)[:, None] + count * wraps
    weights = np.exp(-((distance / deviation) ** 2) / 2).sum(1)
    return weights / weights.sum()


def observed(weights: ArrayLike, law: ArrayLike, *, samples: int, repeats: int, seed: int) -> Law:
    """Frequencies `(repeats, n)` of the states among so many augmented samples.

    Args:
        weights: The policy, of shape `(n,)`.
        law: The law of the samples, of shape `(n,)`.
        samples: Samples of one repeat.
        repeats: How often to sample.
        seed: The seed.
    """
    rng = np.random.default_rng(seed)
    return rng.multinomial(samples, augment(weights, law), size=repeats) / samples


def recovery_error(weights: ArrayLike, law: ArrayLike, frequencies: Law) -> Law:
    """Euclidean distance of the recovered law from the true one, of shape `(...)`.

    At n samples its root mean square is at most the condition number over the square root of n.
    """
    return np.linalg.norm(recover(weights, frequencies) - np.asarray(law), axis=-1)


def jensen_shannon(p: Tensor, q: Tensor) -> Tensor:
    """JSD(p, q) = H((p + q) / 2) - (H(p) + H(q)) / 2 of laws on the last axis, H the entropy.

    In nats, 0 to log 2. Differentiable in q where q is positive, and in p likewise.
    """
    entropy = torch.special.entr
    return (entropy((p + q) / 2) - (entropy(p) + entropy(q)) / 2).sum(-1)


def trained_laws(
    weights: ArrayLike,
    frequencies: ArrayLike,
    *,
    steps: int,
    learning_rate: float,
    seed: int,
) -> Law:
    """Laws of generators trained to look, once augmented, like observed augmented samples.

    A generator is a softmax over the states. Adam descends the Jensen-Shannon divergence of its
    augmented law from the frequencies: what a GAN with the best discriminator descends.

    Args:
        weights: The policy, of shape `(n,)`.
        frequencies: One set of observed frequencies a generator, of shape `(generators, n)`.
        steps: Steps of descent.
        learning_rate: Adam's step size, in logits.
        seed: The seed of the start.

    Returns:
        The laws, of shape `(generators, n)`.
    """
    target = torch.tensor(np.asarray(frequencies))
    operator = torch.tensor(circulant(_law(weights, "weights")))
    generator = torch.Generator().manual_seed(derive(seed, "start"))
    logits = START_DEVIATION * torch.randn(target.shape, generator=generator, dtype=target.dtype)
    logits.requires_grad_()
    adam = torch.optim.Adam([logits], lr=learning_rate)
    for _ in range(steps):
        adam.zero_grad()
        augmented = logits.softmax(-1) @ operator.mT
        jensen_shannon(target, augmented).sum().backward()
        adam.step()
    return logits.detach().softmax(-1).numpy()


def total_variation(p: ArrayLike, q: ArrayLike) -> Law:
    """Half the L1 distance of laws on the last axis: the share of samples that is wrong, 0 to 1."""
    return np.abs(np.asarray(p) - np.asarray(q)).sum(-1) / 2


def _law(values: ArrayLike, name: str) -> Law:
    law = np.array(values, dtype=np.float64)
    if law.ndim != 1 or not len(law) or not (law >= 0).all() or abs(law.sum() - 1) > 1e-9:
        raise InputError(
            name,
            f"are no probabilities: {law.tolist()}",
            mend="give a list of numbers, at least 0, that add up to 1",
        )
    return law


def _same_length(policy: Law, law: Law) -> None:
    if law.shape[-1:] != policy.shape:
        raise InputError(
            "law",
            f"has shape {law.shape} under a policy of {len(policy)} elements",
            mend="give one probability for each element of the group",
        )
