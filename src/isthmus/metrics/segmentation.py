"""How right a translated segmentation is: classes by the nearest palette colour, accuracy and IoU."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from isthmus.errors import InputError
from isthmus.metrics.classification import confusion


class Agreement(NamedTuple):
    """How two segmentations agree, over all pixels of all images.

    Attributes:
        pixels: The share of pixels of the right class.
        accuracy: The mean over the classes that occur in the truth of the share of their pixels
            that are right.
        iou: The mean over the classes that occur in either of intersection over union.
    """

    pixels: float
    accuracy: float
    iou: float


def nearest(images: Tensor, palette: Tensor) -> Tensor:
    """The class of every pixel by the nearest colour in squared distance, the first one if several.

    Args:
        images: `(n, channels, height, width)`, bytes or floats.
        palette: The colour of each class, `(classes, channels)`, on the same scale.

    Returns:
        Classes, int64 `(n, height, width)`.

    Raises:
        InputError: Images or palette are no such thing, or of different channels.
    """
    if images.dim() != 4 or palette.dim() != 2 or images.shape[1] != palette.shape[1]:
        problem = f"has shape {tuple(palette.shape)} for images {tuple(images.shape)}"
        raise InputError("palette", problem, mend="give one colour a class, (classes, channels)")
    x, colours = images.float(), palette.float()
    best = torch.full_like(x[:, 0], torch.inf)
    classes = torch.zeros(best.shape, dtype=torch.long, device=best.device)
    for code, colour in enumerate(colours):
        distance = (x - colour[:, None, None]).square().sum(1)
        classes[distance < best] = code
        best = best.minimum(distance)
    return classes


def agreement(predicted: Tensor, truth: Tensor, classes: int) -> Agreement:
    """Compare segmentations class by class; every pixel counts.

    With n_ij the number of pixels of class i that were taken for j, the accuracy of class i is
    n_ii / sum_j n_ij and its IoU n_ii / (sum_j n_ij + sum_j n_ji - n_ii) (Long et al. 2015).

    Args:
        predicted: Integers of any shape, from 0 to `classes` - 1.
        truth: Likewise.
        classes: Number of classes, none of which need occur.

    Raises:
        InputError: They are not such integers, or their shapes differ.
    """
    if predicted.shape != truth.shape:
        problem = f"has shape {tuple(predicted.shape)}, the truth {tuple(truth.shape)}"
        raise InputError("predicted", problem, mend="give one class a pixel")
    table = confusion(truth.flatten().numpy(), predicted.flatten().numpy(), classes)
    right, true, found = table.diagonal(), table.sum(1), table.sum(0)
    union, there = true + found - right, true > 0
    return Agreement(
        pixels=float(right.sum() / table.sum()),
        accuracy=float(np.mean(right[there] / true[there])),
        iou=float(np.mean(right[union > 0] / union[union > 0])),
    )


@torch.no_grad()
def iou_p2p(
    segment: Callable[[Tensor], Tensor], generated: Tensor, frames: Tensor, palette: Tensor
) -> float:
    """IoU(pix(G_A(B_i)), pix(A_i)): frames made from maps, seen through another segmenter.

    Bashkirova, Usman, Saenko 2019 take a supervised pix2pix that was trained on its own. Nothing
    that only the translator's own way back can read counts here.

    Args:
        segment: From frames to segmentations in the colours of the palette, both as below.
        generated: Frames made from the maps of a test set, floats `(n, channels, side, side)`.
        frames: The true frames of these maps, in the same order.
        palette: The colour of each class, `(classes, channels)`, on the scale of segmentations.

    Raises:
        InputError: The shapes do not fit together.
    """
    predicted, truth = (nearest(segment(x), palette) for x in (generated, frames))
    return agreement(predicted, truth, len(palette)).iou
