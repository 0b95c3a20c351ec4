"""Images as the networks take them; grey ones are accepted, or refused with a reason."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from isthmus.data.table import Table
from isthmus.errors import InputError


def as_images(images: Any, name: str, *, side: int | None = None) -> Tensor:
    """Checked grey images.

    Args:
        images: Array or tensor of floats, `(n, 1, side, side)`, in [0, 1].
        name: The argument they came in, for the error.
        side: The side that is asked for, in pixels; any if None.

    Returns:
        The images, float32, contiguous.

    Raises:
        InputError: The dtype, the shape or a value does not fit, or there is no image.
    """
    x = torch.as_tensor(images)
    if not x.is_floating_point():
        raise InputError(
            name,
            f"has dtype {str(x.dtype).removeprefix('torch.')}",
            mend="give floats from 0 to 1; divide bytes by 255",
        )
    size = "side" if side is None else side
    square = x.dim() == 4 and x.shape[1] == 1 and x.shape[2] == x.shape[3]
    if not square or side not in {None, x.shape[3]}:
        raise InputError(
            name,
            f"has shape {tuple(x.shape)}",
            mend=f"give square grey images, (n, 1, {size}, {size})",
        )
    if not x.numel():
        raise InputError(name, "holds no image", mend="give at least one")
    wrong = ~((x >= 0) & (x <= 1)).flatten(1).all(1)
    if wrong.any():
        raise InputError(
            name,
            "holds a value that is not a number from 0 to 1",
            field=f"image {int(wrong.nonzero()[0])}",
            mend="repair or drop the image, and scale values to [0, 1]",
        )
    return x.to(torch.float32).contiguous()


def image_bytes(table: Table) -> Tensor:
    """The images of a table, uint8 `(n, channels, height, width)`."""
    return torch.from_numpy(np.ascontiguousarray(table.values.transpose(0, 3, 1, 2)))
