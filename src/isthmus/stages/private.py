"""What the alignment stages share: a pair's points as tensors, seeds, and private densities."""

from __future__ import annotations

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from isthmus.data.table import Table
from isthmus.densities import Gaussian, RealNVPDensity
from isthmus.job import Job
from isthmus.seeding import derive


def seeds_of(job: Job) -> list[int]:
    """One seed a member, the same for the private densities and the alignment of a pair."""
    pair = job.items["pair"]
    count = job.config.prefit[pair].seeds
    return [derive(job.config.seed, pair, index) for index in range(count)]


def domains(a: Table, b: Table) -> tuple[Tensor, Tensor]:
    """Points of A and B, float32 of shape (N, D), as stored."""
    return torch.as_tensor(a.values).float(), torch.as_tensor(b.values).float()


def private_densities(job: Job, family: str, width: int) -> tuple[nn.Module, nn.Module]:
    """The private densities of A and B that the stage `prefit` left."""
    pair = job.items["pair"]
    settings, seeds = job.config.prefit[pair].realnvp, seeds_of(job)
    tensors = load_file(job.input(f"prefit/{pair}/densities.safetensors"))
    sides = []
    for side in "ab":
        density: nn.Module
        if family == "gaussian":
            density = Gaussian(width, batch_shape=(len(seeds),)).double()
        else:
            density = RealNVPDensity(
                width,
                couplings=settings.couplings,
                hidden=settings.hidden,
                batch_shape=(len(seeds),),
                seeds=seeds,
            )
        prefix = f"{family}.{side}."
        state = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
        density.load_state_dict(state)
        sides.append(density.requires_grad_(False))
    return sides[0], sides[1]
