"""Time of our distances, value and gradient, against peers on the same samples in one run.

The sides take turns, and each reports its fastest round, so that other load on the machine weighs
on both alike. A ratio above 1 means that ours is faster. Values of both sides are compared first.

    python benchmarks/distances.py [--rounds 3]
"""

from __future__ import annotations

import argparse
import json
import math
import time
import warnings
from collections.abc import Callable

import numpy as np
import ot
import scipy.optimize
import torch
from torch import Tensor

from isthmus.alignment.dual import dual_distance, gaussian_kernel
from isthmus.alignment.emd import emd
from isthmus.alignment.mmd import squared_mmd
from isthmus.alignment.sinkhorn import sinkhorn_divergence

Side = Callable[[], float]
LOOP = 500
"""Points of the naive double loop, whose time is scaled up by the square."""


def cloud(seed: int, n: int, d: int = 2) -> Tensor:
    return torch.randn(n, d, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def with_gradient(distance: Callable[[Tensor], Tensor], a: Tensor) -> Side:
    """The value of a distance, its gradient in A taken as well."""

    def run() -> float:
        x = a.clone().requires_grad_()
        value = distance(x)
        value.backward()
        return value.item()

    return run


def emd_pair(n: int = 1000) -> tuple[Side, Side]:
    a, b = cloud(0, n) + 1, cloud(1, n)
    weights = torch.full((n,), 1 / n, dtype=torch.float64)
    peer = with_gradient(lambda x: ot.emd2(weights, weights, ot.dist(x, b)), a)
    return with_gradient(lambda x: emd(x, b), a), peer


def sinkhorn_pair(n: int, blur: float) -> tuple[Side, Side]:
    a, b = cloud(0, n) + 1, cloud(1, n)
    uniform, epsilon = torch.full((n,), 1 / n, dtype=torch.float64), blur**2

    def transport(x: Tensor, y: Tensor) -> Tensor:
        """POT's plan, with the entropy relative to the product and the envelope gradient."""
        cost = ot.dist(x, y)
        plan = ot.bregman.sinkhorn_log(
            uniform, uniform, cost.detach(), epsilon, numItermax=100_000, stopThr=1e-9
        )
        entropy = (plan * (plan.clamp(min=1e-300) * n * n).log()).sum()
        return (plan * cost).sum() + epsilon * entropy

    def divergence(x: Tensor) -> Tensor:
        return transport(x, b) - (transport(x, x) + transport(b, b)) / 2

    return with_gradient(lambda x: sinkhorn_divergence(x, b, blur=blur), a), with_gradient(
        divergence, a
    )


def mmd_pair(n: int = 5000) -> tuple[Side, Side]:
    from geomloss import SamplesLoss

    a, b = cloud(0, n, 16) + 0.2, cloud(1, n, 16)
    peer = SamplesLoss("gaussian", blur=2.0)
    ours = with_gradient(lambda x: squared_mmd(x, b, width=2.0), a)
    return ours, with_gradient(lambda x: 2 * peer(x, b), a)


def mmd_loop_pair() -> tuple[Side, Side]:
    a, b = cloud(0, LOOP, 16) + 0.2, cloud(1, LOOP, 16)

    def mean(x: Tensor, y: Tensor) -> float:
        rows, columns = x.tolist(), y.tolist()
        total = 0.0
        for p in rows:
            for q in columns:
                total += math.exp(-(math.dist(p, q) ** 2) / 8)
        return total / (len(rows) * len(columns))

    return (
        lambda: squared_mmd(a, b, width=2.0).item(),
        lambda: mean(a, a) + mean(b, b) - 2 * mean(a, b),
    )


def dual_pair(n: int = 2000) -> tuple[Side, Side]:
    """The kernel dual against SciPy's L-BFGS on the same discriminator in its coefficients."""
    a, b = cloud(0, n // 2) + 0.5, cloud(1, n // 2)
    points = torch.cat([a, b])
    signs = np.repeat([1.0, -1.0], n // 2)

    def peer() -> float:
        kernel = gaussian_kernel(points, points, 2.0).numpy()

        def loss(c: np.ndarray) -> tuple[float, np.ndarray]:
            smooth = kernel @ c[:-1]
            margin = signs * (smooth + c[-1])
            value = np.logaddexp(0, -margin).sum() + c[:-1] @ smooth / 2
            slope = -signs / (1 + np.exp(margin))
            return value, np.append(kernel @ (slope + c[:-1]), slope.sum())

        found = scipy.optimize.minimize(
            loss, np.zeros(n + 1), jac=True, method="L-BFGS-B", options={"maxiter": 5000, "ftol": 0}
        )
        return -found.fun

    return lambda: dual_distance(a, b, width=2.0).value.item(), peer


PAIRS: dict[str, Callable[[], tuple[Side, Side]]] = {
    "emd, n = 1000, against POT": emd_pair,
    "sinkhorn, n = 500, blur 1, against POT": lambda: sinkhorn_pair(500, 1.0),
    "sinkhorn, n = 500, blur 0.3, against POT": lambda: sinkhorn_pair(500, 0.3),
    "mmd, n = 5000, against geomloss": mmd_pair,
    f"mmd, n = {LOOP}, against a double loop": mmd_loop_pair,
    "kernel dual, n = 2000, against SciPy's L-BFGS on the primal": dual_pair,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", category=UserWarning)
    for name, make in PAIRS.items():
        sides = make()
        best, values = [math.inf, math.inf], [0.0, 0.0]
        for _ in range(rounds):
            for index, side in enumerate(sides):
                start = time.perf_counter()
                values[index] = side()
                best[index] = min(best[index], time.perf_counter() - start)
        line = {
            "what": name,
            "ours_s": round(best[0], 4),
            "peer_s": round(best[1], 4),
            "ratio": round(best[1] / best[0], 2),
            "difference": f"{abs(values[0] - values[1]):.1e}",
        }
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
