"""Time of the stability study's runs in one tensor program against the same runs one by one.

Both sides adapt the same network to the same images by the same code; one makes the whole grid at
once, the other grids of a single run, one after another. What comes before the first epoch is not
counted. They take turns, and each reports its fastest round, so that other load on the machine
weighs on both alike. A ratio above 1 means that the grid is faster.

    python benchmarks/stability_grid.py [--rounds 3]
"""

from __future__ import annotations

import argparse
import json
import time

import torch

from isthmus.alignment.stability_study import (
    METHODS,
    Grid,
    SourceNetwork,
    adapt,
    logarithmic,
)

IMAGES, SIDE, BATCH, WIDTH, FEATURES = 500, 16, 100, 8, 64
GRIDS = {"quick": (6, 4), "full": (8, 6)}


def seconds(
    method: str, network: SourceNetwork, images: list[torch.Tensor], grids: list[Grid]
) -> float:
    """Seconds for one epoch of every run of the grids."""
    total = 0.0
    for grid in grids:
        heads = adapt(method, network, *images, grid=grid, epochs=1, batch_size=BATCH, seed=0)
        next(heads)
        begun = time.perf_counter()
        next(heads)
        total += time.perf_counter() - begun
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    network = SourceNetwork(SIDE, width=WIDTH, size=FEATURES, seed=0).requires_grad_(False)
    generator = torch.Generator().manual_seed(0)
    images = [torch.rand(IMAGES, 1, SIDE, SIDE, generator=generator) for _ in range(2)]
    rows = []
    for name, (rates, regularisers) in GRIDS.items():
        grid = Grid(logarithmic(1e-5, 1e-2, rates), logarithmic(0.1, 10, regularisers))
        alone = [Grid([x], [y]) for x in grid.learning_rates for y in grid.regularisers]
        for method in METHODS:
            best = {"grid": float("inf"), "one_by_one": float("inf")}
            for _ in range(rounds):
                for side, grids in (("grid", [grid]), ("one_by_one", alone)):
                    best[side] = min(best[side], seconds(method, network, images, grids))
            rows.append(
                {
                    "grid": name,
                    "runs": len(alone),
                    "method": method,
                    **{f"{side}_seconds": round(best[side], 3) for side in best},
                    "ratio": round(best["one_by_one"] / best["grid"], 2),
                }
            )
    print(json.dumps({"torch": torch.__version__, "threads": 1, "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
