"""Fit the private densities of both domains, in every family; they give the constant c(A, B)."""

from __future__ import annotations

import torch
from safetensors.torch import save_file

from isthmus.data.pairs import read_domains
from isthmus.densities import Gaussian, GaussianMixture, RealNVPDensity, fit
from isthmus.job import Job, stage
from isthmus.metrics.summary import curves as thinned
from isthmus.metrics.summary import summary
from isthmus.stages.private import domains, seeds_of


@stage("seed", "threads", "prefit.{pair}", folder="runs/{scale}/prefit/{pair}")
def main(job: Job) -> None:
    """Fit the private densities of both domains in every family."""
    pair, settings = job.items["pair"], job.config.prefit[job.items["pair"]]
    seeds = seeds_of(job)
    train = domains(*read_domains(job.input(f"points/{pair}/train.parquet")))
    test = domains(*read_domains(job.input(f"points/{pair}/test.parquet")))
    width, shape, tensors, curves = train[0].shape[-1], (len(seeds),), {}, {}
    metrics: dict[str, dict[str, object]] = {}
    for side, x, held_out in zip("ab", train, test, strict=True):
        flow = settings.realnvp
        realnvp = RealNVPDensity(
            width,
            couplings=flow.couplings,
            hidden=flow.hidden,
            batch_shape=shape,
            seeds=seeds,
        )
        result = fit(
            realnvp,
            x,
            held_out=held_out,
            steps=flow.steps,
            batch_size=flow.batch_size,
            learning_rate=flow.learning_rate,
            seeds=seeds,
        )
        curves[f"{side}_nats"] = result.curve
        mixture = GaussianMixture(
            width, settings.mixture_components, batch_shape=shape, seeds=seeds
        ).double()
        fitted = {
            "gaussian": Gaussian(width, batch_shape=shape).double().fit(x),
            "mixture": mixture.fit(x),
            "realnvp": realnvp,
        }
        for family, density in fitted.items():
            for name, tensor in density.state_dict().items():
                tensors[f"{family}.{side}.{name}"] = tensor.contiguous().clone()
            with torch.no_grad():
                nll = -density().log_prob(held_out.to(next(density.parameters()))).mean(-1)
            metrics.setdefault(family, {})[f"nll_{side}"] = summary(nll.tolist())
    for family, entry in metrics.items():
        total = [
            -a - b
            for a, b in zip(entry["nll_a"]["values"], entry["nll_b"]["values"], strict=True)  # type: ignore[index]
        ]
        metrics[family]["constant"] = summary(total)
    save_file(tensors, job.output("densities.safetensors"))
    job.write_json("metrics.json", metrics)
    job.write_json("curves.json", thinned(curves))


if __name__ == "__main__":
    main()
