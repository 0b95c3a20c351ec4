"""Bits that a noisy code carries."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def code_information(codes: Tensor, sigma: float, *, draws: int, seed: int) -> tuple[float, float]:
    """Mutual information of equally likely codes and what arrives, I(i; s_i + e), e ~ N(0, sigma^2).

        I = E_i,e log2 [ p(s_i + e | i) / mean_j p(s_i + e | j) ]

    estimated from draws of (i, e): never above log2 of the number of codes.

    Args:
        codes: s, of shape `(M, k)`.
        sigma: Standard deviation of the noise on each of the k numbers.
        draws: Draws of i and e.
        seed: Of the draws.

    Returns:
        The information in bits and its standard error.
    """
    generator = torch.Generator().manual_seed(seed)
    codes = codes.double()
    sent = torch.randint(len(codes), (draws,), generator=generator)
    noise = sigma * torch.randn(draws, codes.shape[1], dtype=codes.dtype, generator=generator)
    arrived = codes[sent] + noise
    log_likely = torch.cdist(arrived, codes).square() / (-2 * sigma**2)
    own = noise.square().sum(1) / (-2 * sigma**2)
    bits = (own - log_likely.logsumexp(1) + math.log(len(codes))) / math.log(2)
    return bits.mean().item(), (bits.std() / draws**0.5).item()
