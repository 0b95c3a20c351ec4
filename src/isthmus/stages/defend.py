"""Train one method of the self-defence on one set of pairs, whose pairs pix2pix alone is told.

It is `translate` for methods that are judged by their networks: those of every seed are kept, and
nothing is translated here.
"""

from __future__ import annotations

import shutil
import time

import numpy as np
import torch
from safetensors.torch import save_file

from isthmus.data.pairs import image_domains
from isthmus.job import Job, stage
from isthmus.metrics.summary import curves, summary
from isthmus.networks.distributed import group, meet
from isthmus.networks.images import image_bytes
from isthmus.networks.storage import save
from isthmus.seeding import derive
from isthmus.translation.benchmark import build
from isthmus.translation.course import STATE, progress
from isthmus.translation.trainer import Trainer

EVERY = 250
"""Steps between two checkpoints."""


@stage(
    "seed",
    "threads",
    "device",
    "defence",
    "translator.{defence}",
    folder="runs/{scale}/defend/{paired_set}/{defence}",
)
def main(job: Job) -> None:
    """Train one method of the self-defence on one set of pairs."""
    name, settings = job.items["defence"], job.config.value("defence")
    own = job.config.value(f"translator.{name}")
    a, b = (
        image_bytes(table)
        for table in image_domains(job.input(f"paired/{job.items['paired_set']}/train.parquet"))
    )
    models, series, minutes = [], [], []
    with group(job.config.device) as device:
        for index in range(settings["seeds"]):
            seed = derive(job.seed, index)
            translator, training = build(name, settings, own, side=a.shape[-1], seed=seed)
            trainer = Trainer(translator.to(device), a, b, training, seed=seed)
            state = job.checkpoints(index) / STATE
            started = time.process_time()
            trainer.run(on_step=progress(training.steps), checkpoint=state, every=EVERY)
            minutes.append((time.process_time() - started) / 60)
            models.append(trainer.averaged())
            series.append(trainer.curves)
        meet()  # the others still read their checkpoints
    save(models[0], job.output("model.json").parent)
    weights = [model.state_dict() for model in models]
    members = {key: torch.stack([each[key] for each in weights]) for key in weights[0]}
    save_file(members, job.output("members.safetensors"))
    last = {key: summary([run[key][-1] for run in series]) for key in series[0]}
    job.write_json("metrics.json", {"last": last})
    by_name = {k.replace("/", "_"): np.transpose([run[k] for run in series]) for k in series[0]}
    job.write_json("curves.json", curves(by_name))
    for index in range(settings["seeds"]):
        shutil.rmtree(job.checkpoints(index), ignore_errors=True)
    print(f"{np.mean(minutes):.1f} core-minutes a seed")


if __name__ == "__main__":
    main()
