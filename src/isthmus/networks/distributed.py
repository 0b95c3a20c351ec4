"""One training on several processes, which take the same step, each with its part of the batch.

Where `torch.distributed` has no process group, there is one process.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import Tensor, distributed

from isthmus.errors import InputError

T = TypeVar("T")


@contextmanager
def group(device: str) -> Iterator[torch.device]:
    """The process group that `torchrun` has started this process for, if any, while it is open.

    Args:
        device: "cpu" or "cuda".

    Yields:
        This process's device: of several processes on a machine each has a GPU of its own.

    Raises:
        InputError: There is no such device here.
    """
    mine = torch.device(device)
    if mine.type == "cuda":
        mine = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        if mine.index >= torch.cuda.device_count():
            raise InputError(
                "device",
                f"is {mine}, and this machine has {torch.cuda.device_count()} GPUs",
                mend="use cpu, or no more processes than GPUs",
            )
    if "RANK" not in os.environ:
        yield mine
        return
    distributed.init_process_group("nccl" if mine.type == "cuda" else "gloo")
    try:
        yield mine
    finally:
        distributed.destroy_process_group()


def place() -> tuple[int, int]:
    """Number of this process, from 0 up, and how many there are."""
    if not distributed.is_initialized():
        return 0, 1
    return distributed.get_rank(), distributed.get_world_size()


def share(tensors: Iterable[Tensor]) -> None:
    """Give every process the first one's values, in place."""
    if place()[1] > 1:
        for tensor in tensors:
            distributed.broadcast(tensor, 0)


def average(tensors: Iterable[Tensor]) -> None:
    """Give every process the means over the processes, in place; one message for all."""
    tensors, (_, count) = list(tensors), place()
    if count > 1:
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        distributed.all_reduce(flat)
        parts = (flat / count).split([tensor.numel() for tensor in tensors])
        for tensor, mean in zip(tensors, parts, strict=True):
            tensor.copy_(mean.view_as(tensor))


def meet() -> None:
    """Wait until every process is here."""
    gathered(None)


def gathered(value: T) -> list[T]:
    """The values of all processes, in their order, in every one of them."""
    _, count = place()
    if count == 1:
        return [value]
    found: list[T] = [value] * count
    distributed.all_gather_object(found, value)
    return found
