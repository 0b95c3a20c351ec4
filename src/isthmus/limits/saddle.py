"""First-order steps on the simplest min-max problem leave its solution."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def descent_ascent(
    start: tuple[float, float], *, step: float, steps: int
) -> npt.NDArray[np.float64]:
    """Simultaneous gradient descent-ascent on min over x, max over y of f(x, y) = x y.

        x <- x - h y,   y <- y + h x,

    a turn by atan(h) and a stretch by sqrt(1 + h^2): away from the saddle at 0 for any step size.

    Args:
        start: The first (x, y).
        step: The step size h.
        steps: Number of steps.

    Returns:
        The path, of shape `(steps + 1, 2)`.
    """
    turn = np.array([[1.0, -step], [step, 1.0]])
    path = [np.asarray(start, dtype=np.float64)]
    for _ in range(steps):
        path.append(turn @ path[-1])
    return np.stack(path)


def growth(path: npt.NDArray[np.float64]) -> float:
    """Factor by which the distance to the saddle grows in a step, the geometric mean over a path.

    Args:
        path: Of shape `(steps + 1, 2)`, with at least one step, not from 0.
    """
    first, last = np.linalg.norm(path[[0, -1]], axis=1)
    return float((last / first) ** (1 / (len(path) - 1)))
