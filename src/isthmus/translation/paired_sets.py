"""The sets of the self-defence: pairs of images, of which A may hold more than B shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from isthmus.data import colour_digits, segmented_scenes, two_actors
from isthmus.data.table import Table
from isthmus.metrics.honesty import Quantiser, to_levels, to_palette
from isthmus.metrics.segmentation import nearest
from isthmus.translation.translator import to_unit

Images = npt.NDArray[np.uint8]

STEPS = 16
"""K where B has no palette: a step of 8 grey levels, twice the amplitude of 3 of 256 at which what
CycleGAN hides is reported to be destroyed (Chu et al. 2017), and some more."""


@dataclass(frozen=True)
class Shown:
    """What B can show.

    Attributes:
        palette: The colour of each class, uint8 `(classes, 3)`; none where B shows all of A.
        honest: From segmentations, int64 `(n, side, side)`, the best reconstructions of A for who
            knows nothing else, uint8 `(n, 3, side, side)`; goes with a palette.
    """

    palette: Images | None = None
    honest: Callable[[npt.NDArray[np.int64]], Images] | None = None

    def colours(self) -> Tensor | None:
        """The palette in [-1, 1]."""
        return None if self.palette is None else to_unit(torch.from_numpy(self.palette))

    def quantise(self) -> Quantiser:
        """The headline's q: to the palette, or to 2 `STEPS` + 1 levels where there is none."""
        colours = self.colours()
        return to_levels(STEPS) if colours is None else to_palette(colours)

    def floor(self, b: Tensor) -> Tensor | None:
        """The honest reconstructions in [-1, 1] of what belongs to `b`, bytes `(n, 3, side, side)`."""
        if self.palette is None or self.honest is None:
            return None
        maps = nearest(b, torch.from_numpy(self.palette)).numpy()
        return to_unit(torch.from_numpy(self.honest(maps)))


class PairedSet(NamedTuple):
    """Two domains in pairs.

    Attributes:
        load: Makes the tables `train` and `test` from `size`, `train_size`, `test_size` and `seed`;
            row i of A and row i of B are a pair in both.
        shown: What B can show.
    """

    load: Callable[..., dict[str, Table]]
    shown: Shown


PAIRED_SETS: Mapping[str, PairedSet] = {
    "scenes": PairedSet(
        partial(segmented_scenes.load, paired=True),
        Shown(segmented_scenes.PALETTE, segmented_scenes.honest),
    ),
    "colour-digits": PairedSet(
        partial(colour_digits.load, paired=True),
        Shown(colour_digits.PALETTE, colour_digits.honest),
    ),
    "stick-figures": PairedSet(two_actors.load, Shown()),
}
"""The sets by name: stand-ins for GTA V, for Google Maps, and for two actors of SynAction."""
