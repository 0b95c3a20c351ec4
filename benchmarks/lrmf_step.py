"""Time of one LRMF training step: ours, alone and as an ensemble of five, against zuko's flows.

Both sides minimise the same loss on the same batches with Adam and gradient clipping, with the same
number of couplings and the same hidden layers, on one thread. The sides take turns, and each
reports its fastest round, so that other load on the machine weighs on both alike. A ratio above 1
means that ours is faster, per model.

    python benchmarks/lrmf_step.py [--rounds 8] [--steps 10]
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable

import torch
import zuko

from isthmus.alignment.lrmf import lrmf_loss
from isthmus.densities import RealNVP, RealNVPDensity
from isthmus.densities.descent import descend

LEARNING_RATE, CLIP = 1e-4, 10.0
SHAPES = {
    "defaults": {"couplings": 16, "hidden": (32, 32), "batch_size": 128},
    "wide": {"couplings": 8, "hidden": (64, 64), "batch_size": 256},
}
MEMBERS = 5

Run = Callable[[int], None]


def clouds(*shape: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(shape, generator=generator) for _ in range(2))
    return a + 1, b


def ours(features: int, couplings: int, hidden: tuple[int, ...], batch_size: int, *e: int) -> Run:
    """Steps of this package."""
    options = {"couplings": couplings, "hidden": hidden, "batch_shape": e}
    shared, flow = RealNVPDensity(features, **options), RealNVP(features, **options)
    a, b = clouds(*e, batch_size, features)

    def run(steps: int) -> None:
        descend(
            lambda: lrmf_loss(flow, shared, a, b, 0.0),
            [*flow.parameters(), *shared.parameters()],
            members=torch.Size(e),
            steps=steps,
            learning_rate=LEARNING_RATE,
            clip=CLIP,
        )

    return run


def stock(features: int, couplings: int, hidden: tuple[int, ...], batch_size: int) -> Run:
    """The same steps written directly with zuko's flows and torch's optimiser."""
    options = {"transforms": couplings, "hidden_features": hidden}
    shared = zuko.flows.RealNVP(features, **options)
    flow = zuko.flows.RealNVP(features, **options).transform
    a, b = clouds(batch_size, features)
    parameters = [*flow.parameters(), *shared.parameters()]
    adam = torch.optim.Adam(parameters, lr=LEARNING_RATE)

    def run(steps: int) -> None:
        for _ in range(steps):
            adam.zero_grad()
            moved, ladj = flow().call_and_ladj(a)
            law = shared()
            loss = -ladj.mean() - law.log_prob(moved).mean() - law.log_prob(b).mean()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(parameters, CLIP)
            adam.step()

    return run


def fastest(runs: dict[str, Run], rounds: int, steps: int) -> dict[str, float]:
    """Milliseconds a step in the fastest round of each, the runs taking turns."""
    best = dict.fromkeys(runs, float("inf"))
    for _ in range(rounds + 1):
        for name, run in runs.items():
            start = time.perf_counter()
            run(steps)
            best[name] = min(best[name], (time.perf_counter() - start) / steps * 1e3)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--steps", type=int, default=10)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for name, shape in SHAPES.items():
        for features in (2, 16):
            torch.manual_seed(0)
            runs = {
                "zuko": stock(features, **shape),
                "single": ours(features, *shape.values()),
                "ensemble": ours(features, *shape.values(), MEMBERS),
            }
            best = fastest(runs, arguments.rounds, arguments.steps)
            best["ensemble"] /= MEMBERS
            rows.append(
                {
                    "shape": name,
                    **shape,
                    "features": features,
                    **{f"{side}_ms": round(best[side], 3) for side in runs},
                    "ratio_single": round(best["zuko"] / best["single"], 2),
                    "ratio_ensemble": round(best["zuko"] / best["ensemble"], 2),
                }
            )
    print(json.dumps({"torch": torch.__version__, "threads": 1, "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
