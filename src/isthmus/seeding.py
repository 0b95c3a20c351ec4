"""Seeds: one base seed in `params.yaml`, one derived seed for every job and every purpose."""

from __future__ import annotations

import hashlib
import random

import numpy as np


def derive(base: int, *names: str | int) -> int:
    """A 31-bit seed that depends on the base seed and on the names, and on nothing else.

    Args:
        base: The base seed.
        names: What the seed is for, such as `("align", "moons", 3)`.
    """
    text = "/".join([str(base), *map(str, names)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> 1


def seed_everything(seed: int, *, threads: int = 1) -> None:
    """Seed Python, NumPy and torch, fix torch's thread count, and demand deterministic kernels."""
    import torch

    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)
    torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode("error")
