"""What is solved for: one pose and a weak-perspective camera a view.

View c sees `q = s_c (p R_c) + t_c`, rows being points; the first two columns are the image in box
units. The unknowns are the joints, six numbers of each rotation (Zhou et al. 2019), the scale
before softplus, and the shift, whose third number no loss sees (MetaPose, released code).
"""

from __future__ import annotations

from typing import NamedTuple, Self

import torch
from torch import Tensor
from torch.nn.functional import softplus

CAMERA = 10
"""Numbers of a camera: 6 of the rotation, 1 of the scale, 3 of the shift."""


class State(NamedTuple):
    """A pose and its cameras, n of them.

    Attributes:
        pose: `(n, J, 3)`.
        cameras: `(n, C, 10)`: the first two rows of the rotation, the scale before softplus, the
            shift.
    """

    pose: Tensor
    cameras: Tensor

    @property
    def rotations(self) -> Tensor:
        """`(n, C, 3, 3)`."""
        return rotation(self.cameras[..., :6])

    @property
    def scales(self) -> Tensor:
        """`(n, C)`, positive."""
        return softplus(self.cameras[..., 6])

    @property
    def shifts(self) -> Tensor:
        """`(n, C, 3)`."""
        return self.cameras[..., 7:]

    def project(self) -> Tensor:
        """Where every view sees the joints, box units, `(n, C, J, 2)`."""
        seen = self.pose[:, None] @ self.rotations[..., :2]
        return self.scales[..., None, None] * seen + self.shifts[..., None, :2]

    def moved(self, pose: Tensor, cameras: Tensor) -> Self:
        """With these updates added."""
        return type(self)(self.pose + pose, self.cameras + cameras)

    def take(self, rows: Tensor | slice) -> Self:
        """These frames."""
        return type(self)(self.pose[rows], self.cameras[rows])

    def in_first_view(self) -> Tensor:
        """The pose in the coordinates of the first camera, `(n, J, 3)`."""
        return self.pose @ self.rotations[:, 0]


def pack(pose: Tensor, rotations: Tensor, scales: Tensor, shifts: Tensor) -> State:
    """The state of these; of a reflection, which six numbers cannot say, the third row is lost."""
    parts = [six(rotations), inverse_softplus(scales)[..., None], shifts]
    return State(pose, torch.cat(parts, -1))


def six(rotations: Tensor) -> Tensor:
    """The first two rows of rotations `(..., 3, 3)`, `(..., 6)`."""
    return rotations[..., :2, :].flatten(-2)


def rotation(numbers: Tensor) -> Tensor:
    """The rotations `(..., 3, 3)` of six numbers `(..., 6)`.

    x normalised, z = x × y normalised, y = z × x, as rows; differentiable where x and y are
    independent.
    """
    x = torch.nn.functional.normalize(numbers[..., :3], dim=-1)
    z = torch.nn.functional.normalize(torch.linalg.cross(x, numbers[..., 3:]), dim=-1)
    return torch.stack([x, torch.linalg.cross(z, x), z], -2)


def inverse_softplus(scales: Tensor) -> Tensor:
    """`log(exp(s) - 1)` of positive scales."""
    return scales + torch.log(-torch.expm1(-scales))
