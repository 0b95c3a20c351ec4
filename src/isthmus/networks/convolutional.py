"""Convolutional halves of an image network: from pixels to features, and back."""

from __future__ import annotations

from torch import nn

from isthmus.errors import InputError

GROUPS = 4
"""Groups of every GroupNorm: few, so that a layer still sees how strong an image is."""

SLOPE = 0.2
"""Slope of every LeakyReLU below zero."""

_SMALLEST, _LARGEST = 4, 7


def halvings(side: int) -> int:
    """How often an image side is halved until 4 to 7 pixels are left; at least once.

    Raises:
        InputError: The side is not 4 to 7 pixels times a power of two.
    """
    count, rest = 0, side
    while rest > _LARGEST and rest % 2 == 0:
        count, rest = count + 1, rest // 2
    if not count or rest > _LARGEST:
        raise InputError(
            "images",
            f"is {side} pixels, which halving does not bring to {_SMALLEST} to {_LARGEST}",
            field="side",
            mend="use a side such as 8, 16, 28, 32 or 64 pixels",
        )
    return count


def features(side: int, width: int) -> int:
    """Number of features that `down` gives and `up` takes."""
    count = halvings(side)
    return (width << count - 1) * (side >> count) ** 2


def down(side: int, width: int, *, channels: int = 1) -> nn.Sequential:
    """Images `(n, channels, side, side)` to features `(n, features(side, width))`.

    Each level halves the side by a 3 x 3 convolution of stride 2 with zero padding, followed by
    GroupNorm and LeakyReLU; the first gives `width` channels, each other one twice as many.

    Raises:
        InputError: The side cannot be halved evenly (see `halvings`), or the width is no multiple
            of `GROUPS`.
    """
    _check_width(width)
    layers: list[nn.Module] = []
    for level in range(halvings(side)):
        layers += [
            nn.Conv2d(channels, width << level, 3, stride=2, padding=1),
            nn.GroupNorm(GROUPS, width << level),
            nn.LeakyReLU(SLOPE),
        ]
        channels = width << level
    return nn.Sequential(*layers, nn.Flatten())


def up(side: int, width: int) -> nn.Sequential:
    """Features `(n, features(side, width))` to grey images `(n, 1, side, side)`, unbounded.

    The mirror image of `down`: each level applies GroupNorm and LeakyReLU, then doubles the side by
    a 4 x 4 transposed convolution of stride 2.

    Raises:
        InputError: As `down`.
    """
    _check_width(width)
    count = halvings(side)
    channels = width << count - 1
    layers: list[nn.Module] = [nn.Unflatten(1, (channels, side >> count, side >> count))]
    for level in reversed(range(count)):
        outputs = width << level - 1 if level else 1
        layers += [
            nn.GroupNorm(GROUPS, channels),
            nn.LeakyReLU(SLOPE),
            nn.ConvTranspose2d(channels, outputs, 4, stride=2, padding=1),
        ]
        channels = outputs
    return nn.Sequential(*layers)


def _check_width(width: int) -> None:
    if width < GROUPS or width % GROUPS:
        raise InputError(
            "width", f"is {width}", mend=f"use a positive multiple of {GROUPS}, such as 32"
        )
