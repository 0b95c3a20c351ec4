"""Align a pair by LRMF: Gaussian with an affine flow, or RealNVP with a RealNVP flow."""

from __future__ import annotations

from torch import nn

from isthmus.alignment.lrmf import LRMF
from isthmus.data.pairs import read_domains
from isthmus.densities import Affine, Gaussian, RealNVP, RealNVPDensity
from isthmus.job import Job, stage
from isthmus.metrics.summary import curves as thinned
from isthmus.metrics.summary import summary
from isthmus.stages.aligned import write_aligned
from isthmus.stages.private import domains, private_densities, seeds_of


@stage(
    "seed",
    "threads",
    "prefit.{pair}",
    "align.{pair}",
    folder="runs/{scale}/align/{pair}/lrmf-{family}",
)
def main(job: Job) -> None:
    """Align a pair by LRMF."""
    pair, family = job.items["pair"], job.items["family"]
    a, b = domains(*read_domains(job.input(f"points/{pair}/train.parquet")))
    table, table_b = read_domains(job.input(f"points/{pair}/test.parquet"))
    test = domains(table, table_b)
    width, seeds, settings = a.shape[-1], seeds_of(job), job.config.align[pair]
    shape = (len(seeds),)
    density: nn.Module
    flow: nn.Module
    if family == "gaussian":
        density, flow = Gaussian(width, batch_shape=shape), Affine(width, batch_shape=shape)
    else:
        shared = job.config.prefit[pair].realnvp
        density = RealNVPDensity(
            width,
            couplings=shared.couplings,
            hidden=shared.hidden,
            batch_shape=shape,
            seeds=seeds,
        )
        flow = RealNVP(
            width,
            couplings=settings.couplings,
            hidden=settings.hidden,
            batch_shape=shape,
            seeds=seeds,
        )
    private = private_densities(job, family, width)
    aligner = LRMF(
        density,
        flow,
        steps=settings.steps,
        batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        seeds=seeds,
    )
    aligner.fit(a, b, held_out=test, private=private)
    result = aligner.result_
    for each in result.certificates:
        print(each)
    write_aligned(job, aligner.flow_, table, aligner.transform(test[0]))
    job.write_json(
        "metrics.json",
        {
            "loss": summary([c.value for c in result.certificates]),
            "loss_error": summary([c.error for c in result.certificates]),
            "loss_initial": summary(result.curve[0].tolist()),
            "constant": summary(result.constant.tolist()),
            "steps": int(result.steps.min()),
        },
    )
    job.write_json("curves.json", thinned({"loss_nats": result.curve}))


if __name__ == "__main__":
    main()
