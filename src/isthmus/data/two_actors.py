"""Two actors before the same backgrounds in the same poses: a mapping that is one-to-one.

It stands in for the pairs of SynAction in the self-defence paper: nothing need be hidden, and the
right translation is known pixel by pixel.
"""

from __future__ import annotations

import numpy as np

from isthmus.data import stick_figures
from isthmus.data.paired import check_counts, two_domains
from isthmus.data.synaction import BACKGROUNDS
from isthmus.data.table import Table
from isthmus.errors import InputError
from isthmus.seeding import derive

ACTORS = (0, 1)
"""The identity of A, and of B."""
SCENES = len(stick_figures.POSES) * len(BACKGROUNDS)
"""How many combinations of pose and background there are."""


def load(size: int, *, train_size: int = 540, test_size: int = 180, seed: int) -> dict[str, Table]:
    """Stick figures of actor 000 (A) and of actor 001 (B).

    Args:
        size: Side of the images in pixels.
        train_size: Pairs for training, of the 720 combinations of pose and background.
        test_size: Pairs for testing, other ones.
        seed: Decides which.

    Returns:
        Tables `train` and `test`, the rows of A before those of B: images uint8
        `(n, size, size, 3)` with the factors `domain`, `pose` and `background`. Row i of A and row
        i of B are a pair.

    Raises:
        InputError: A setting makes no sense, or there are not so many combinations.
    """
    check_counts("two actors", train_size=train_size, test_size=test_size)
    if train_size + test_size > SCENES:
        problem = f"is {train_size}, with {test_size} for testing"
        mend = f"use at most {SCENES} in all"
        raise InputError("two actors", problem, field="train_size", mend=mend)
    order = np.random.default_rng(derive(seed, "two actors")).permutation(SCENES)

    def both(rows: slice) -> Table:
        pose, background = np.divmod(order[rows], len(BACKGROUNDS))
        scene = {"pose": pose, "background": background}
        a, b = (
            stick_figures.render(scene | {"identity": np.full_like(pose, actor)}, size)
            for actor in ACTORS
        )
        return two_domains(
            a,
            b,
            source="Stick figures of two actors, rendered",
            seed=seed,
            factors={name: (codes, codes) for name, codes in scene.items()},
            levels={name: stick_figures.LEVELS[name] for name in scene},
        )

    return {"train": both(slice(test_size, test_size + train_size)), "test": both(slice(test_size))}
