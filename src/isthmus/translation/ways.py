"""A translator as a pair of functions of images, which is how the measures of honesty take it."""

from __future__ import annotations

import torch
from torch import Tensor

from isthmus.metrics.honesty import Cycle, Way, cycle
from isthmus.translation.translator import Direction, Translator, into, needed


def way(
    translator: Translator,
    direction: Direction,
    guides: Tensor | None = None,
    *,
    batch_size: int = 250,
) -> Way:
    """One direction of a translator, in evaluation mode, without noise or gradient or rounding.

    On the way back, the guides are a policy that has to be reported: a translator with a style
    code may keep there what it cannot show. `guides=sources` gives it back, as in training;
    `guides=sources.roll(1, 0)` gives another image's.

    Args:
        translator: The translator, on the device of the images.
        direction: "a2b" or "b2a".
        guides: Images of the target domain, as many as will be translated, or none.
        batch_size: Images at a time.

    Raises:
        InputError: The direction is unknown; the function raises what `Translator.translate` does.
    """
    into(direction)

    @torch.no_grad()
    def translate(images: Tensor) -> Tensor:
        if guides is not None:
            needed(guides, images)
        mode = translator.training
        translator.eval()
        done = [
            translator.translate(
                images[start : start + batch_size],
                direction,
                None if guides is None else guides[start : start + batch_size],
            )
            for start in range(0, len(images), batch_size)
        ]
        translator.train(mode)
        return torch.cat(done)

    return translate


def round_trip(translator: Translator, a: Tensor, b: Tensor, *, own: bool = True) -> Cycle:
    """The cycle A -> B -> A of any translator, with guides for those that need them.

    Args:
        translator: The translator, on the device of the images.
        a: Sources in [-1, 1].
        b: Images of B; another row's than the source's guides the way there.
        own: Whether the sources guide their own way back, as in training, or another's each.

    Raises:
        InputError: What `Translator.translate` and `cycle` raise.
    """
    rows = (torch.arange(len(a)) + 1) % len(b)
    back = way(translator, "b2a", a if own else a.roll(1, 0))
    return cycle(way(translator, "a2b", b[rows]), back, a)
