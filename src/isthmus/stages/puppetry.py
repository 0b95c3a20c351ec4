"""Train one puppeteer on one task, without labels of real images, and drive real test images by it.

A few are driven on the way too, for the learning curve; nothing is chosen by them.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from isthmus.data.puppets import unstack
from isthmus.data.table import Table, read_table, write_table
from isthmus.job import Job, stage
from isthmus.metrics.summary import curves, summary
from isthmus.networks.distributed import group, meet
from isthmus.networks.images import image_bytes
from isthmus.networks.storage import save
from isthmus.report.puppets import driven_sheet
from isthmus.seeding import derive
from isthmus.translation.benchmark import assemble
from isthmus.translation.course import follow, progress, stops
from isthmus.translation.puppet_tasks import TASKS
from isthmus.translation.puppeteers import PUPPETEERS, driven
from isthmus.translation.trainer import Trainer
from isthmus.translation.translator import LearnedTranslator


@stage(
    "seed",
    "threads",
    "device",
    "puppetry",
    "puppeteer.{puppeteer}",
    folder="runs/{scale}/puppetry/{task}/{puppeteer}",
)
def main(job: Job) -> None:
    """Train one puppeteer on one task, and drive real test images by it."""
    name, settings = job.items["puppeteer"], job.config.value("puppetry")
    puppeteer, task = PUPPETEERS[name], TASKS[job.items["task"]]
    prefix = "far_" if puppeteer.far else ""
    a, reals = (image_bytes(_table(job, each)) for each in ("train", "test"))
    triplets = _table(job, f"{prefix}triplets")
    sequences = _table(job, f"{prefix}sequences")
    b = puppeteer.lesson(torch.from_numpy(unstack(triplets)), task.attributes(triplets))
    flat = image_bytes(sequences)
    guides = flat.reshape(-1, len(sequences.levels["step"]), *flat.shape[1:])

    def look(model: LearnedTranslator) -> list[Tensor]:
        return [driven(model, puppeteer.drive, reals[: settings["looked_at"]], guides)]

    results, passing, series, minutes = [], [], [], []
    with group(job.config.device) as device:
        for index in range(settings["seeds"]):
            seed = derive(job.seed, index)
            shape = {"channels": a.shape[1], "side": a.shape[-1]}
            own = job.config.value(f"puppeteer.{name}")
            model, training = assemble(puppeteer.method, settings, own, shape, seed=seed)
            trainer = Trainer(model.to(device), a, b, training, seed=seed)
            at = stops(training.steps, settings["snapshots"])
            started = time.process_time()
            seen = follow(
                trainer, at, look, job.checkpoints(index), on_step=progress(training.steps)
            )
            minutes.append((time.process_time() - started) / 60)
            passing.append(torch.stack([moved for (moved,) in seen.values()]))
            averaged = trainer.averaged()
            results.append(driven(averaged, puppeteer.drive, reals, guides))
            if index == 0:
                save(averaged, job.output(""))
            series.append(trainer.curves)
        meet()  # the others still read their checkpoints
    axes = ("member", "real", "sequence", "step")
    outputs = torch.stack(results)
    write_table(_annotated(job, outputs, axes), job.output("driven.parquet"))
    snapshots = _annotated(job, torch.stack(passing), ("member", "stop", *axes[1:]), stop=at)
    write_table(snapshots, job.output("snapshots.parquet"))
    driven_sheet(reals, guides, outputs[0], job.output("sheet.png"))
    job.write_json(
        "metrics.json",
        {"last": {key: summary([run[key][-1] for run in series]) for key in series[0]}},
    )
    job.write_json(
        "curves.json",
        curves({k.replace("/", "_"): np.transpose([run[k] for run in series]) for k in series[0]}),
    )
    for index in range(settings["seeds"]):
        shutil.rmtree(job.checkpoints(index), ignore_errors=True)
    print(f"{np.mean(minutes):.1f} core-minutes a seed")


def _table(job: Job, name: str) -> Table:
    return read_table(job.input(f"puppets/{job.items['task']}/{name}.parquet"), kind="images")


def _annotated(job: Job, images: Tensor, axes: tuple[str, ...], **levels: Sequence[int]) -> Table:
    """Images `(..., c, side, side)` in a row each, with a factor an axis, whose levels are counted."""
    shape = images.shape[: len(axes)]
    codes = np.indices(shape).reshape(len(axes), -1)
    names = {axis: levels.get(axis, range(size)) for axis, size in zip(axes, shape, strict=True)}
    return Table(
        kind="images",
        values=images.flatten(0, len(axes) - 1).permute(0, 2, 3, 1).contiguous().numpy(),
        factors=dict(zip(axes, codes, strict=True)),
        levels={axis: tuple(map(str, each)) for axis, each in names.items()},
        value_range=(0.0, 255.0),
        source=job.key,
        seed=job.seed,
    )


if __name__ == "__main__":
    main()
