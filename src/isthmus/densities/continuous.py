"""FFJORD (Grathwohl et al. 2019): a flow that follows a free velocity field for a unit of time."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from zuko.nn import MLP
from zuko.transforms import FreeFormJacobianTransform

from isthmus.errors import InputError
from isthmus.networks.randomness import seeded


class ContinuousFlow(nn.Module):
    """The flow of dx/dt = v(x, t) from t = 0 to 1, v a perceptron whose last layer starts at zero.

    With it the log-determinant obeys d/dt log |det dx(t)/dx(0)| = trace dv/dx (Chen et al. 2018;
    Grathwohl et al. 2019, "FFJORD", equation 2), taken exactly by D backward passes a step: meant
    for few features. Both are solved by zuko's adaptive Dormand-Prince method, whose gradients
    follow the same steps backwards (Zhuang et al. 2020). No layer is built to be invertible, so
    nothing is cut in halves; the price is tens of passes through v for each call.

    A single model, exactly the identity at the start. The call returns zuko's transform:
    `call_and_ladj`, and `inv`, which runs time backwards and undoes the map to within the
    tolerance. Differentiable once, in the parameters and in the points. Steps are chosen for all
    points of a call together, so an image depends on its company to within the tolerance.

    Args:
        features: D, the number of features.
        hidden: Widths of the hidden layers (tanh) of v, which sees (x, t).
        atol: Absolute error of a step, in the unit of the points.
        rtol: Relative error of a step.
        seed: Seed of the initial weights.

    Raises:
        InputError: There is no feature, or a tolerance is not positive.
    """

    def __init__(
        self,
        features: int,
        *,
        hidden: Sequence[int] = (64, 64),
        atol: float = 1e-5,
        rtol: float = 1e-5,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if features < 1:
            raise InputError("features", f"{features}", mend="use at least 1")
        for name, value in (("atol", atol), ("rtol", rtol)):
            if not value > 0:
                raise InputError(name, f"{value}", mend="use a small positive number, such as 1e-5")
        self.atol = atol
        self.rtol = rtol
        with seeded(seed):
            self.network = MLP(features + 1, features, hidden, nn.Tanh)
        nn.init.zeros_(self.network[-1].weight)
        nn.init.zeros_(self.network[-1].bias)

    def velocity(self, time: Tensor, x: Tensor) -> Tensor:
        """The velocity v `(..., D)` of points `x (..., D)` at a time between 0 and 1.

        Raises:
            FloatingPointError: It is not finite; no step size would help the solver then.
        """
        velocity = self.network(torch.cat([x, time.expand(*x.shape[:-1], 1)], -1))
        if not velocity.isfinite().all():
            raise FloatingPointError("the velocity of a continuous flow is not finite")
        return velocity

    def forward(self) -> FreeFormJacobianTransform:
        """The map with the present weights."""
        return FreeFormJacobianTransform(
            self.velocity, phi=self.parameters(), atol=self.atol, rtol=self.rtol
        )
