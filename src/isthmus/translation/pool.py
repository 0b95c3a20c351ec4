"""The history of translations that discriminators are shown (Shrivastava et al. 2017)."""

from __future__ import annotations

import torch
from torch import Tensor


def mix(
    history: Tensor | None, images: Tensor, size: int, source: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Show some new images, and in place of the others older ones, whose place they take.

    While the history is short, images are stored and shown; then each is shown with probability
    1/2, and otherwise stored in place of a random older one, which is shown instead.

    Args:
        history: Earlier images `(m, ...)`, m at most `size`; none at the start. Not changed.
        images: New ones, `(n, ...)`.
        size: How many to keep; 0 shows the new images as they are.
        source: Of the choices.

    Returns:
        The images to show, `(n, ...)`, and the history from now on.
    """
    kept = images[:0] if history is None else history
    free = min(size - len(kept), len(images))
    shown, kept = images.clone(), torch.cat([kept, images[:free]])
    if size:
        for row in range(free, len(images)):
            if torch.rand((), generator=source) < 0.5:
                place = int(torch.randint(size, (), generator=source))
                shown[row], kept[place] = kept[place].clone(), images[row]
    return shown, kept
