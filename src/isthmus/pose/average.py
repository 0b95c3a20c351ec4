"""S1: monocular poses brought into the first view by Procrustes, and averaged (MetaPose, section 3).

View 0 is canonical. Every other view's pose is fitted by an orthogonal matrix, reflections included,
and the ratio of the norms, as in the released code.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from isthmus.metrics.pose import centred, orthogonal, size
from isthmus.pose.state import State, pack

Array = npt.NDArray[np.float64]
Average = Literal["all", "others"]
"""`all` views are averaged, as the paper says, or all but the first, as the released code does."""


class Start(NamedTuple):
    """The outcome.

    Attributes:
        state: Poses and cameras.
        reflected: Views whose best fit is a reflection, `(n, C)`: their camera is not right.
    """

    state: State
    reflected: npt.NDArray[np.bool_]


def average(monocular: Array, average: Average = "all") -> Start:
    """S1 of monocular poses `(n, C, J, 3)` in box units, C >= 2; a batch of frames at once."""
    first = monocular[:, :1]
    rotations = orthogonal(np.broadcast_to(first, monocular.shape), monocular)
    rotations[:, 0] = np.eye(3)
    scales = size(monocular) / size(first)
    pulled = centred(monocular) @ np.swapaxes(rotations, -1, -2) / scales
    pose = pulled[:, 1:].mean(1) if average == "others" else pulled.mean(1)
    state = pack(
        torch.from_numpy(centred(pose)),
        torch.from_numpy(rotations),
        torch.from_numpy(scales[..., 0, 0]),
        torch.from_numpy(monocular.mean(2)),
    )
    return Start(state, np.linalg.det(rotations) < 0)
