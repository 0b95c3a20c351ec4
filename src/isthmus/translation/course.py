"""A training with looks on the way, which goes on where it was killed."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor

from isthmus.data.files import write_atomically
from isthmus.networks.distributed import place
from isthmus.translation.trainer import Trainer
from isthmus.translation.translator import LearnedTranslator

T = TypeVar("T", bound=LearnedTranslator)

STATE = "state.pt"
"""Name of the checkpoint in a training's folder."""

EVERY = 500
"""Steps between two lines of the log."""


def stops(steps: int, count: int) -> list[int]:
    """Steps to look at, evenly spaced, each once, the last step among them."""
    return sorted({max(1, round(steps * (i + 1) / count)) for i in range(count)})


def follow(
    trainer: Trainer[T],
    at: Iterable[int],
    look: Callable[[T], list[Tensor]],
    folder: Path,
    *,
    every: int = 500,
    on_step: Callable[[int, dict[str, float]], None] | None = None,
) -> dict[int, list[Tensor]]:
    """Train up to each of some steps, and look at the averaged translator there.

    Killed at any moment and called again with the same arguments, it gives what it would have given.
    The folder can be removed afterwards.

    Args:
        trainer: What to train; it has done no step.
        at: The steps to stop at, rising.
        look: What to keep of the translator at a stop.
        folder: Of the checkpoint and of what was looked at; made if absent. Looks without the
            checkpoint that they were made on the way to are of no use, and are removed.
        every: Steps between two checkpoints.
        on_step: As of `Trainer.run`.

    Returns:
        What `look` gave, by step.

    Raises:
        InputError: The training diverged, or the folder holds a checkpoint of another training.
    """
    state = folder / STATE
    if state.exists():
        trainer.load(state)
    else:
        shutil.rmtree(folder, ignore_errors=True)
    seen = {}
    for step in at:
        kept = folder / f"{step}.pt"
        if not kept.exists():
            trainer.run(step, checkpoint=state, every=every, on_step=on_step)
            with write_atomically(kept) as file:
                torch.save(look(trainer.averaged()), file)
        seen[step] = torch.load(kept, weights_only=True)
    return seen


def progress(steps: int) -> Callable[[int, dict[str, float]], None]:
    """A line now and then, with the time left at the pace so far."""
    begun, first = time.monotonic(), -1

    def on_step(step: int, values: dict[str, float]) -> None:
        nonlocal first
        first = step if first < 0 else first
        if (step + 1) % EVERY == 0 and place()[0] == 0:
            pace = (time.monotonic() - begun) / (step + 1 - first) / 60
            left = pace * (steps - step - 1)
            print(f"step {step + 1} of {steps}, about {left:.1f} minutes left", flush=True)

    return on_step
