"""IR: bundle adjustment by gradient on the likelihood of the heat-maps (MetaPose, baseline)."""

from __future__ import annotations

import torch
from torch import Tensor

from isthmus.pose.likelihood import negative_log_likelihood
from isthmus.pose.limbs import limb_error
from isthmus.pose.state import State

STEPS, STEP_SIZE = 100, 1e-2
TOGETHER = 128
"""Frames in one batch: as many as a processor's cache holds."""


def refine(
    start: State,
    mixtures: Tensor,
    *,
    steps: int = STEPS,
    ratios: Tensor | None = None,
    limb_weight: float = 0.0,
    fixed_pose: bool = False,
) -> State:
    """Descend from a start by Adam, step size 0.01, all numbers free.

    The frames are independent: the loss is the sum of theirs, and Adam works number by number.

    Args:
        start: Where from; left as it is.
        mixtures: Heat-maps, `(n, C, J, K, 4)`.
        steps: How many steps.
        ratios: Limb lengths of the subjects divided by their mean, `(n, 16)`.
        limb_weight: Weight of the error of those, 0 as published.
        fixed_pose: Whether the pose stays as it is and cameras alone move.
    """
    parts = []
    for begin in range(0, len(start.pose), TOGETHER):
        rows = slice(begin, begin + TOGETHER)
        free = State(*(part.detach().clone().requires_grad_() for part in start.take(rows)))
        adam = torch.optim.Adam(free[1:] if fixed_pose else free, lr=STEP_SIZE)
        for _ in range(steps):
            loss = negative_log_likelihood(free.project(), mixtures[rows])
            if ratios is not None:
                loss = loss + limb_weight * limb_error(free.pose, ratios[rows])
            adam.zero_grad()
            loss.sum().backward()
            adam.step()
        parts.append(free)
    return State(*(torch.cat(each).detach() for each in zip(*parts, strict=True)))
