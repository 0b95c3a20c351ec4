"""The rows of a table that need no training, against which every accuracy is read."""

from __future__ import annotations

from torch import Tensor

from isthmus.translation.translator import Direction, Translator, into, needed


class CopySource(Translator):
    """Gives the source: shared factors are right, specific ones are not."""

    def __init__(self) -> None:
        super().__init__()
        self.config = {}

    def translate(self, x: Tensor, direction: Direction, guide: Tensor | None = None) -> Tensor:
        """`x`, as it is; see `Translator`."""
        into(direction)
        return x


class CopyGuide(Translator):
    """Gives the guide: specific factors are right, shared ones are not."""

    def __init__(self) -> None:
        super().__init__()
        self.config = {}

    def translate(self, x: Tensor, direction: Direction, guide: Tensor | None = None) -> Tensor:
        """`guide`, as it is; see `Translator`."""
        into(direction)
        return needed(guide, x)
