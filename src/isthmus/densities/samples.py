"""Sample sets: accepted when a density can be fitted to them, refused with a reason otherwise."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from isthmus.errors import InputError


def as_points(x: Any, name: str, members: tuple[int, ...] = ()) -> Tensor:
    """Checked points.

    Args:
        x: Array-like of shape `(N, D)`, or `(*members, N, D)`: one set for each ensemble member.
        name: The argument it came in, for the error.
        members: Shape of the ensemble; `()` for a single model.

    Returns:
        The points as float32, or float64 where they came as such.

    Raises:
        InputError: The shape does not fit, there are none, or a value is not finite.
    """
    x = torch.as_tensor(x)
    if x.dtype not in (torch.float32, torch.float64):
        x = x.to(torch.float32)
    if x.shape[:-2] not in {(), members} or x.dim() < 2:
        shapes = ["(N, D)", *(f"({size}, N, D)" for size in members[:1])]
        raise InputError(
            name,
            f"has shape {tuple(x.shape)}",
            mend=f"give one row a sample: {' or '.join(shapes)}",
        )
    if x.numel() == 0:
        raise InputError(
            name, f"is empty: its shape is {tuple(x.shape)}", mend="give at least two samples"
        )
    bad = (~x.isfinite()).nonzero()
    if len(bad):
        row, column = bad[0, -2:].tolist()
        raise InputError(
            name,
            "is not a finite number",
            field=f"row {row}, column {column}",
            mend="remove or impute the samples with missing or infinite values",
        )
    return x


def as_samples(x: Any, name: str, members: tuple[int, ...] = ()) -> Tensor:
    """Points to which a density can be fitted: `as_points` with two more demands.

    Raises:
        InputError: There is only one sample, or a feature is constant.
    """
    x = as_points(x, name, members)
    if x.shape[-2] == 1:
        raise InputError(name, "has a single sample", mend="give at least two")
    constant = (x == x[..., :1, :]).all(-2).nonzero()
    if len(constant):
        raise InputError(
            name,
            "is constant, so it has no density",
            field=f"column {constant[0, -1].item()}",
            mend="drop the column",
        )
    return x


def same_width(a: Tensor, b: Tensor, name: str = "b") -> int:
    """The common number of features of `a` and `b`, where `name` is the argument `b` came in.

    Raises:
        InputError: They differ.
    """
    if a.shape[-1] != b.shape[-1]:
        raise InputError(
            name,
            f"has {b.shape[-1]} features where a has {a.shape[-1]}",
            mend="describe both sets by the same features, in the same order",
        )
    return a.shape[-1]
