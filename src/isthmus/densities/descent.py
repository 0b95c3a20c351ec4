"""Descent by Adam on one or several independent members at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from isthmus.densities.interface import per_member
from isthmus.densities.seeds import Seeds
from isthmus.errors import InputError

Schedule = Literal["cosine", "constant"]

GOOD_STATE_EVERY = 25
"""Steps between two copies of the parameters, to which a member goes back that turned to NaN."""


@dataclass(frozen=True)
class Descent:
    """How a descent went.

    Attributes:
        curve: Loss of each step, of shape `(steps, *members)`; NaN after a member was stopped.
        steps: Number of steps behind the final parameters of each member, of shape `members`;
            fewer than asked for where a loss or a gradient was not finite.
    """

    curve: Tensor
    steps: Tensor


def split(x: Tensor, fraction: float, seeds: Seeds) -> tuple[Tensor, Tensor]:
    """A random split into samples to learn from and samples held out, anew for each member.

    Args:
        x: Samples of shape `(N, D)` or `(*members, N, D)`.
        fraction: Share of the samples to hold out, between 0 and 1.
        seeds: The members and their seeds.

    Returns:
        Two tensors of shape `(*members, n, D)`, each of at least two samples.

    Raises:
        InputError: There are too few samples to hold any out.
    """
    count = x.shape[-2]
    held_out = round(count * fraction)
    if held_out < 2 or count - held_out < 2:
        raise InputError(
            "held_out",
            f"leaves {count - held_out} of {count} samples to learn from and {held_out} to judge",
            mend="give more samples, another fraction, or a held-out set of your own",
        )
    shuffled = _shuffled(x, seeds, seeds.generators("split"))
    return shuffled[..., held_out:, :], shuffled[..., :held_out, :]


def minibatches(x: Tensor, size: int, seeds: Seeds, name: str = "batches") -> Iterator[Tensor]:
    """Endless mini-batches `(*members, size, D)`: each member's samples shuffled at each epoch.

    Args:
        x: Samples of shape `(N, D)` or `(*members, N, D)`.
        size: Samples in a batch; all of them where there are fewer.
        seeds: The members and their seeds.
        name: What the batches are for: another name, another order.
    """
    size = min(size, x.shape[-2])
    generators = seeds.generators(name)
    while True:
        shuffled = _shuffled(x, seeds, generators)
        for start in range(0, x.shape[-2] - size + 1, size):
            yield shuffled[..., start : start + size, :]


def _shuffled(x: Tensor, seeds: Seeds, generators: list[torch.Generator]) -> Tensor:
    order = torch.stack([torch.randperm(x.shape[-2], generator=g) for g in generators])
    rows = order.view(*seeds.members, -1, 1).to(x.device)
    return torch.take_along_dim(per_member(x, seeds.members), rows, -2)


def descend(
    loss: Callable[[], Tensor],
    parameters: Iterable[nn.Parameter],
    *,
    members: torch.Size,
    steps: int,
    learning_rate: float,
    schedule: Schedule = "cosine",
    clip: float = 10.0,
    on_step: Callable[[int, Tensor], None] | None = None,
) -> Descent:
    """Minimise a loss by Adam, each member as if it were alone.

    The gradient norm is clipped for each member. A member whose loss or gradient is not finite is
    stopped there: in the end it takes back its last good parameters, at most 25 steps older. The
    others go on, for no operation mixes members.

    Args:
        loss: Gives the loss of the next step, of shape `members`.
        parameters: Parameters of shape `(*members, ...)`; those without gradient are left alone.
        members: Shape of the ensemble, `()` or `(E,)`.
        steps: Number of steps.
        learning_rate: Adam's step size at the start.
        schedule: "cosine" lowers it to zero along half a cosine, "constant" keeps it.
        clip: Largest gradient norm of a member.
        on_step: Called after each step with its number and the loss of each member.
    """
    trained = [p for p in parameters if p.requires_grad]
    adam = torch.optim.Adam(trained, lr=learning_rate, fused=True)
    good = [p.detach().clone() for p in trained]
    alive = torch.ones(members, dtype=torch.bool, device=trained[0].device)
    taken = torch.zeros(members, dtype=torch.long, device=trained[0].device)
    curve: list[Tensor] = []
    for step in range(steps):
        if schedule == "cosine":
            adam.param_groups[0]["lr"] = learning_rate * (1 + math.cos(math.pi * step / steps)) / 2
        adam.zero_grad()
        value = loss()
        value.sum().backward()
        gradients = [p.grad for p in trained if p.grad is not None]
        norms = [torch.linalg.vector_norm(g.reshape(*members, -1), dim=-1) for g in gradients]
        norm = torch.linalg.vector_norm(torch.stack(norms), dim=0)
        alive = alive & (value.detach() + norm).isfinite()
        curve.append(value.detach().where(alive, math.nan))
        if not alive.any():
            break
        scale = (clip / norm).clamp(max=1)
        for gradient in gradients:
            gradient.mul_(_spread(scale, gradient))
        if step % GOOD_STATE_EVERY == 0:
            _take(good, trained, alive)
            taken = taken.where(~alive, step)
        adam.step()
        if on_step is not None:
            on_step(step, curve[-1])
    _take(good, trained, alive)
    with torch.no_grad():
        for parameter, kept in zip(trained, good, strict=True):
            parameter.copy_(kept)
    return Descent(torch.stack(curve), taken.where(~alive, steps))


def _take(good: list[Tensor], parameters: list[nn.Parameter], alive: Tensor) -> None:
    """Copy the parameters of the living members."""
    for kept, parameter in zip(good, parameters, strict=True):
        kept.copy_(parameter.detach().where(_spread(alive, kept), kept))


def _spread(per_member: Tensor, parameter: Tensor) -> Tensor:
    """A value for each member, shaped to broadcast against a parameter `(*members, ...)`."""
    return per_member.view(*per_member.shape, *[1] * (parameter.dim() - per_member.dim()))
