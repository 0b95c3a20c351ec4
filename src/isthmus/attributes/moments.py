"""The rotation and the size of what an image shows, from its first and second moments.

With the grey values as masses: the principal axis of inertia leans as the shape does, and the radius
of gyration grows as it does. Nothing is learnt, so the measures hold for any domain alike.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from isthmus.networks.images import as_images

Array = npt.NDArray[np.float64]


def rotation(images: Any) -> Array:
    """Angle of the principal axis against the vertical, 1/2 atan2(2 c_xy, c_yy - c_xx).

    A measure to correlate within a shape: the axis of an upright 7 leans already. A shape that is
    as broad as it is high has no principal axis, and its angle means nothing.

    Args:
        images: Floats `(n, 1, side, side)` in [0, 1], bright on black.

    Returns:
        Degrees `(n,)` from -90 to 90, positive where the top leans to the left
        (counter-clockwise); 0 where an image is black.

    Raises:
        InputError: The images cannot be used.
    """
    across, down, both = _second_moments(images)
    return np.degrees(np.arctan2(2 * both, down - across) / 2)


def size(images: Any) -> Array:
    """Radius of gyration sqrt(c_xx + c_yy), the root mean squared distance from the centroid.

    Args:
        images: As for `rotation`.

    Returns:
        Pixels `(n,)`; 0 where an image is black.

    Raises:
        InputError: The images cannot be used.
    """
    across, down, _ = _second_moments(images)
    return np.sqrt(across + down)


def _second_moments(images: Any) -> tuple[Array, Array, Array]:
    """c_xx, c_yy and c_xy about the centroid in square pixels, x to the right and y downward."""
    mass = as_images(images, "images").numpy().astype(np.float64)[:, 0]
    total = mass.sum((1, 2))
    mass /= np.where(total > 0, total, 1)[:, np.newaxis, np.newaxis]
    ticks = np.arange(mass.shape[-1], dtype=np.float64)
    along_x, along_y = mass.sum(1), mass.sum(2)
    x, y = (ticks - (along @ ticks)[:, np.newaxis] for along in (along_x, along_y))
    return (
        (along_x * x**2).sum(1),
        (along_y * y**2).sum(1),
        np.einsum("nyx,ny,nx->n", mass, y, x),
    )
