"""The class of a digit: a convolutional classifier of images, a nearest neighbour one of codes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sklearn.neighbors import KNeighborsClassifier
from torch import Tensor, nn
from torch.nn.functional import affine_grid, grid_sample

from isthmus.attributes.training import minimise_cross_entropy
from isthmus.errors import InputError
from isthmus.metrics.arrays import as_labels, as_points
from isthmus.networks.convolutional import GROUPS, SLOPE, down, features
from isthmus.networks.images import as_images
from isthmus.networks.randomness import seeded

CHUNK = 256
"""Images classified at a time."""

ROTATION, SCALE, SHIFT = 0.2, 0.1, 0.125
"""Augmentation: largest rotation in radians, relative change of size, shift in half sides."""


class Classifier(nn.Module):
    """A convolution at full resolution, then `down` and one linear layer: images to logits.

    Args:
        side: Side of the grey images in pixels.
        classes: Number of classes.
        width: Channels of the first convolution, a multiple of 4.
        seed: Of the initial weights.

    Raises:
        InputError: A size makes no sense.
    """

    def __init__(self, side: int = 16, classes: int = 10, width: int = 16, *, seed: int = 0):
        super().__init__()
        if classes < 2:
            raise InputError("classes", f"is {classes}", mend="use at least two classes")
        self.side, self.classes, self.width = side, classes, width
        with seeded(seed):
            body = down(side, 2 * width, channels=width)
            self.layers = nn.Sequential(
                nn.Conv2d(1, width, 3, padding=1),
                nn.GroupNorm(GROUPS, width),
                nn.LeakyReLU(SLOPE),
                body,
                nn.Linear(features(side, 2 * width), classes),
            )

    @property
    def config(self) -> dict[str, int]:
        """What `isthmus.networks.storage.load` rebuilds the model from."""
        return {"side": self.side, "classes": self.classes, "width": self.width}

    def forward(self, images: Tensor) -> Tensor:
        """Logits `(n, classes)` of images `(n, 1, side, side)`."""
        return self.layers(images)

    @torch.no_grad()
    def predict(self, images: Any) -> npt.NDArray[np.float32]:
        """Probabilities `(n, classes)` of images `(n, 1, side, side)`, floats in [0, 1].

        Raises:
            InputError: The images cannot be used.
        """
        images = as_images(images, "images", side=self.side)
        return torch.cat([self(chunk).softmax(1) for chunk in images.split(CHUNK)]).numpy()


def train_classifier(
    images: Any,
    labels: npt.ArrayLike,
    *,
    classes: int = 10,
    steps: int = 1000,
    batch_size: int = 64,
    learning_rate: float = 0.002,
    seed: int,
) -> tuple[Classifier, list[float]]:
    """A classifier trained on labelled images, slightly rotated, scaled and shifted at random.

    Args:
        images: Floats `(n, 1, side, side)` in [0, 1].
        labels: Classes, integers `(n,)` from 0 to `classes` - 1.
        classes: Number of classes.
        steps: Number of steps.
        batch_size: Images in a step.
        learning_rate: Step size at the start.
        seed: Of weights, batches and augmentation.

    Returns:
        The classifier, and its loss at each step in nats.

    Raises:
        InputError: The images or labels cannot be used, or the training diverged.
    """
    x = as_images(images, "images")
    y = as_labels(labels, "labels", count=len(x), classes=classes)
    classifier = Classifier(x.shape[-1], classes, seed=seed)
    curve = minimise_cross_entropy(
        classifier,
        x,
        torch.from_numpy(y),
        steps=steps,
        batch_size=batch_size,
        learning_rate=learning_rate,
        seed=seed,
        augment=jitter,
    )
    return classifier, curve


def jitter(images: Tensor, source: torch.Generator) -> Tensor:
    """Images each rotated, stretched along x and y, and shifted a little at random, bilinearly.

    Args:
        images: Of shape `(n, 1, side, side)`; what enters from outside is black.
        source: Of the random numbers.
    """
    n = len(images)
    angle, *stretch, right, below = 2 * torch.rand(5, n, generator=source) - 1
    cosine, sine = (ROTATION * angle).cos(), (ROTATION * angle).sin()
    along_x, along_y = (1 + SCALE * s for s in stretch)
    rows = [
        torch.stack([along_x * cosine, -along_y * sine, SHIFT * right], 1),
        torch.stack([along_x * sine, along_y * cosine, SHIFT * below], 1),
    ]
    grid = affine_grid(torch.stack(rows, 1), list(images.shape), align_corners=False)
    return grid_sample(images, grid, align_corners=False)


def nearest_neighbour(
    x_b: npt.ArrayLike, y_b: npt.ArrayLike, x: npt.ArrayLike
) -> npt.NDArray[np.int64]:
    """The class of the nearest labelled point (Euclidean) to each point.

    Args:
        x_b: Labelled points `(m, d)`.
        y_b: Their classes, integers `(m,)`.
        x: Points to classify, `(n, d)`.

    Returns:
        Classes, of shape `(n,)`.

    Raises:
        InputError: Points or classes cannot be used.
    """
    known, asked = as_points(x_b, "x_b"), as_points(x, "x", width_of=("x_b", x_b))
    labels = as_labels(y_b, "y_b", count=len(known))
    return KNeighborsClassifier(1).fit(known, labels).predict(asked)
