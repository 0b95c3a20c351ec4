"""Train one translator between the domains of a set, without labels, and translate test images.

A few test images are translated on the way too, for the learning curve. Nothing is chosen by them:
what is kept and judged is the end of the training.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from isthmus.data.pairs import image_domains
from isthmus.data.table import Table, write_table
from isthmus.job import Job, stage
from isthmus.metrics.summary import curves, summary
from isthmus.networks.distributed import group, meet
from isthmus.networks.images import image_bytes
from isthmus.networks.storage import save
from isthmus.report.figures import translations_sheet
from isthmus.seeding import derive
from isthmus.translation.benchmark import build
from isthmus.translation.course import follow, progress, stops
from isthmus.translation.trainer import Trainer
from isthmus.translation.translator import Direction, Translator, translate_bytes

DIRECTIONS: tuple[Direction, Direction] = ("a2b", "b2a")
Rows = npt.NDArray[np.int64]
Block = tuple[int, int, Rows, Rows, Tensor]
"""Seed, side of the source, rows of sources and guides, and translations."""


@stage(
    "seed",
    "threads",
    "device",
    "translation",
    "translator.{translator}",
    folder="runs/{scale}/translate/{set}/{translator}",
)
def main(job: Job) -> None:
    """Train one translator between the domains of a set."""
    name, settings = job.items["translator"], job.config.value("translation")
    own = job.config.value(f"translator.{name}")
    train = image_domains(job.input(f"scenes/{job.items['set']}/train.parquet"))
    test = image_domains(job.input(f"scenes/{job.items['set']}/test.parquet"))
    (a, b), sources = (
        (image_bytes(table) for table in train),
        [image_bytes(table) for table in test],
    )
    pairs = _pairs([len(part) for part in sources], derive(job.config.seed, job.items["set"]))
    few = [(source[: settings["pairs"]], guide[: settings["pairs"]]) for source, guide in pairs]

    def look(model: Translator) -> list[Tensor]:
        return _translate(model, sources, few)

    blocks: list[Block] = []
    passing: dict[int, list[Block]] = {}
    series, minutes = [], []
    with group(job.config.device) as device:
        for index in range(settings["seeds"]):
            seed = derive(job.seed, index)
            translator, training = build(name, settings, own, side=a.shape[-1], seed=seed)
            trainer = Trainer(translator.to(device), a, b, training, seed=seed)
            started = time.process_time()
            seen = follow(
                trainer,
                stops(training.steps, settings["snapshots"]),
                look,
                job.checkpoints(index),
                on_step=progress(training.steps),
            )
            for step, moved in seen.items():
                passing.setdefault(step, []).extend(
                    (index, side, *few[side], images) for side, images in enumerate(moved)
                )
            minutes.append((time.process_time() - started) / 60)
            model = trainer.averaged()
            if index == 0:
                save(model, job.output("model.json").parent)
            blocks += [
                (index, side, *pairs[side], moved)
                for side, moved in enumerate(_translate(model, sources, pairs))
            ]
            series.append(trainer.curves)
        meet()  # the others still read their checkpoints
    table = _table(job, blocks)
    write_table(table, job.output("translated.parquet"))
    write_table(_over_steps(job, passing), job.output("snapshots.parquet"))
    translations_sheet(table, test, job.output("sheet.png"))
    last = {key: summary([run[key][-1] for run in series]) for key in series[0]}
    job.write_json("metrics.json", {"last": last})
    job.write_json(
        "curves.json",
        curves({k.replace("/", "_"): np.transpose([run[k] for run in series]) for k in series[0]}),
    )
    for index in range(settings["seeds"]):
        shutil.rmtree(job.checkpoints(index), ignore_errors=True)
    print(f"{np.mean(minutes):.1f} core-minutes a seed")


def _pairs(counts: list[int], seed: int) -> list[tuple[Rows, Rows]]:
    """For each direction the rows of sources, each once, and of random guides: one list for all."""
    rng = np.random.default_rng(seed)
    return [
        (np.arange(counts[side]), rng.integers(counts[1 - side], size=counts[side]))
        for side in range(2)
    ]


def _translate(
    model: Translator, sources: list[Tensor], pairs: list[tuple[Rows, Rows]]
) -> list[Tensor]:
    return [
        translate_bytes(model, sources[side][source], direction, sources[1 - side][guide])
        for (side, direction), (source, guide) in zip(enumerate(DIRECTIONS), pairs, strict=True)
    ]


def _over_steps(job: Job, passing: dict[int, list[Block]]) -> Table:
    """The translations on the way, with the step they were made at."""
    table = _table(job, [block for blocks in passing.values() for block in blocks])
    counts = [sum(len(moved) for *_, moved in blocks) for blocks in passing.values()]
    return replace(
        table,
        factors={"step": np.repeat(np.arange(len(passing)), counts)} | table.factors,
        levels={"step": tuple(str(step) for step in passing)} | table.levels,
    )


def _table(job: Job, blocks: list[Block]) -> Table:
    """All translations, with the seed, the direction and the rows they were made from."""
    sizes = [len(moved) for *_, moved in blocks]
    columns = {
        "member": np.repeat([index for index, *_ in blocks], sizes),
        "direction": np.repeat([side for _, side, *_ in blocks], sizes),
        "source": np.concatenate([source for _, _, source, _, _ in blocks]),
        "guide": np.concatenate([guide for _, _, _, guide, _ in blocks]),
    }
    rows = max(int(columns[name].max()) for name in ("source", "guide")) + 1
    numbers = tuple(str(i) for i in range(rows))
    members = tuple(str(i) for i in range(int(columns["member"].max()) + 1))
    images = torch.cat([moved for *_, moved in blocks]).permute(0, 2, 3, 1).contiguous()
    return Table(
        kind="images",
        values=images.numpy(),
        factors={name: column.astype(np.int64) for name, column in columns.items()},
        levels={
            "member": members,
            "direction": ("a2b", "b2a"),
            "source": numbers,
            "guide": numbers,
        },
        value_range=(0.0, 255.0),
        source=f"{job.key}",
        seed=job.seed,
    )


if __name__ == "__main__":
    main()
