"""The terms that translators share, differentiable in every tensor unless said otherwise.

Distances between images are `torch.nn.functional.l1_loss`, a mean over all elements.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import relu


def lsgan_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """Least-squares GAN, mean (D(x) - 1)^2 + mean D(y)^2 (Mao et al. 2017 without their 1/2).

    Args:
        real: Scores of real images, any shape.
        fake: Scores of translations, any shape.

    Returns:
        A scalar; 0 for a perfect discriminator, 1/2 for one that cannot tell.
    """
    return (real - 1).square().mean() + fake.square().mean()


def lsgan_generator(fake: Tensor) -> Tensor:
    """The generator's side of `lsgan_discriminator`, mean (D(y) - 1)^2."""
    return (fake - 1).square().mean()


def both_orders(reconstructions: Tensor, images: Tensor) -> Tensor:
    """What the guess discriminator sees: `[x^, x]`, then `[x, x^]`, stacked along the channels.

    Args:
        reconstructions: x^, of shape `(n, c, side, side)`.
        images: x, likewise.

    Returns:
        Pairs of shape `(2n, 2c, side, side)`; in the first n the reconstruction comes first.
    """
    return torch.cat(
        [torch.cat([reconstructions, images], 1), torch.cat([images, reconstructions], 1)]
    )


def guess_discriminator(scores: Tensor) -> Tensor:
    """Whether the first of a pair is real: mean Q[x^, x]^2 + mean (Q[x, x^] - 1)^2.

    Self-defence for CycleGANs (Bashkirova, Usman, Saenko 2019), in RIFT's form: both orders.

    Args:
        scores: Of `both_orders`, the first dimension 2n.

    Returns:
        A scalar; 0 where every reconstruction is recognised, 1/2 where none can be.
    """
    reconstruction_first, image_first = scores.chunk(2)
    return lsgan_discriminator(image_first, reconstruction_first)


def guess_generator(scores: Tensor) -> Tensor:
    """The loss of `guess_discriminator` with the two targets swapped, for the generators."""
    reconstruction_first, image_first = scores.chunk(2)
    return lsgan_discriminator(reconstruction_first, image_first)


def capacity(embedding: Tensor) -> Tensor:
    """RIFT's price on what the guide may say, mean |s|.

    With |s| <= 1 it is no less than the power mean s^2, so it bounds the capacity.
    """
    return embedding.abs().mean()


def channel_bits(embedding: Tensor, sigma: float) -> Tensor:
    """Bits that s + n can carry about s, n ~ N(0, sigma^2 I_k): k/2 log2(1 + P / sigma^2).

    The capacity of the additive white Gaussian noise channel at the power P = mean s^2 that is
    measured, and by data processing no less than the mutual information of guide and translation.

    Args:
        embedding: s, of shape `(n, ...)`, k elements an image.
        sigma: Standard deviation of the noise, above 0.

    Returns:
        A scalar in bits; it grows with P and with 1/sigma.
    """
    power = embedding.square().mean()
    return embedding[0].numel() / (2 * math.log(2)) * torch.log1p(power / sigma**2)


def theorem_bits(embedding: Tensor, sigma: float) -> Tensor:
    """The bound of RIFT's Theorem 1 as it is printed: k log2(1 + L / sigma^2), L = E |s|^2.

    Never below `channel_bits`, which is the step of the proof before this one.
    """
    energy = embedding.flatten(1).square().sum(1).mean()
    return embedding[0].numel() / math.log(2) * torch.log1p(energy / sigma**2)


def excess_bits(embedding: Tensor, sigma: float, target: float) -> Tensor:
    """max(0, log2(C / target)), C = `channel_bits`: the price of capacity beyond a budget.

    Without a label and without a weight to tune for each data set or direction: under the target
    the embedding is free, so it cannot be shut; above it every doubling costs 1.

    Args:
        embedding: s, of shape `(n, ...)`.
        sigma: Standard deviation of the noise, above 0.
        target: Bits that may pass, above 0.

    Returns:
        A scalar, with gradient 0 under the target.
    """
    return relu(torch.log2(channel_bits(embedding, sigma).clamp(min=1e-12) / target))


def r1(scores: Tensor, real: Tensor) -> Tensor:
    """1/2 E |dD(x)/dx|^2 at real images (Mescheder et al. 2018), to be weighted by gamma.

    Args:
        scores: D(x) of any shape, computed from `real`.
        real: x, of shape `(n, ...)`, which must require a gradient.

    Returns:
        A scalar, differentiable in the parameters of D.
    """
    (slope,) = torch.autograd.grad(scores.sum(), real, create_graph=True)
    return slope.flatten(1).square().sum(1).mean() / 2
