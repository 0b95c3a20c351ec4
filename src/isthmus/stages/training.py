"""What the stages that train a translator share: checkpoints, and a line now and then."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from isthmus.job import Job
from isthmus.networks.distributed import place

EVERY = 500
"""Steps between two lines of the log."""


def checkpoint_folder(job: Job, index: int) -> Path:
    """Beside the locks: a killed training goes on from here, and a finished one leaves nothing."""
    return Path(".isthmus") / "checkpoints" / f"{job.config.scale}-{job.key}-{index}"


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
