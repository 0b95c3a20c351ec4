"""Align a pair by a rival of LRMF: free points, a GAN, or flow matching."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import Tensor

from isthmus.alignment.adversarial import SNGAN, WGANGP, Adversarial
from isthmus.alignment.emd import emd
from isthmus.alignment.flow_matching import FlowMatching
from isthmus.alignment.free_points import FreePoints
from isthmus.alignment.mmd import squared_mmd
from isthmus.data.pairs import read_domains
from isthmus.densities import RealNVP
from isthmus.job import Job, stage
from isthmus.metrics.summary import curves as thinned
from isthmus.stages.aligned import write_points
from isthmus.stages.private import domains, seeds_of

Aligned = tuple[Tensor, dict[str, Tensor]]
"""T(A) of the held-out points, `(E, N, D)`, and the method's own losses."""


@stage(
    "seed",
    "threads",
    "prefit.{pair}.seeds",
    "align.{pair}",
    "rival.{method}",
    folder="runs/{scale}/align/{pair}/{method}",
)
def main(job: Job) -> None:
    """Align a pair by a rival of LRMF."""
    pair, method = job.items["pair"], job.items["method"]
    train = domains(*read_domains(job.input(f"points/{pair}/train.parquet")))
    table, table_b = read_domains(job.input(f"points/{pair}/test.parquet"))
    moved, losses = METHODS[method](job, train, domains(table, table_b))
    write_points(job, table, moved)
    job.write_json(
        "metrics.json", {"own_loss": {k: float(v[-1].mean()) for k, v in losses.items()}}
    )
    job.write_json("curves.json", thinned(losses))


def _free_points(job: Job, train: tuple[Tensor, Tensor], test: tuple[Tensor, Tensor]) -> Aligned:
    """Nothing but the points themselves moves, so it is the held-out ones that do."""
    settings = job.config.value(f"rival.{job.items['method']}")
    distance = partial(squared_mmd, width=settings["width"]) if "width" in settings else emd
    aligner = FreePoints(
        distance, steps=settings["steps"], learning_rate=settings["learning_rate"]
    ).fit(*test)
    return aligner.points_[None], {job.items["method"]: aligner.result_.curve}


def _adversarial(
    kind: type[Adversarial], job: Job, train: tuple[Tensor, Tensor], test: tuple[Tensor, Tensor]
) -> Aligned:
    shape, seeds = job.config.align[job.items["pair"]], seeds_of(job)
    flow = RealNVP(
        test[0].shape[-1],
        couplings=shape.couplings,
        hidden=shape.hidden,
        batch_shape=(len(seeds),),
        seeds=seeds,
    )
    settings = job.config.value(f"rival.{job.items['method']}")
    aligner = kind(flow, seeds=seeds, **settings).fit(*train)
    losses = {
        "discriminator": aligner.result_.discriminator_curve,
        "generator": aligner.result_.generator_curve,
    }
    return aligner.transform(test[0]), losses


def _flow_matching(job: Job, train: tuple[Tensor, Tensor], test: tuple[Tensor, Tensor]) -> Aligned:
    settings = job.config.value(f"rival.{job.items['method']}")
    aligner = FlowMatching(seeds=seeds_of(job), **settings).fit(*train)
    return aligner.transform(test[0]), {"flow_matching": aligner.result_.curve}


METHODS: dict[str, Callable[[Job, tuple[Tensor, Tensor], tuple[Tensor, Tensor]], Aligned]] = {
    "mmd": _free_points,
    "emd": _free_points,
    "sn-gan": partial(_adversarial, SNGAN),
    "wgan-gp": partial(_adversarial, WGANGP),
    "ot-cfm": _flow_matching,
}

if __name__ == "__main__":
    main()
