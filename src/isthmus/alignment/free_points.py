"""Alignment without a map: the points of A move by themselves until a distance is small."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import torch
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from isthmus.densities.descent import Descent, descend
from isthmus.densities.samples import as_samples, same_width

Distance = Callable[[Tensor, Tensor], Tensor]


class FreePoints(BaseEstimator):
    """Minimises d(X, B) over the coordinates of the points X, from X = A, by Adam.

    There is no T: a point that was not there at `fit` has no image.

    Args:
        distance: d, differentiable in its first argument, such as `emd` or `squared_mmd`.
        steps: Steps of Adam.
        learning_rate: Adam's step size at the start, in the unit of the features; it falls to zero
            along half a cosine.

    Attributes:
        points_: Where the points of A ended, of shape `(N_A, D)`.
        result_: `Descent` of `fit`; its curve is d at each step.
    """

    def __init__(
        self, distance: Distance, *, steps: int = 500, learning_rate: float = 0.05
    ) -> None:
        self.distance = distance
        self.steps = steps
        self.learning_rate = learning_rate

    def fit(self, a: Any, b: Any, *, on_step: Callable[[int, Tensor], None] | None = None) -> Self:
        """Move the points of A.

        Args:
            a: Samples of A, of shape `(N_A, D)`.
            b: Samples of B, of shape `(N_B, D)`.
            on_step: Called after each step with its number and d.

        Raises:
            InputError: Samples cannot be used.
        """
        a, b = as_samples(a, "a").double(), as_samples(b, "b").double()
        same_width(a, b)
        points = nn.Parameter(a.clone())
        self.result_: Descent = descend(
            lambda: self.distance(points, b),
            [points],
            members=torch.Size(),
            steps=self.steps,
            learning_rate=self.learning_rate,
            on_step=on_step,
        )
        self.points_ = points.detach()
        return self

    def fit_transform(
        self, a: Any, b: Any, *, on_step: Callable[[int, Tensor], None] | None = None
    ) -> Tensor:
        """Where the points of A end, of shape `(N_A, D)`; arguments as of `fit`."""
        return self.fit(a, b, on_step=on_step).points_

    def score(self, b: Any) -> Tensor:
        """Minus the distance of the moved points to samples `b (N_B, D)`."""
        check_is_fitted(self)
        return -self.distance(self.points_, as_samples(b, "b").double())
