"""Limb lengths of poses, which a subject keeps."""

from __future__ import annotations

import torch
from torch import Tensor

from isthmus.data.skeletons import BONES

PARENTS, CHILDREN = (list(side) for side in zip(*BONES, strict=True))


def limb_ratios(pose: Tensor) -> Tensor:
    """Lengths of the sixteen bones divided by their mean, `(n, 16)`, of poses `(n, 17, 3)`."""
    lengths = (pose[:, CHILDREN] - pose[:, PARENTS]).norm(dim=-1)
    return lengths / lengths.mean(-1, keepdim=True)


def limb_error(pose: Tensor, ratios: Tensor) -> Tensor:
    """`|b - l(p) / mean l(p)|_2` of every frame, `(n,)`; differentiable in the pose (MetaPose)."""
    return torch.linalg.vector_norm(ratios - limb_ratios(pose), dim=-1)
