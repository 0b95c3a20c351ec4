"""The factors of an image: one convolutional classifier with a head for each."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from isthmus.attributes.training import minimise_cross_entropy
from isthmus.errors import InputError
from isthmus.metrics.arrays import as_labels
from isthmus.networks.convolutional import down, features
from isthmus.networks.randomness import seeded
from isthmus.translation.translator import to_unit

Codes = dict[str, npt.NDArray[np.int64]]

CHUNK = 500
"""Images read at a time."""


class FactorClassifier(nn.Module):
    """`down`, then one linear layer whose outputs are shared out among the factors.

    Args:
        side: Side of the images in pixels, see `isthmus.networks.convolutional.halvings`.
        channels: Channels of the images.
        width: Channels of the first convolution, a multiple of 4.
        seed: Of the initial weights.
        **levels: By factor its number of values.

    Raises:
        InputError: A size makes no sense, or there is no factor with two values.
    """

    def __init__(
        self, side: int, channels: int = 3, width: int = 32, *, seed: int = 0, **levels: int
    ) -> None:
        super().__init__()
        if not levels or min(levels.values()) < 2:
            raise InputError("levels", f"is {levels}", mend="give factors of two values or more")
        self.side, self.channels, self.width = side, channels, width
        self.levels = dict(sorted(levels.items()))
        most = max(levels.values())
        absent = torch.arange(most)[:, None] >= torch.tensor([*self.levels.values()])
        self.register_buffer("absent", absent)
        with seeded(seed):
            self.layers = nn.Sequential(
                down(side, width, channels=channels),
                nn.Linear(features(side, width), most * len(levels)),
                nn.Unflatten(1, (most, len(levels))),
            )

    @property
    def config(self) -> dict[str, int]:
        """What `isthmus.networks.storage.load` rebuilds the model from."""
        sizes = {"side": self.side, "channels": self.channels, "width": self.width}
        return sizes | self.levels

    def forward(self, images: Tensor) -> Tensor:
        """Logits `(n, most values, factors)` of bytes `(n, channels, side, side)`.

        Minus infinity stands for values that a factor does not have.
        """
        return self.layers(to_unit(images)).masked_fill(self.absent, -torch.inf)

    @torch.no_grad()
    def log_probabilities(self, images: Tensor) -> Tensor:
        """The logits of any number of images, normalised over the values, in nats."""
        return torch.cat([self(chunk).log_softmax(1) for chunk in images.split(CHUNK)])

    def read(self, images: npt.NDArray[np.uint8]) -> Codes:
        """The most likely value of each factor, int64 `(n,)`, of images as `forward` takes them.

        Raises:
            InputError: The images have another shape or dtype.
        """
        x = as_bytes(images, "images", side=self.side, channels=self.channels)
        found = self.log_probabilities(x).argmax(1).numpy()
        return dict(zip(self.levels, found.T, strict=True))


def train_factors(
    images: npt.NDArray[np.uint8],
    codes: Mapping[str, npt.ArrayLike],
    levels: Mapping[str, int],
    *,
    steps: int = 1000,
    batch_size: int = 64,
    learning_rate: float = 0.003,
    seed: int,
) -> tuple[FactorClassifier, list[float]]:
    """A classifier trained on labelled images.

    Args:
        images: uint8 `(n, channels, side, side)`.
        codes: By factor its values, integers `(n,)` from 0; other columns are ignored.
        levels: By factor its number of values.
        steps: Number of steps.
        batch_size: Images in a step.
        learning_rate: Step size at the start.
        seed: Of weights and batches.

    Returns:
        The classifier, and its loss at each step, a mean over factors in nats.

    Raises:
        InputError: The images or codes cannot be used, or the training diverged.
    """
    x = as_bytes(images, "images")
    classifier = FactorClassifier(x.shape[-1], x.shape[1], seed=seed, **levels)
    curve = minimise_cross_entropy(
        classifier,
        x,
        as_targets(codes, classifier.levels, len(x)),
        steps=steps,
        batch_size=batch_size,
        learning_rate=learning_rate,
        seed=seed,
    )
    return classifier, curve


def as_bytes(
    images: npt.NDArray[np.uint8],
    name: str,
    *,
    side: int | None = None,
    channels: int | None = None,
) -> Tensor:
    """Checked byte images `(n, channels, side, side)`, of any side and channels if None.

    Raises:
        InputError: The dtype or the shape does not fit, or there is no image.
    """
    x = np.ascontiguousarray(images)
    square = x.ndim == 4 and x.shape[2] == x.shape[3] and x.size > 0
    fits = square and side in (None, x.shape[3]) and channels in (None, x.shape[1])
    if x.dtype != np.uint8 or not fits:
        wanted = f"(n, {channels or 'channels'}, {side or 'side'}, {side or 'side'})"
        problem = f"has dtype {x.dtype} and shape {x.shape}"
        raise InputError(name, problem, mend=f"give bytes (uint8) of shape {wanted}")
    return torch.from_numpy(x)


def as_targets(codes: Mapping[str, npt.ArrayLike], levels: Mapping[str, int], count: int) -> Tensor:
    """Checked codes as labels `(n, k)`, in the order of the levels.

    Raises:
        InputError: A factor is absent, or its codes do not fit.
    """
    missing = [name for name in levels if name not in codes]
    if missing:
        raise InputError(missing[0], "is not given", mend="give the codes of every factor")
    columns = [
        as_labels(codes[name], name, count=count, classes=number) for name, number in levels.items()
    ]
    return torch.from_numpy(np.stack(columns, 1))
